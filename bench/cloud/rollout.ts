import { printTable, ratio } from "../lib/table.ts";
import { cilium, netloom, type Cluster } from "./contenders.ts";
import { makeScene, POOL } from "./scene.ts";

interface Pair {
  readonly kind: string;
  readonly contenders: Readonly<Record<string, Cluster>>;
}

/** The peer comes first: the ratio is to it. */
const PAIRS: readonly Pair[] = [
  {
    kind: "single addresses",
    contenders: {
      "Cilium-like": cilium({ prefixes: false, surge: true, resync: true }),
      Netloom: netloom({ blocks: false }),
      "Netloom, each node alone": netloom({ blocks: false, alone: true }),
    },
  },
  {
    kind: "blocks",
    contenders: {
      "Cilium-like": cilium({ prefixes: true, surge: true, resync: true }),
      Netloom: netloom({}),
      "Netloom, each node alone": netloom({ alone: true }),
    },
  },
];

/** All nodes start at once, and each has all its pods as soon as it is ready: how long until the last has an address. */
export async function rollout(nodes: number, pods: number): Promise<void> {
  const rows: string[][] = [];
  for (const { kind, contenders } of PAIRS) {
    let peer: number | undefined;
    for (const [name, cluster] of Object.entries(contenders)) {
      const { seconds, requests, refused, median, longest, cpu } = await play(cluster, nodes, pods);
      peer ??= seconds;
      rows.push([
        `${kind}: ${name}`,
        `${seconds.toFixed(0)} s`,
        ratio(seconds / peer),
        String(requests),
        String(refused),
        `${median.toFixed(1)} s, ${longest.toFixed(0)} s`,
        `${cpu.toFixed(1)} s`,
      ]);
    }
  }
  printTable(
    `${nodes} nodes × ${pods} pods under EC2's throttles: until the last pod has an address, on the cloud's clock`,
    ["", "time", "ratio", "requests", "refused", "a pod waits: median, longest", "CPU of the run"],
    rows,
  );
}

interface Played {
  readonly seconds: number;
  readonly requests: number;
  readonly refused: number;
  readonly median: number;
  readonly longest: number;
  readonly cpu: number;
}

async function play(cluster: Cluster, nodes: number, pods: number): Promise<Played> {
  const before = process.cpuUsage();
  const scene = makeScene("10.0.0.0/15");
  const { clock, sim } = scene;
  const make = cluster(scene);
  const all = Array.from({ length: nodes }, (_, number) =>
    make(sim.launch({ name: `node${number}`, pool: POOL }), number),
  );
  const each = async (node: (typeof all)[number]): Promise<void> => {
    await node.start();
    node.arrive(pods);
    await node.served();
  };
  await clock.until(Promise.all(all.map(each)), 4 * 3_600_000);
  const { user, system } = process.cpuUsage(before);
  const waits = all.flatMap((node) => node.waits).toSorted((a, b) => a - b);
  if (waits.length !== nodes * pods)
    throw new Error(`${waits.length} of ${nodes * pods} pods have an address`);
  return {
    seconds: clock.monotonic() / 1000,
    requests: sim.calls.length,
    refused: sim.calls.filter(({ outcome }) => outcome === "throttled").length,
    median: waits[waits.length >> 1]! / 1000,
    longest: waits.at(-1)! / 1000,
    cpu: (user + system) / 1e6,
  };
}
