/**
 * What the loader costs beside the same work in C with libbpf, in the same rounds; and beside the prototype that the
 * design was chosen by, `ebpf-from-node.md`, section 2, as a ratio to C there and in its own units.
 *
 * Run it by `npm run bench -- loader`.
 */
import { fileURLToPath } from "node:url";
import { load } from "@netloom/bpf-loader";
import { Clang } from "../lib/clang.ts";
import { exitOnInterrupt } from "../lib/interrupt.ts";
import { roundsWanted } from "../lib/options.ts";
import { median, pairedRatio, rounds, type Figures } from "../lib/rounds.ts";
import { ms, NONE, ns, printTable, ratio } from "../lib/table.ts";
import { mapWork } from "./maps.ts";
import { DATAPATH, loadDatapath, openDatapath } from "./objects.ts";
import { Peer } from "./peer.ts";
import { decoded, drain, flood, idle, inPlace, type Delay, type Flood } from "./ring.ts";

const ROUNDS = roundsWanted(15);
const FLOODS = 3;

exitOnInterrupt();
using clang = new Clang();
const ringObject = clang.bpfFile(new URL("ring.bpf.c", import.meta.url));
using peer = new Peer(clang, ringObject, fileURLToPath(DATAPATH));
await using ring = await load(clang.bpf(new URL("ring.bpf.c", import.meta.url)));
await operations();
await floods();

/** What is freed after loading, the kernel frees in the background: so objects come last, and by themselves. */
async function operations(): Promise<void> {
  const rows = [...(await onMaps()), ...(await onRing()), ...(await onObjects())];
  printTable(
    `CPU time of one operation: ${ROUNDS} rounds`,
    ["", "ours", "C, libbpf", "ours / C", "goal"],
    rows,
  );
}

async function onMaps(): Promise<string[][]> {
  using maps = mapWork();
  const of = await rounds(ROUNDS, {
    ...pick(maps.contenders, "get", "getInto"),
    cLookup: peer.cost("lookup"),
    ...pick(maps.contenders, "set"),
    cUpdate: peer.cost("update"),
    ...pick(maps.contenders, "replace"),
    cReplace: peer.cost("replace"),
    ...pick(maps.contenders, "setMany", "setManyBytes"),
    cUpdateBatch: peer.cost("update_batch"),
    ...pick(maps.contenders, "entries"),
    cLookupBatch: peer.cost("lookup_batch"),
    ...pick(maps.contenders, "deleteManyBytes"),
    cDeleteBatch: peer.cost("delete_batch"),
    ...pick(maps.contenders, "trieSet"),
    cTrieUpdate: peer.cost("trie_update"),
    ...pick(maps.contenders, "trieGet"),
    cTrieLookup: peer.cost("trie_lookup"),
  });
  return [
    rowOf("look up, objects", of("get"), of("cLookup"), "1.12x (575 ns)"),
    rowOf("look up into an object that is there", of("getInto"), of("cLookup"), NONE),
    rowOf("update, objects", of("set"), of("cUpdate"), "1.17x (652 ns)"),
    rowOf("delete and update, objects", of("replace"), of("cReplace"), "1.08x (1109 ns)"),
    rowOf("update in batches, objects, each", of("setMany"), of("cUpdateBatch"), "1.59x (386 ns)"),
    rowOf("update in batches, bytes, each", of("setManyBytes"), of("cUpdateBatch"), "1.04x (253 ns)"),
    rowOf("read all in batches, objects, each", of("entries"), of("cLookupBatch"), "– (210 ns)"),
    rowOf("delete in batches, bytes, each", of("deleteManyBytes"), of("cDeleteBatch"), "– (250 ns)"),
    rowOf("trie: update", of("trieSet"), of("cTrieUpdate"), "– (1298 ns)"),
    rowOf("trie: look up", of("trieGet"), of("cTrieLookup"), "– (723 ns)"),
  ];
}

async function onRing(): Promise<string[][]> {
  const of = await rounds(ROUNDS, {
    place: () => drain(ring, inPlace),
    objects: () => drain(ring, decoded),
    c: peer.cost("drain"),
  });
  return [
    rowOf("ring buffer: a record, looked at in place", of("place"), of("c"), "– (42–100 ns)"),
    rowOf("ring buffer: a record, as an object", of("objects"), of("c"), "– (143–490 ns)"),
  ];
}

async function onObjects(): Promise<string[][]> {
  const of = await rounds(ROUNDS, {
    open: openDatapath,
    cOpen: peer.cost("open"),
    load: loadDatapath,
    cLoad: peer.cost("load"),
  });
  return [
    rowOf("the datapath's object: parse", of("open"), of("cOpen"), "–", ms),
    rowOf("the datapath's object: parse, load, close", of("load"), of("cLoad"), "1.00x", ms),
  ];
}

function pick<T extends object, K extends keyof T>(from: T, ...keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K>;
}

function rowOf(
  what: string,
  ours: Figures,
  theirs: Figures,
  goal: string,
  unit: (value: number) => string = ns,
): string[] {
  const scale = unit === ms ? 1e-6 : 1;
  const show = (figures: Figures): string => unit(median(figures) * scale);
  return [what, show(ours), show(theirs), ratio(pairedRatio(ours, theirs)), goal];
}

interface Floods {
  readonly ours: Flood[];
  /** Records a second, and the share that found no room. */
  readonly theirs: (readonly number[])[];
  readonly idle: Delay[];
}

async function floods(): Promise<void> {
  const woken: Floods = { ours: [], theirs: [], idle: [] };
  const polled: Floods = { ours: [], theirs: [], idle: [] };
  for (let round = 0; round < FLOODS; round++) {
    for (const [it, producer, pollMs] of [
      [woken, "produce_loudly", undefined],
      [polled, "produce_quietly", 2],
    ] as const) {
      it.ours.push(await flood(ring, producer, pollMs));
      it.theirs.push(await peer.ask(producer));
      it.idle.push(await idle(ring, producer));
    }
  }
  printTable(
    `Records a second, flat out for 2 s: median of ${FLOODS}; wall clock, more is better`,
    ["", "ours", "C, libbpf", "ours / C", "goal", "lost: ours, C", "goal"],
    [rateRow("each record wakes the reader", woken), rateRow("looked at every 2 ms", polled)],
  );
  printTable(
    "How late the event loop was meanwhile: p99, and the worst of all",
    ["", "reading", "nothing to read", "goal"],
    [delayRow("each record wakes the reader", woken), delayRow("looked at every 2 ms", polled)],
  );
}

function rateRow(what: string, { ours, theirs }: Floods): string[] {
  const rate = (list: Figures): string => `${(median(list) / 1e6).toFixed(1)} M/s`;
  const share = (list: Figures): string => `${(100 * median(list)).toFixed(1)} %`;
  const mine = ours.map(({ recordsPerSecond }) => recordsPerSecond);
  const other = theirs.map(([perSecond]) => perSecond!);
  const lost = `${share(ours.map((one) => one.lost))}, ${share(theirs.map(([, share]) => share!))}`;
  const figures = [rate(mine), rate(other), ratio(pairedRatio(mine, other)), "3.0–4.8 M/s"];
  return [what, ...figures, lost, "0.4–1.3 %"];
}

function delayRow(what: string, { ours, idle }: Floods): string[] {
  const show = (list: readonly Delay[]): string =>
    `${ms(median(list.map(({ p99 }) => p99)))}, ${ms(Math.max(...list.map(({ most }) => most)))}`;
  return [what, show(ours.map(({ delay }) => delay)), show(idle), "4–6 ms, 40–67 ms"];
}
