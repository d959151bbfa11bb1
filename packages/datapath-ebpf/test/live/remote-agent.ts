import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Endpoint } from "@netloom/core";
import type { LiveCluster, LiveNode } from "./cluster.ts";
import type { Said } from "./peers.ts";
import type { RemoteRouting } from "./programs/agent.ts";

const PROGRAM = join(import.meta.dirname, "programs", "agent.ts");

/** An agent in a process of its own, so that it can be killed. */
export interface RemoteAgent {
  /** What it found when it started. */
  readonly endpoints: readonly Endpoint[];
  /** Errors of its loops, until the last answer. */
  readonly errors: readonly string[];
  tell(command: object): Promise<Said>;
  kill(): Promise<void>;
}

/** @param options - `store`: the socket of the store that this process serves. */
export async function startRemoteAgent(
  { lab }: LiveCluster,
  { name, address, podCIDR, device }: LiveNode,
  { store, routing }: { readonly store: string; readonly routing: RemoteRouting },
): Promise<RemoteAgent> {
  const setup = {
    node: { name, addresses: [address], podCIDRs: [podCIDR] },
    store,
    routing,
    datapath: {
      netns: lab.namespace(name).name,
      uplink: device,
      bpffs: lab.bpffs,
      maxEntries: { conntrack: 16_384, nat: 16_384 },
    },
  };
  // In the machine's own namespace, as an agent is that serves a node by its name.
  const child = lab.spawnAtHome(process.execPath, [
    ...["--conditions=@netloom/source", PROGRAM, JSON.stringify(setup)],
  ]);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const errors: string[] = [];
  const heard = async (): Promise<Said> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done === true) throw new Error("the agent ended");
      const said = JSON.parse(value) as Said;
      if (typeof said["error"] !== "string") return said;
      errors.push(said["error"]);
    }
  };
  const { endpoints } = (await heard()) as { readonly endpoints: readonly Endpoint[] };
  return {
    endpoints,
    errors,
    tell(command) {
      child.stdin!.write(`${JSON.stringify(command)}\n`);
      return heard();
    },
    async kill() {
      child.kill("SIGKILL");
      await once(child, "close");
    },
  };
}

/** A pod of a remote agent's node, in a namespace called like it; `app` is its name, too. */
export async function remotePod(live: LiveCluster, agent: RemoteAgent, name: string): Promise<Endpoint> {
  const labels = [`k8s:app=${name}`, "k8s:io.kubernetes.pod.namespace=default"];
  const netns = live.lab.namespace(name).name;
  const { created, failed } = await agent.tell({ create: { name: `default/${name}`, labels, netns } });
  if (failed !== undefined) throw new Error(JSON.stringify(failed));
  const endpoint = created as Endpoint;
  await live.cluster.settled(endpoint.revision);
  return endpoint;
}
