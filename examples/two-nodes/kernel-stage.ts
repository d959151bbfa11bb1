import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Flow } from "@netloom/core";
import { ebpf } from "@netloom/datapath-ebpf";
import { Lab, makeFabric } from "@netloom/lab";
import { lose, meet } from "./bgp-story.ts";
import type { DemoFabric, DemoPod } from "./cluster.ts";
import { flatFabric } from "./fabric.ts";
import type { Stage, Target } from "./main.ts";
import type { DemoOptions } from "./options.ts";
import { assertFrr, RoutedFabric } from "./routed-fabric.ts";
import { listen, summary, tell } from "./told.ts";

interface Attempt {
  readonly ok: boolean;
  readonly reply?: string;
  readonly error?: string;
  readonly localPort: number;
}

/** Real namespaces, real processes, real packets. */
export async function kernelStage({ nodes, routing }: DemoOptions): Promise<Stage> {
  if (routing === "bgp") assertFrr();
  // Before anything is made: may we, and can this kernel?
  await using probe = ebpf({ uplink: "lo" });
  await probe.probe({ node: "probe", addresses: [] });
  const lab = new Lab("demo");
  let over = false;
  let ending: Promise<void> | undefined;
  // Once, whoever asks for it: npm hands on what the terminal has sent to all its programs already.
  const end = (): Promise<void> => (ending ??= lab[Symbol.asyncDispose]());
  const interrupted = (): void => {
    over = true;
    void end().finally(() => process.exit(130));
  };
  process.on("SIGINT", interrupted).on("SIGTERM", interrupted);
  let fabric: DemoFabric;
  try {
    fabric = routing === "bgp" ? await RoutedFabric.lay(lab, nodes) : layFlat(lab, nodes, routing);
  } catch (error) {
    await end();
    throw error;
  }
  const routed = fabric instanceof RoutedFabric ? fabric : undefined;
  const seen: Flow[] = [];
  return {
    fabric,
    datapath: (node) =>
      ebpf({
        netns: lab.namespace(node),
        uplink: "eth0",
        bpffs: lab.bpffs,
        // A demo has few flows; the real sizes are for a real node.
        maxEntries: { conntrack: 16_384, nat: 16_384 },
      }),
    async begin(cluster) {
      for (const { agent } of cluster.nodes) {
        lab.defer(() => agent.uninstall());
        void listen(agent.flows(), seen);
      }
      lab.defer(() => cluster.operator.stop());
      if (routed === undefined) return undefined;
      const story = routed;
      return { meet: () => meet(story, cluster), lose: () => lose(story, cluster) };
    },
    netns: (pod) => lab.namespace(`pod-${pod}`).name,
    async serve(pods, port) {
      await Promise.all(pods.filter(({ app }) => app === "web").map(({ name }) => serve(lab, name, port)));
    },
    async connect(from, to, expected) {
      seen.length = 0;
      const [attempt] = await connect(lab, from, to, 1, expected === "denied" ? 700 : 5000);
      await quiet(seen);
      const { ok, localPort, reply, error } = attempt!;
      const said = ok ? `connected; ${reply} answered` : `not connected: ${error}`;
      const wayOf = routed === undefined ? undefined : (flow: Flow) => routed.wayOf(flow);
      return tell({ seen, from, expected, localPort, connected: ok, said, wayOf });
    },
    async spread(from, to, times) {
      const counts = new Map<string, number>();
      for (const { reply } of await connect(lab, from, to, times, 5000)) {
        if (reply !== undefined) counts.set(reply, (counts.get(reply) ?? 0) + 1);
      }
      return counts;
    },
    summary,
    get interrupted() {
      return over;
    },
    async end() {
      await end();
      process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
    },
  };
}

/** All nodes on one switch. */
function layFlat(lab: Lab, nodes: number, routing: "vxlan" | "native"): DemoFabric {
  const fabric = flatFabric(routing);
  const indices = Array.from({ length: nodes }, (_, index) => index);
  makeFabric(
    lab,
    indices.map((index) => ({ name: `node${index + 1}`, address: `${fabric.address(index)}/24` })),
  );
  return fabric;
}

/** Runs one of the demo's programs in a pod. */
function run(lab: Lab, pod: string, program: string, ...args: readonly string[]): ChildProcess {
  const file = join(import.meta.dirname, "programs", program);
  return lab.spawn(`pod-${pod}`, process.execPath, [file, ...args], { stdio: ["ignore", "pipe", "inherit"] });
}

async function serve(lab: Lab, pod: string, port: number): Promise<void> {
  const child = run(lab, pod, "server.mjs", pod, String(port));
  await once(child.stdout!, "data");
}

async function connect(
  lab: Lab,
  from: DemoPod,
  to: Target,
  times: number,
  timeout: number,
): Promise<Attempt[]> {
  const numbers = [to.port, times, timeout].map(String);
  const child = run(lab, from.name, "client.mjs", to.address, ...numbers);
  const attempts: Attempt[] = [];
  for await (const line of createInterface({ input: child.stdout! }))
    attempts.push(JSON.parse(line) as Attempt);
  return attempts;
}

/** Resolves when no more events come: the ring buffers are looked at every few milliseconds. */
async function quiet(seen: readonly Flow[]): Promise<void> {
  for (let before = -1; before !== seen.length || seen.length === 0;) {
    before = seen.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (before === 0 && seen.length === 0) return;
  }
}
