import type { Capacity } from "../capacity.ts";
import type { NodeNeed, RolloutReport, SubnetFragmentation } from "../plan-rollout.ts";

/** The report, as people read it. */
export function textOf(report: RolloutReport): string {
  const { nodes, pods, need, capacity, reserved, fragmentation, rollout, reservations } = report;
  const sections: (readonly [string, readonly string[]])[] = [
    [`${some(nodes, "node")}, ${some(pods, "pod")}`, need.map(needLine)],
    [
      "Addresses",
      reserved === undefined
        ? capacityLines(capacity)
        : [
            ...capacityLines(capacity).map(behind("without a reservation")),
            ...capacityLines(reserved).map(behind("with one")),
          ],
    ],
    ["Fragmentation", [...fragmentation.flatMap(fragmentationLines), FORMULA]],
  ];
  if (rollout !== undefined)
    sections.push([`Rollout of ${some(rollout.nodes, "node")}`, rolloutLines(rollout)]);
  const reserve = reservations.flatMap(({ commands, note }) => [
    ...commands,
    ...(note === undefined ? [] : [`(${note})`]),
  ]);
  sections.push(["Reservation", reserve.length === 0 ? ["none: single addresses need none"] : reserve]);
  return sections
    .map(([title, lines]) => `${title}\n${lines.map((line) => `  ${line}\n`).join("")}`)
    .join("\n");
}

const FORMULA =
  "a block is whole with ∏ (1 − k ÷ (n − i)), i from 0 to 15, where k of n addresses are taken at random";

function needLine({ zone, count, interfaces, blocks, singles, mostPods, limit }: NodeNeed): string {
  const of = `${zone}: ${some(count, "node")}, each ${some(interfaces, "interface")}, ${some(blocks, "block")}, ${some(singles, "single address", "single addresses")}`;
  const short = limit === undefined ? "" : `; its pods do not fit on it (${limit})`;
  return `${of}; ${some(mostPods, "pod")} at most${short}`;
}

function capacityLines({
  fits,
  out,
  outOfBlocks,
  nodes,
  atLeast,
  days,
  daysOfBlocks,
}: Capacity): readonly string[] {
  const lines = [
    `room for ${some(nodes, "node")}${atLeast ? " at least" : ""}: ${fits ? "fits" : "does not fit"}`,
  ];
  if (out !== undefined) {
    const which = out.pod === 0 ? `node ${out.node}` : `pod ${out.pod} of node ${out.node}`;
    lines.push(
      `${which} (${out.zone}) gets no address: ${out.why}${out.id === undefined ? "" : ` of ${out.id}`}`,
    );
  }
  if (outOfBlocks !== undefined)
    lines.push(`no whole block is left at node ${outOfBlocks}: single addresses from there`);
  if (daysOfBlocks !== undefined && outOfBlocks === undefined)
    lines.push(`whole blocks run out on day ${daysOfBlocks}`);
  if (days !== undefined && fits) lines.push(`addresses run out on day ${days}`);
  return lines;
}

function fragmentationLines(one: SubnetFragmentation): readonly string[] {
  const { subnet, usable, occupied, blocks, whole, after, wanted, chance } = one;
  return [
    `${subnet}: ${occupied} of ${usable} addresses taken; ${fraction(whole)} of ${blocks} blocks whole, by expectation`,
    `${subnet}: afterwards ${fraction(after.scattered)}, or ${fraction(after.packed)} where single addresses are packed`,
    ...(wanted === 0
      ? []
      : [
          `${subnet}: ${some(wanted, "block")} wanted; they are there with ${percent(chance)}, if single addresses come first`,
        ]),
  ];
}

function rolloutLines(rollout: NonNullable<RolloutReport["rollout"]>): readonly string[] {
  const { seconds, waits, unserved, calls, refused, stalls, floors } = rollout;
  const all = Object.values(calls).reduce((sum, count) => sum + count, 0);
  const waited = `a pod waits ${time(waits.median)}, ${time(waits.longest)} at most`;
  return [
    `${time(seconds)} until the last pod has its address; ${waited}`,
    ...(unserved === 0 ? [] : [`${some(unserved, "pod")} without an address`]),
    `${some(all, "request")}${refused === 0 ? "" : `, ${refused} of them refused`}:`,
    ...Object.entries(calls).map(([action, count]) => `  ${String(count).padStart(7)} ${action}`),
    ...stalls.map(({ action, node, at, seconds: long, requests }) => {
      const floor = floors.find(({ bucket }) => bucket === action);
      const least = floor === undefined ? "" : `; its bucket takes ${time(floor.seconds)} at least`;
      return `stalls at node ${node}, ${time(at)} after the start: ${action}, ${time(long)}, ${some(requests, "request")}${least}`;
    }),
    ...(stalls.length === 0 ? ["nothing stalls"] : []),
  ];
}

function behind(first: string): (line: string, index: number) => string {
  const width = "without a reservation".length;
  return (line, index) => `${(index === 0 ? first : "").padEnd(width)}  ${line}`;
}

function some(count: number, one: string, more = `${one}s`): string {
  return `${count.toLocaleString("en-GB")} ${count === 1 ? one : more}`;
}

function fraction(value: number): string {
  return value >= 100 ? String(Math.floor(value)) : value.toFixed(1);
}

function percent(chance: number): string {
  if (chance > 0 && chance < 0.001) return "less than 0.1 %";
  if (chance < 1 && chance > 0.999) return "more than 99.9 %";
  return `${(100 * chance).toFixed(1)} %`;
}

function time(seconds: number): string {
  return `${seconds.toFixed(seconds < 100 ? 1 : 0)} s`;
}
