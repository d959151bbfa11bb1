import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "@netloom/lab";
import { ms, printTable } from "../lib/table.ts";
import { CONTENDERS } from "./contenders.ts";
import { momentOf, Program } from "./program.ts";
import { formatPrefix, prefixAt } from "./prefixes.ts";
import { GENERATOR, ROUTER, SINK } from "./scene.ts";

/** Prefixes, one at a time. */
const TIMES = 500;

const SETUP = {
  asn: ROUTER.asn,
  routerId: ROUTER.address,
  neighbours: [GENERATOR, SINK].map(({ address, asn }) => ({ where: address, asn })),
};

/** One prefix: from one neighbour to the other, and, of ours, from `advertise()` to the neighbour. */
export async function latency(lab: Lab, names: readonly string[]): Promise<void> {
  const rows: string[][] = [];
  for (const name of names) {
    await using router = await CONTENDERS[name]!(lab, SETUP);
    const args = (of: typeof SINK): (string | number)[] => [of.address, ROUTER.address, of.asn];
    await using sink = new Program(lab, "outside", "sink", [...args(SINK), 0]);
    await using generator = new Program(lab, "outside", "generator", [...args(GENERATOR), 0, 1]);
    await Promise.all([sink.next("established"), generator.next("established")]);
    // What is said at the start of a session has been said.
    await sleep(1000);
    rows.push(row(`${name}, neighbour to neighbour`, await measure(generator, sink, 0)));
    if (router.program !== undefined)
      rows.push(row(`${name}, advertise() to neighbour`, await measure(router.program, sink, TIMES)));
  }
  printTable(`One prefix, ${TIMES} times`, ["", "p50", "p99", "max"], rows);
}

/** Milliseconds, sorted. */
async function measure(source: Program, sink: Program, first: number): Promise<number[]> {
  const took: number[] = [];
  for (let index = first; index < first + TIMES; index++) {
    source.order("one", { index });
    const [sent, seen] = await Promise.all([source.next("sent"), sink.next("prefix")]);
    const prefix = formatPrefix(prefixAt(index));
    if (seen["prefix"] !== prefix) throw new Error(`${prefix} was sent, ${String(seen["prefix"])} came`);
    took.push(Number(momentOf(seen) - momentOf(sent)) / 1e6);
    await sleep(2);
  }
  return took.sort((a, b) => a - b);
}

function row(name: string, sorted: readonly number[]): string[] {
  const at = (share: number): string =>
    ms(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!);
  return [name, at(0.5), at(0.99), at(1)];
}
