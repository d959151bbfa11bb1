/** Our speaker in a process of its own: `netloom CONFIG`, a `SpeakerConfig` in JSON. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createSpeaker, type LocalRoute, type SpeakerConfig, tcp } from "@netloom/bgp";
import { formatPrefix, prefixAt } from "../prefixes.ts";
import { now, onOrder, report } from "./talk.ts";

const speaker = createSpeaker(JSON.parse(process.argv[2]!) as SpeakerConfig, { transport: tcp() });
const delay = monitorEventLoopDelay({ resolution: 1 });
speaker.on("error", (error) => console.error(error));
await speaker.start();
report("started");

/** Routes that the import policy let in, of all peers. */
function accepted(): number {
  return speaker
    .peers()
    .flatMap(({ families }) => families)
    .reduce((sum, family) => sum + family.accepted, 0);
}

function watch(count: number): void {
  delay.reset();
  delay.enable();
  const timer = setInterval(() => {
    if (accepted() < count) return;
    const at = now();
    clearInterval(timer);
    delay.disable();
    report("received", { at, stall: delay.max });
  }, 2);
}

function own(count: number, sets: number): LocalRoute[] {
  return Array.from({ length: count }, (_, index) => ({
    prefix: formatPrefix(prefixAt(index)),
    med: index % sets,
    communities: ["65000:1", `65000:${index % sets}`],
  }));
}

onOrder(({ event, count, sets, index }) => {
  if (event === "watch") watch(Number(count));
  else if (event === "advertise") {
    speaker.advertise("table", own(Number(count), Number(sets)));
    report("advertised");
  } else if (event === "one") {
    const prefix = formatPrefix(prefixAt(Number(index)));
    const at = now();
    speaker.advertise(`one-${String(index)}`, [{ prefix }]);
    report("sent", { at, prefix });
  }
});
