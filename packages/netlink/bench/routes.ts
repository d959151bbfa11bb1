/**
 * 10,000 routes into a namespace of its own: one by one, in batches, deleted, listed; beside `ip -batch`
 * and `ip -j` in the same rounds. Each figure is the median over the rounds; ratios are medians of the
 * rounds' own ratios, since the machine may be busy with other things. Needs root and iproute2. Run from
 * the repository:
 *
 *     node_modules/.bin/node packages/netlink/bench/routes.ts [rounds]
 */
import { execFileSync } from "node:child_process";
import { addRoute, deleteRoute, Netns, type Request, Rtnl } from "../src/index.ts";

const COUNT = 10_000;
const ROUNDS = Number(process.argv[2] ?? 9);
const GATEWAY = "10.0.0.2";

const destinations = Array.from({ length: COUNT }, (_, at) => `10.${100 + (at >> 8)}.${at & 255}.0/24`);
const addScript = destinations.map((to) => `route add ${to} via ${GATEWAY} dev a\n`).join("");
const deleteScript = destinations.map((to) => `route del ${to}\n`).join("");

const name = `nlbench-${process.pid}`;
using netns = Netns.create(name);
process.once("exit", () => {
  Netns.delete(name);
});

using rtnl = Rtnl.open({ netns });
rtnl.links.create({ kind: "veth", name: "a", up: true, peer: { name: "b", up: true } });
rtnl.addresses.add({ device: "a", address: "10.0.0.1/24" });

/** Made within the measured time, as a caller would make them, unless the step says "ready". */
const adds = (): Request[] => destinations.map((to) => addRoute({ to, via: GATEWAY, device: "a" }));
const deletes = (): Request[] => destinations.map((to) => deleteRoute({ to }));

const ip = (args: readonly string[], input?: string): string =>
  execFileSync("ip", ["-n", name, ...args], { encoding: "utf8", input, maxBuffer: 1 << 28 });

const readyAdds = adds();
const readyDeletes = deletes();

const steps = {
  "ours: add, one by one": () => {
    for (const to of destinations) rtnl.routes.add({ to, via: GATEWAY, device: "a" });
  },
  "ours: delete, one by one": () => {
    for (const to of destinations) rtnl.routes.delete({ to });
  },
  "ours: add, batched": () => {
    rtnl.batch(adds());
  },
  "ours: list": () => {
    expectCount(rtnl.routes.list({ family: 4 }).length);
  },
  "ours: delete, batched": () => {
    rtnl.batch(deletes());
  },
  "ours: add, batched, ready": () => {
    rtnl.batch(readyAdds);
  },
  "ours: delete, batched, ready": () => {
    rtnl.batch(readyDeletes);
  },
  "ip -batch: add": () => {
    ip(["-batch", "-"], addScript);
  },
  "ip -j: list": () => {
    expectCount((JSON.parse(ip(["-j", "route"])) as unknown[]).length);
  },
  "ip -batch: delete": () => {
    ip(["-batch", "-"], deleteScript);
  },
};
type Step = keyof typeof steps;

const versus: readonly [Step, Step][] = [
  ["ours: add, one by one", "ip -batch: add"],
  ["ours: add, batched", "ip -batch: add"],
  ["ours: delete, one by one", "ip -batch: delete"],
  ["ours: delete, batched", "ip -batch: delete"],
  ["ours: list", "ip -j: list"],
];

function expectCount(found: number): void {
  // One more: the route to the device's own network.
  if (found !== COUNT + 1) throw new Error(`${found} routes instead of ${COUNT + 1}`);
}

function timed(step: Step): number {
  const start = performance.now();
  steps[step]();
  return performance.now() - start;
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
};

const names = Object.keys(steps) as Step[];
const rounds: Record<Step, number>[] = [];
for (let round = 0; round < ROUNDS; round += 1)
  rounds.push(Object.fromEntries(names.map((step) => [step, timed(step)])) as Record<Step, number>);

const of = (step: Step): number[] => rounds.map((round) => round[step]);
const line = (label: string, ...cells: string[]): void => {
  console.log(label.padEnd(30) + cells.map((cell) => cell.padStart(14)).join(""));
};

console.log(`${COUNT} routes, ${ROUNDS} rounds\n`);
line("", "first, ms", "median, ms", "best, ms", "best, per s");
for (const step of names) {
  const times = of(step);
  const best = Math.min(...times);
  const rate = Math.round((COUNT / best) * 1000).toLocaleString("en");
  line(step, (times[0] ?? 0).toFixed(1), median(times).toFixed(1), best.toFixed(1), rate);
}
console.log();
for (const [ours, theirs] of versus) {
  const ratio = median(rounds.map((round) => round[theirs] / round[ours]));
  console.log(`${ours} is ${ratio.toFixed(2)} times as fast as ${theirs}`);
}
