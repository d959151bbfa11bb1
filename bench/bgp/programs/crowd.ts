/** Many neighbours in one process, which only keep their sessions: `crowd REMOTE ASN COUNT HOLD`. */
import { now, onOrder, report } from "./talk.ts";
import { openSession } from "./wire.ts";

/** Handshakes at a time: a router's queue of callers may be short. */
const AT_ONCE = 50;

const [remote, asn, count, hold] = process.argv.slice(2) as [string, string, string, string];
const addresses = Array.from({ length: Number(count) }, (_, index) => addressOf(index));
const startAt = now();
let lost = 0;

async function call(): Promise<void> {
  for (let local = addresses.pop(); local !== undefined; local = addresses.pop()) {
    const socket = await openSession({ local, remote, asn: Number(asn), hold: Number(hold) });
    socket.once("close", () => {
      lost += 1;
    });
  }
}

function addressOf(index: number): string {
  return `10.99.${100 + Math.floor(index / 250)}.${1 + (index % 250)}`;
}

await Promise.all(Array.from({ length: AT_ONCE }, call));
report("complete", { at: now(), startAt });
onOrder(() => report("lost", { lost }));
