/**
 * The RIB alone, without sockets: a table received from packed UPDATEs (decoder, import policy, best path), and sent to a
 * peer (export policy, grouping, packing). Each case in a process of its own, for its memory.
 *
 * Run it by `node --conditions=@netloom/source packages/bgp/bench/rib.ts [prefixes…]`.
 */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Rib, type Policy, type RibPeer } from "@netloom/bgp/rib";
import {
  encodeAttributes,
  MessageReader,
  packReach,
  UpdateDecoder,
  type PathAttributes,
  type WireContext,
} from "@netloom/bgp/wire";

const CONTEXT: WireContext = {
  fourOctetAs: true,
  internal: false,
  families: ["ipv4-unicast"],
  addPathReceive: [],
  addPathSend: [],
  extendedNextHop: false,
  maxMessage: 4096,
};
const CHUNK = 65_536;

/** Takes all, and changes it: no case is spared the policy. */
const IMPORT: Policy = {
  statements: [
    { match: { prefixes: [{ prefix: "10.0.0.0/8", maxLength: 32 }] }, action: "reject" },
    { action: "accept", set: { localPref: 200 } },
  ],
};
const EXPORT: Policy = { statements: [{ action: "accept", set: { addCommunities: ["65000:7"] } }] };

interface Figures {
  readonly ms: number;
  readonly cpu: number;
  readonly slice: number;
  readonly rss: number;
  readonly messages: number;
}

function attributes(set: number): PathAttributes {
  return {
    origin: "igp",
    asPath: [{ type: "sequence", asns: [65001, 3000 + (set % 50_000), 70_000 + set] }],
    nextHop: "192.0.2.1",
    med: set,
    communities: [65001 * 65536 + (set & 0xffff), 65001 * 65536 + 7],
  };
}

/** Half /24, half /32, no two alike, spread over 20.0.0.0 to 43.255.255.255. */
function writePrefix(index: number, buffer: Uint8Array, at: number): number {
  const spread = Math.imul(index >>> 1, 0x9e3779b1) >>> 0;
  const within = index % 2 === 0 ? index >>> 1 : spread % (1 << 21);
  const address =
    index % 2 === 0 ? 0x14000000 + within * 256 : 0x20000000 + (index >>> 1) * 181 + (within & 1);
  const length = index % 2 === 0 ? 24 : 32;
  buffer[at] = length;
  for (let byte = 0; byte * 8 < length; byte += 1) buffer[at + 1 + byte] = address >>> (24 - byte * 8);
  return at + 1 + length / 8;
}

/** UPDATEs of a whole table: sets assigned round robin, packed by set. */
function pack(prefixes: number, sets: number): Uint8Array {
  const messages: Uint8Array[] = [];
  for (let set = 0; set < sets; set += 1) {
    const encoded = encodeAttributes(attributes(set), CONTEXT, "ipv4-unicast");
    const count = Math.ceil((prefixes - set) / sets);
    const source = {
      write: (index: number, buffer: Uint8Array, at: number) => writePrefix(index * sets + set, buffer, at),
    };
    for (let from = 0; from < count;) {
      const packed = packReach(CONTEXT, "ipv4-unicast", encoded, source, from, count)!;
      messages.push(packed.message);
      from += packed.taken;
    }
  }
  return Buffer.concat(messages);
}

const peer = (name: string, asn: number): RibPeer => ({
  name,
  kind: "external",
  asn,
  localAsn: 65000,
  routerId: `192.0.2.${asn % 250}`,
  address: `192.0.2.${asn % 250}`,
});

function receive(file: string, rib: Rib, from: number): Omit<Figures, "rss"> {
  const reader = new MessageReader();
  const decoder = new UpdateDecoder(CONTEXT);
  const descriptor = openSync(file, "r");
  const chunk = new Uint8Array(CHUNK);
  let [messages, slice] = [0, 0];
  const cpu = process.cpuUsage();
  const began = performance.now();
  for (;;) {
    const read = readSync(descriptor, chunk);
    if (read === 0) break;
    const start = busy();
    reader.push(chunk.subarray(0, read));
    for (let message = reader.next(); message !== undefined; message = reader.next()) {
      rib.apply(from, decoder.decode(message.bytes));
      messages += 1;
    }
    slice = Math.max(slice, busy() - start);
  }
  const figures = { ...spent(began, cpu), slice, messages };
  closeSync(descriptor);
  return figures;
}

function send(rib: Rib, to: number): Omit<Figures, "rss"> {
  let [messages, slice, bytes] = [0, 0, 0];
  const cpu = process.cpuUsage();
  const began = performance.now();
  const opened = busy();
  const out = rib.openOut(to, "ipv4-unicast", CONTEXT, { address: "198.51.100.1" });
  slice = busy() - opened;
  for (;;) {
    const start = busy();
    const message = out.next();
    slice = Math.max(slice, busy() - start);
    if (message === undefined) break;
    if (message.length > 0) messages += 1;
    bytes += message.length;
  }
  return { ...spent(began, cpu), slice, messages };
}

function spent(began: number, before: NodeJS.CpuUsage): { ms: number; cpu: number } {
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - began, cpu: (user + system) / 1000 };
}

/** Milliseconds that this thread has computed: a slice is no longer because others had the CPU meanwhile. */
function busy(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The most that the process has ever had, in MB. */
const rss = (): number => process.resourceUsage().maxRSS / 1024;

function child(file: string, prefixes: number): void {
  const rib = new Rib({ asn: 65000, routerId: "192.0.2.250", onWork: () => {} });
  const from = rib.addPeer(peer("from", 65001), { "ipv4-unicast": { import: IMPORT } });
  const to = rib.addPeer(peer("to", 65002), { "ipv4-unicast": { export: EXPORT } });
  const received = { ...receive(file, rib, from), rss: rss() };
  const counts = rib.counts(from, "ipv4-unicast");
  if (counts.accepted !== prefixes) throw new Error(`${counts.accepted} of ${prefixes} arrived`);
  const sent = { ...send(rib, to), rss: rss() };
  if (rib.counts(to, "ipv4-unicast").advertised !== prefixes) throw new Error("not all were sent");
  const began = performance.now();
  rib.drop(from);
  while (rib.work());
  const dropped = performance.now() - began;
  console.log(JSON.stringify({ received, sent, dropped }));
}

function main(sizes: readonly number[]): void {
  const folder = mkdtempSync(join(tmpdir(), "netloom-rib-"));
  console.log(
    "prefixes   sets | receive ms   cpu  slice   rss | send ms   cpu  slice   rss  messages (ideal) | drop ms",
  );
  try {
    for (const prefixes of sizes) {
      for (const sets of [1, 1000, 100_000]) {
        const file = join(folder, "table");
        writeFileSync(file, pack(prefixes, sets));
        const run = spawnSync(
          process.execPath,
          ["--conditions=@netloom/source", fileURLToPath(import.meta.url), "child", file, String(prefixes)],
          { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
        );
        if (run.status !== 0) throw new Error(`the run of ${prefixes} prefixes failed`);
        const { received, sent, dropped } = JSON.parse(run.stdout) as Record<"received" | "sent", Figures> & {
          dropped: number;
        };
        const cells = ({ ms, cpu, slice, rss }: Figures) =>
          [ms, cpu, slice, rss].map((value) => value.toFixed(slice > value ? 1 : 0).padStart(6)).join(" ");
        console.log(
          `${String(prefixes).padStart(8)} ${String(sets).padStart(6)} |     ${cells(received)} | ${cells(sent)} ` +
            `${String(sent.messages).padStart(9)} (${received.messages}) | ${dropped.toFixed(0).padStart(7)}`,
        );
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const [mode, file, prefixes] = process.argv.slice(2);
if (mode === "child") child(file!, Number(prefixes));
else main(process.argv.length > 2 ? process.argv.slice(2).map(Number) : [100_000, 500_000, 1_000_000]);
