/**
 * What the loader costs: map operations, batches, loading, ring buffer. Beside each figure stands that of the prototype
 * the design was chosen by (another machine day, so read ratios), and what a bare system call costs here and now.
 *
 * Run as root: node --conditions=@netloom/source packages/bpf-loader/bench/loader.ts
 */
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Worker } from "node:worker_threads";
import { codecs, createMap, defineMap, load, mapArray, parseObject } from "../src/index.ts";
import type { BpfMap, Codec, ObjectSpec } from "../src/index.ts";
import { COMMAND } from "../src/abi.ts";
import { ElementIo } from "../src/maps/element.ts";
import { linuxSys } from "../src/sys/linux.ts";

const ROUNDS = 7;
const OPERATIONS = 50_000;
const ELEMENTS = 50_000;

interface FlowKey {
  saddr: number;
  daddr: number;
  sport: number;
  dport: number;
  proto: number;
}

interface FlowValue {
  packets: bigint;
  bytes: bigint;
  lifetime: number;
  flags: number;
}

/** As bpf2ts writes them: straight-line, 16 and 24 bytes. */
const flowKey: Codec<FlowKey> = {
  size: 16,
  encode(value, view, offset) {
    view.setUint32(offset, value.saddr, false);
    view.setUint32(offset + 4, value.daddr, false);
    view.setUint16(offset + 8, value.sport, false);
    view.setUint16(offset + 10, value.dport, false);
    view.setUint32(offset + 12, value.proto, true);
  },
  decode: (view, offset) => ({
    saddr: view.getUint32(offset, false),
    daddr: view.getUint32(offset + 4, false),
    sport: view.getUint16(offset + 8, false),
    dport: view.getUint16(offset + 10, false),
    proto: view.getUint32(offset + 12, true),
  }),
};
const flowValue: Codec<FlowValue> = {
  size: 24,
  encode(value, view, offset) {
    view.setBigUint64(offset, value.packets, true);
    view.setBigUint64(offset + 8, value.bytes, true);
    view.setUint32(offset + 16, value.lifetime, true);
    view.setUint32(offset + 20, value.flags, true);
  },
  decode: (view, offset) => ({
    packets: view.getBigUint64(offset, true),
    bytes: view.getBigUint64(offset + 8, true),
    lifetime: view.getUint32(offset + 16, true),
    flags: view.getUint32(offset + 20, true),
  }),
};

interface Row {
  readonly name: string;
  /** Of the prototype, in nanoseconds. */
  readonly prototype: string;
  /** Operations per call of `run`. */
  readonly count: number;
  readonly run: () => void;
  best: number;
}

const rows: Row[] = [];

/** What bare system calls point at: nothing else holds it, and the kernel does not ask the garbage collector. */
const kept: object[] = [];

function row(name: string, prototype: string, count: number, run: () => void): void {
  rows.push({ name, prototype, count, run, best: Number.POSITIVE_INFINITY });
}

/** Rounds of all rows in turn, so that a noisy moment hits none of them alone. */
function measure(): void {
  for (let round = 0; round < ROUNDS; round++) {
    for (const entry of rows) {
      const start = process.hrtime.bigint();
      entry.run();
      entry.best = Math.min(entry.best, Number(process.hrtime.bigint() - start) / entry.count);
    }
  }
  for (const { name, prototype, best } of rows)
    print(name, `${best.toFixed(best < 10 ? 1 : 0)} ns`, prototype);
}

function print(name: string, ours: string, prototype: string): void {
  console.log(`${name.padEnd(52)} ${ours.padStart(24)}   ${prototype}`);
}

const flow = (index: number): FlowKey => ({ saddr: index, daddr: 1, sport: 80, dport: 443, proto: 6 });
const some: FlowValue = { packets: 1n, bytes: 2n, lifetime: 3, flags: 4 };

function mapRows(): Disposable {
  const hash = createMap(
    { name: "bench", type: "hash", keySize: 16, valueSize: 24, maxEntries: 65_536 },
    defineMap({ name: "bench", type: "hash", key: flowKey, value: flowValue }),
  );
  const raw = createMap(
    { name: "raw", type: "hash", keySize: 16, valueSize: 24, maxEntries: 65_536 },
    defineMap({ name: "raw", type: "hash", key: codecs.bytes(16), value: codecs.bytes(24) }),
  );
  const array = createMap(
    { name: "array", type: "array", keySize: 4, valueSize: 8, maxEntries: 64, flags: 1 << 10 },
    defineMap({ name: "array", type: "array", key: codecs.u32, value: codecs.u64 }),
  );
  const mapped = mapArray(array, codecs.u64);
  const keys = Array.from({ length: ELEMENTS }, (_, index) => flow(index));
  const entries = keys.map((key) => [key, some] as const);
  hash.setMany(entries);
  const target = { ...some };

  bareRows(hash);
  row("get, typed", "575", OPERATIONS, () => {
    for (let i = 0; i < OPERATIONS; i++) hash.get(keys[i] as FlowKey);
  });
  row("getInto, typed", "–", OPERATIONS, () => {
    for (let i = 0; i < OPERATIONS; i++) hash.getInto(keys[i] as FlowKey, target);
  });
  row("set, typed", "652", OPERATIONS, () => {
    for (let i = 0; i < OPERATIONS; i++) hash.set(keys[i] as FlowKey, some);
  });
  row("delete + set, typed", "1109 (raw)", OPERATIONS, () => {
    for (let i = 0; i < OPERATIONS; i++) {
      hash.delete(keys[i] as FlowKey);
      hash.set(keys[i] as FlowKey, some);
    }
  });
  row("setMany, per element, typed", "386 (raw 253)", ELEMENTS, () => void hash.setMany(entries));
  row("entries, per element, typed", "210 (raw 122)", ELEMENTS, () => {
    for (const _ of hash) void _;
  });
  bareBatch(hash);
  row("count, per element", "122 (raw)", ELEMENTS, () => void hash.count());
  rawRows(raw);
  row("mapped array read", "3", OPERATIONS * 10, () => {
    let sum = 0n;
    for (let i = 0; i < OPERATIONS * 10; i++) sum += mapped.get(i & 63);
    void sum;
  });
  lpmRows();
  return hash;
}

/** The same for a batch: the whole map in one call, looked at by nobody. */
function bareBatch(hash: BpfMap<FlowKey, FlowValue>): void {
  const sys = linuxSys();
  const info = hash.info();
  const keys = new ArrayBuffer(16 * info.maxEntries);
  const values = new ArrayBuffer(24 * info.maxEntries);
  const cursor = new ArrayBuffer(16);
  const view = new DataView(new ArrayBuffer(56));
  const pointers = [cursor, keys, values].map((buffer) => BigInt(sys.address(buffer)));
  for (const [index, pointer] of pointers.entries()) view.setBigUint64(8 + index * 8, pointer, true);
  view.setUint32(36, hash.fd, true);
  const address = sys.address(view.buffer);
  kept.push(keys, values, cursor, view);
  row("bare system call: lookup batch, per element", "122", ELEMENTS, () => {
    view.setUint32(32, info.maxEntries, true);
    sys.bpf(COMMAND.BPF_MAP_LOOKUP_BATCH, address, 56);
  });
}

/** The floor: the same system call with everything prepared, and nothing else. */
function bareRows(hash: BpfMap<FlowKey, FlowValue>): void {
  const sys = linuxSys();
  const io = new ElementIo(hash.handle, 16, 24);
  flowKey.encode(flow(7), io.key, 0);
  const attr = new ArrayBuffer(32);
  const view = new DataView(attr);
  view.setUint32(0, hash.fd, true);
  view.setBigUint64(8, BigInt(sys.address(io.key.buffer)), true);
  view.setBigUint64(16, BigInt(sys.address(io.value.buffer)), true);
  const address = sys.address(attr);
  kept.push(io, attr);
  row("bare system call: lookup", "504", OPERATIONS, () => {
    for (let i = 0; i < OPERATIONS; i++) sys.bpf(COMMAND.BPF_MAP_LOOKUP_ELEM, address, 32);
  });
  row("bare system call: update", "571", OPERATIONS, () => {
    for (let i = 0; i < OPERATIONS; i++) sys.bpf(COMMAND.BPF_MAP_UPDATE_ELEM, address, 32);
  });
}

function rawRows(raw: BpfMap<Uint8Array, Uint8Array>): void {
  const keys = Array.from({ length: ELEMENTS }, (_, index) => {
    const key = new Uint8Array(16);
    new DataView(key.buffer).setUint32(0, index);
    return key;
  });
  const value = new Uint8Array(24);
  const entries = keys.map((key) => [key, value] as const);
  row("setMany, per element, bytes", "253", ELEMENTS, () => void raw.setMany(entries));
  row("deleteMany, per element, bytes", "250", ELEMENTS, () => void raw.deleteMany(keys));
}

function lpmRows(): void {
  const lpm = createMap(
    { name: "lpm", type: "lpm_trie", keySize: 8, valueSize: 4, maxEntries: 4096, flags: 1 },
    defineMap({ name: "lpm", type: "lpm_trie", key: codecs.bytes(8), value: codecs.u32 }),
  );
  const prefixes = Array.from({ length: 1024 }, (_, index) => {
    const prefix = new Uint8Array(8);
    prefix.set([32, 0, 0, 0, 10, 0, index >> 8, index & 255]);
    return prefix;
  });
  row("LPM trie set", "1298", 1024, () => {
    for (const prefix of prefixes) lpm.set(prefix, 1);
  });
  row("LPM trie get", "723", 1024, () => {
    for (const prefix of prefixes) lpm.get(prefix);
  });
}

function parse(name: string): ObjectSpec {
  const url = new URL(`../test/objects/${name}.bpf.o`, import.meta.url);
  return parseObject(readFileSync(url), { name });
}

async function loading(): Promise<void> {
  let parseBest = Number.POSITIVE_INFINITY;
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 20; round++) {
    const start = performance.now();
    const spec = parse("maps");
    parseBest = Math.min(parseBest, performance.now() - start);
    (await load(spec)).close();
    best = Math.min(best, performance.now() - start);
  }
  print("parse an object (8 maps)", `${parseBest.toFixed(2)} ms`, "0.24 ms (13 maps)");
  print("parse, load, close (8 maps, 1 program)", `${best.toFixed(1)} ms`, "5.3 ms (13 maps, 7 programs)");
}

/** Records that wait in a full ring, drained at once. */
async function drains(): Promise<void> {
  await using events = await load(parse("events").with({ maxEntries: { events: 4 << 20 } }), {
    only: ["produce_quietly"],
  });
  const ring = events.map("events");
  if (!("reader" in ring)) throw new TypeError("not a ring buffer");
  const program = events.program("produce_quietly");
  for (const [name, prototype, decode] of [
    [
      "ring drain, per record, looked at in place",
      "42–100",
      (view: DataView, at: number): number => view.getUint32(at, true),
    ],
    ["ring drain, per record, decoded to an object", "143–490", decodeEvent],
    ["ring drain, per record, copied", "143–490", undefined],
  ] as const) {
    using reader = decode === undefined ? ring.reader() : ring.reader<unknown>(decode);
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS; round++) {
      program.run({ repeat: 100_000 });
      const start = process.hrtime.bigint();
      let count = 0;
      reader.consume(() => count++);
      best = Math.min(best, Number(process.hrtime.bigint() - start) / count);
    }
    print(name, `${best.toFixed(0)} ns`, prototype);
  }
}

function decodeEvent(view: DataView, at: number): object {
  return {
    sequence: view.getBigUint64(at, true),
    mark: view.getUint32(at + 8, true),
    length: view.getUint32(at + 12, true),
  };
}

const PRODUCER = `
const { workerData } = require("node:worker_threads");
import(workerData.module).then(({ openProgramById }) => {
  const program = openProgramById(workerData.id);
  const end = Date.now() + workerData.ms;
  while (Date.now() < end) program.run({ repeat: workerData.burst, ctx: { mark: 1 } });
  program.close();
});
`;

/** A producer on another thread, as fast as it can, into a 4 MiB ring. */
async function contended(name: string, options: { pollMs?: number }, producer: string): Promise<void> {
  await using events = await load(parse("events").with({ maxEntries: { events: 4 << 20 } }), {
    only: [producer],
  });
  const ring = events.map("events");
  if (!("reader" in ring)) throw new TypeError("not a ring buffer");
  const lost = events.variable<bigint>("lost");
  using reader = ring.reader((view, at) => view.getUint32(at + 8, true), {
    ...options,
    lost: () => lost.get(),
  });
  using delay = Object.assign(monitorEventLoopDelay({ resolution: 1 }), { [Symbol.dispose]: () => {} });
  const module = new URL("../src/index.ts", import.meta.url).href;
  const workerData = { module, id: events.program(producer).id, ms: 2000, burst: 20_000 };
  const worker = new Worker(PRODUCER, { eval: true, workerData });
  using _subscription = reader.on(() => {});
  while (reader.delivered === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const start = performance.now();
  const before = reader.delivered;
  delay.enable();
  await new Promise((resolve) => worker.once("exit", resolve));
  const seconds = (performance.now() - start) / 1000;
  delay.disable();
  const events_ = reader.delivered - before;
  const share = (Number(reader.lost) * 100) / (Number(reader.lost) + reader.delivered);
  print(
    name,
    `${(events_ / seconds / 1e6).toFixed(2)} M/s`,
    `3.0–4.8 M/s; loop p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms (4–6), max ${(delay.max / 1e6).toFixed(1)} ms (40–67), lost ${share.toFixed(1)} %`,
  );
}

print("", "here", "prototype (ebpf-from-node, section 2)");
{
  using _maps = mapRows();
  measure();
}
await loading();
await drains();
for (let round = 0; round < 3; round++) {
  await contended("ring, flat out, woken", {}, "produce");
  await contended("ring, flat out, polled every 2 ms", { pollMs: 2 }, "produce_quietly");
}
