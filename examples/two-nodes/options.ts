import { parseArgs } from "node:util";

/** How pods of different nodes reach each other. */
const ROUTINGS = ["vxlan", "native", "bgp"] as const;

export type DemoRouting = (typeof ROUTINGS)[number];

export interface DemoOptions {
  readonly nodes: number;
  readonly pods: number;
  readonly datapath: "ebpf" | "model";
  readonly routing: DemoRouting;
}

export const USAGE = `npm run demo -- [--nodes N] [--pods N] [--datapath ebpf|model] [--routing vxlan|native|bgp]

  --nodes     how many nodes, 2 to 16 (2)
  --pods      how many pods in all, 4 to 64 (4): a client, an intruder, and web servers
  --datapath  ebpf: the kernel's (needs root and Linux 6.6); model: the same walk in this process (ebpf)
  --routing   vxlan: a tunnel between the nodes; native: routes, and pods' packets as they are; bgp: the same across a
              router, FRR, which tells each node of the others (vxlan)`;

export const NO_BGP_ON_MODEL =
  "--routing bgp needs the kernel: its sessions and routes are real, and the model has neither sockets nor a router";

/** @throws with what is wrong, for people. */
export function parseOptions(args: readonly string[]): DemoOptions | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      nodes: { type: "string", default: "2" },
      pods: { type: "string", default: "4" },
      datapath: { type: "string", default: "ebpf" },
      routing: { type: "string", default: "vxlan" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  const { datapath } = values;
  if (datapath !== "ebpf" && datapath !== "model")
    throw new Error(`--datapath ${datapath}: write ebpf or model`);
  const routing = ROUTINGS.find((known) => known === values.routing);
  if (routing === undefined) throw new Error(`--routing ${values.routing}: write ${ROUTINGS.join(" or ")}`);
  if (routing === "bgp" && datapath === "model") throw new Error(NO_BGP_ON_MODEL);
  return {
    nodes: count("nodes", values.nodes, 2, 16),
    pods: count("pods", values.pods, 4, 64),
    datapath,
    routing,
  };
}

function count(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`--${name} ${text}: write a whole number from ${least} to ${most}`);
}
