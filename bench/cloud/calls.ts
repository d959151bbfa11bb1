import { sleep } from "@netloom/core";
import { NONE, printTable } from "../lib/table.ts";
import { cilium, netloom, vpcCni, type Cluster } from "./contenders.ts";
import { isChange, makeScene, POOL } from "./scene.ts";

const PODS = 100;
/** Long enough for everything that is kept warm to be there. */
const SETTLED = 60_000;

interface Row {
  readonly name: string;
  readonly cluster: Cluster;
  /** What its loop was counted to take when the design was chosen: at once, and one by one. */
  readonly there?: readonly [atOnce: string, oneByOne: string];
}

const ROWS: readonly Row[] = [
  { name: "VPC CNI, its defaults", cluster: vpcCni({}), there: ["22 (11)", "22"] },
  {
    name: "VPC CNI, WARM_IP 5, MINIMUM_IP 10",
    cluster: vpcCni({ warmAddresses: 5, minimumAddresses: 10 }),
    there: ["39 (28)", "40"],
  },
  { name: "VPC CNI, prefixes", cluster: vpcCni({ prefixes: true }), there: ["10 (8)", "10"] },
  { name: "Cilium, surge", cluster: cilium({ prefixes: false, surge: true }), there: ["16 (11)", "26"] },
  {
    name: "Cilium, surge inactive",
    cluster: cilium({ prefixes: false, surge: false }),
    there: ["38 (22)", "40"],
  },
  { name: "Cilium, prefixes", cluster: cilium({ prefixes: true, surge: true }), there: ["4 (2)", "14"] },
  { name: "Netloom, single addresses", cluster: netloom({ blocks: false }), there: ["11 (11)", "11"] },
  { name: "the same, maxAboveWatermark 16", cluster: netloom({ blocks: false, maxAboveWatermark: 16 }) },
  { name: "Netloom, blocks", cluster: netloom({}), there: ["2 (2)", "6"] },
];

interface Counted {
  readonly start: number;
  readonly requests: number;
  readonly changes: number;
  readonly median: number;
  readonly longest: number;
}

/** From nothing to 100 pods on one node, at once and one a second: requests, and how long pods waited. */
export async function calls(): Promise<void> {
  const rows: string[][] = [];
  for (const { name, cluster, there } of ROWS) {
    const [atOnce, oneByOne] = [await count(cluster, 0), await count(cluster, 1000)];
    rows.push([
      name,
      String(atOnce.start),
      `${atOnce.requests} (${atOnce.changes})`,
      `${seconds(atOnce.median)}, ${seconds(atOnce.longest)}`,
      `${atOnce.start + atOnce.requests}`,
      there?.[0] ?? NONE,
      String(oneByOne.start + oneByOne.requests),
      there?.[1] ?? NONE,
    ]);
  }
  printTable(
    "0 to 100 pods on one node of 8 interfaces with 30 addresses: requests (of which change something), seconds waited",
    ["", "start", "100 at once", "median, longest", "in all", "there", "1 a second", "there"],
    rows,
  );
}

async function count(cluster: Cluster, pause: number): Promise<Counted> {
  const scene = makeScene("10.0.0.0/20");
  const { clock, sim } = scene;
  const node = cluster(scene)(sim.launch({ name: "node1", pool: POOL }), 1);
  await clock.until(node.start(), 600_000);
  await clock.pass(SETTLED);
  const start = sim.calls.length;
  await clock.until(come(node, pause, clock));
  await clock.until(node.served(), 3_600_000);
  await clock.pass(SETTLED);
  if (node.waits.length !== PODS) throw new Error(`${node.waits.length} of ${PODS} pods have an address`);
  if ((node.refused ?? 0) > 0) console.log(`${node.refused} times a pod was refused, and asked again`);
  const waits = node.waits.toSorted((a, b) => a - b);
  const made = sim.calls.slice(start);
  return {
    start,
    requests: made.length,
    changes: made.filter(({ action }) => isChange(action)).length,
    median: waits[PODS / 2]!,
    longest: waits.at(-1)!,
  };
}

async function come(
  node: { arrive(count: number): void },
  pause: number,
  clock: Parameters<typeof sleep>[0],
): Promise<void> {
  if (pause === 0) return node.arrive(PODS);
  for (let pod = 0; pod < PODS; pod++) {
    node.arrive(1);
    await sleep(clock, pause);
  }
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}
