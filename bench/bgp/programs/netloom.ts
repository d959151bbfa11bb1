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

/**
 * Watches the event loop by a timer: `stall`, the longest that it stood still; `busy`, the most that its thread has
 * computed between two ticks. What others computed on the same processor is in the first alone. Nanoseconds.
 */
function watchLoop(tick: () => boolean): Promise<{ readonly stall: number; readonly busy: number }> {
  delay.reset();
  delay.enable();
  let before = computed();
  let busy = 0;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      busy = Math.max(busy, computed() - before);
      before = computed();
      if (!tick()) return;
      clearInterval(timer);
      delay.disable();
      resolve({ stall: delay.max, busy });
    }, 2);
  });
}

function computed(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) * 1000;
}

async function watch(count: number): Promise<void> {
  let at = 0n;
  const loop = await watchLoop(() => {
    if (accepted() < count) return false;
    at = now();
    return true;
  });
  report("received", { at, ...loop });
}

/** Made one by one, as they are read. */
function* own(count: number, sets: number): Generator<LocalRoute> {
  for (let index = 0; index < count; index++) {
    yield {
      prefix: formatPrefix(prefixAt(index)),
      med: index % sets,
      communities: ["65000:1", `65000:${index % sets}`],
    };
  }
}

async function load(count: number, sets: number): Promise<void> {
  const at = now();
  let loaded = false;
  const watched = watchLoop(() => loaded);
  await speaker.load("table", own(count, sets));
  loaded = true;
  report("loaded", { at, until: now(), ...(await watched) });
}

onOrder(({ event, count, sets, index }) => {
  if (event === "watch") void watch(Number(count));
  else if (event === "load") void load(Number(count), Number(sets));
  else if (event === "one") {
    const prefix = formatPrefix(prefixAt(Number(index)));
    const at = now();
    speaker.advertise(`one-${String(index)}`, [{ prefix }]);
    report("sent", { at, prefix });
  }
});
