/** Counts what a router tells, or notes when it comes: `sink LOCAL REMOTE ASN COUNT`; COUNT 0 notes each prefix. */
import { formatPrefix } from "../prefixes.ts";
import { now, onOrder, report } from "./talk.ts";
import { countPrefixes, eachPrefix, openSession } from "./wire.ts";

const [local, remote, asn, wanted] = process.argv.slice(2) as [string, string, string, string];
const all = Number(wanted);
const most = Math.floor(all * 0.99);
let count = 0;
let messages = 0;
let mostAt: bigint | undefined;

function tally(body: Uint8Array, at: bigint): void {
  const prefixes = countPrefixes(body);
  if (prefixes === 0) return;
  count += prefixes;
  messages += 1;
  if (count >= most) mostAt ??= at;
  if (count >= all && count - prefixes < all) report("complete", { at, mostAt, messages });
}

function note(body: Uint8Array, at: bigint): void {
  eachPrefix(body, (address, length) => {
    report("prefix", { at, prefix: formatPrefix({ address, length: length as 24 | 32 }) });
  });
}

// The router may tell all before the handshake is over for this side.
onOrder(() => undefined);
const startAt = now();
await openSession({ local, remote, asn: Number(asn), onUpdate: all === 0 ? note : tally });
report("established", { at: now(), startAt });
