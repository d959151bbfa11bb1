/**
 * The first walk: nodes, pods, a policy and a service, and three connections, each with the way its packets took.
 *
 * Run it by `npm run demo`.
 */
import { isNetloomError, messageOf, type Datapath, type NetworkPolicy, type Service } from "@netloom/core";
import { podPlan, startCluster, type DemoCluster, type DemoFabric, type DemoPod } from "./cluster.ts";
import { modelStage } from "./model-stage.ts";
import { NO_BGP_ON_MODEL, parseOptions, USAGE, type DemoOptions } from "./options.ts";
import { bold, dim, green, red, yellow } from "./walk.ts";

const PORT = 8080;
const VIP = "10.96.0.10";

const policy: NetworkPolicy = {
  name: "default/web",
  description: "only clients may reach the web servers, and only at their port",
  subject: { matchLabels: { app: "web" } },
  ingress: [
    { peers: [{ selector: { matchLabels: { app: "client" } } }], ports: [{ protocol: "TCP", port: PORT }] },
  ],
};

const service: Service = {
  name: "default/web",
  addresses: [VIP],
  ports: [{ protocol: "TCP", port: 80, targetPort: PORT }],
  backends: { selector: { matchLabels: { app: "web" } } },
};

/** How a run makes connections, and tells of them. */
export interface Stage {
  readonly fabric: DemoFabric;
  readonly datapath: (node: string) => Datapath;
  /** Called once the agents run. */
  begin(cluster: DemoCluster): Promise<FabricStory | undefined>;
  /** The pod's network namespace. */
  netns(pod: string): string;
  /** Called once the pods are there. */
  serve(pods: readonly DemoPod[], port: number): Promise<void>;
  /** Connects and tells; `true` where it behaved as it should. */
  connect(from: DemoPod, to: Target, expected: "allowed" | "denied"): Promise<boolean>;
  /** Connects many times; how often each backend answered. */
  spread(from: DemoPod, to: Target, times: number): Promise<ReadonlyMap<string, number>>;
  summary(cluster: DemoCluster): void;
  /** By whoever started it, who has stopped its programs too: what fails from then on is no news. */
  readonly interrupted: boolean;
  end(): Promise<void>;
}

/** What a fabric that takes part in the routing has to tell. */
export interface FabricStory {
  /** Before any pod is there. */
  meet(): Promise<void>;
  /** A node dies. `true` where everybody has found out. */
  lose(): Promise<boolean>;
}

export interface Target {
  readonly address: string;
  readonly port: number;
  /** The pod it should be, where it is one. */
  readonly pod?: DemoPod;
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options === "help") {
    console.log(USAGE);
    return 0;
  }
  if (options.datapath === "model") return play(options, modelStage(options));
  try {
    return await play(options, await (await import("./kernel-stage.ts")).kernelStage(options));
  } catch (error) {
    // Only what is known before anything began: no privileges, no Linux, no eBPF.
    const hopeless = isNetloomError(error, "ERR_PERMISSION") || isNetloomError(error, "ERR_UNSUPPORTED");
    if (!hopeless) throw error;
    if (options.routing === "bgp")
      throw new Error(`${NO_BGP_ON_MODEL}: ${messageOf(error)}`, { cause: error });
    console.log(`${yellow("Not in the kernel:")} ${messageOf(error)}.\nThe same story on the model of it:\n`);
    return play({ ...options, datapath: "model" }, modelStage(options));
  }
}

async function play(options: DemoOptions, stage: Stage): Promise<number> {
  const began = performance.now();
  let good = true;
  try {
    const cluster = await startCluster(options.nodes, {
      datapath: stage.datapath,
      fabric: stage.fabric,
      onError: (who, error) => console.error(red(`${who}: ${messageOf(error)}`)),
    });
    const story = await stage.begin(cluster);
    showNodes(cluster);
    await story?.meet();
    const pods = await makePods(options, cluster, stage);
    await stage.serve(pods, PORT);
    showPods(pods);
    await rules(cluster);
    good = await connections(pods, stage);
    if (story !== undefined) good = (await story.lose()) && good;
    stage.summary(cluster);
  } catch (error) {
    if (!stage.interrupted) throw error;
  } finally {
    await stage.end();
  }
  if (stage.interrupted) return 130;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(
    good ? green(`\nAll as it should be, in ${seconds} s.`) : red("\nNot as it should be: see above."),
  );
  return good ? 0 : 1;
}

function showNodes({ nodes }: DemoCluster): void {
  console.log(bold(`${nodes.length} nodes`));
  for (const { name, address, agent } of nodes) {
    const { node, podMtu } = agent.describe();
    console.log(
      `  ${name.padEnd(7)} ${address.padEnd(15)} pods ${node.podCIDRs.join(", ")}, gateway ${node.routers.join(", ")}, pod MTU ${podMtu}`,
    );
  }
}

async function makePods(
  { pods: count }: DemoOptions,
  { nodes }: DemoCluster,
  stage: Stage,
): Promise<DemoPod[]> {
  const pods: DemoPod[] = [];
  for (const { name, app, node } of podPlan(count, nodes)) {
    const labels = [`k8s:app=${app}`, "k8s:io.kubernetes.pod.namespace=default"];
    const endpoint = await node.agent.endpoints.create({
      name: `default/${name}`,
      labels,
      netns: stage.netns(name),
    });
    pods.push({ name, app, node, endpoint });
  }
  const last = pods.at(-1)!;
  await last.node.agent.cluster.settled(last.endpoint.revision);
  return pods;
}

function showPods(pods: readonly DemoPod[]): void {
  console.log(bold(`\n${pods.length} pods`));
  for (const { endpoint, node, app } of pods) {
    console.log(
      `  ${endpoint.name.padEnd(17)} ${node.name.padEnd(7)} ${endpoint.addresses.join(", ").padEnd(15)} identity ${endpoint.identity} ${dim(`{app=${app}}`)}`,
    );
  }
}

async function rules({ nodes }: DemoCluster): Promise<void> {
  const { cluster } = nodes[0]!.agent;
  await cluster.services.apply(service);
  const asked = performance.now();
  const revision = await cluster.policies.apply(policy);
  await cluster.settled(revision);
  const took = (performance.now() - asked).toFixed(0);
  console.log(bold("\nRules"));
  console.log(`  policy  ${policy.name}: ${policy.description}`);
  console.log(`  service ${service.name}: ${VIP}:80 for every pod {app=web} at ${PORT}`);
  console.log(
    dim(
      `  in force on all ${nodes.length} nodes at revision ${revision}, ${took} ms after they were written`,
    ),
  );
}

async function connections(pods: readonly DemoPod[], stage: Stage): Promise<boolean> {
  const [client, intruder] = [pods[0]!, pods[1]!];
  const servers = pods.filter(({ app }) => app === "web");
  const remote = servers.find(({ node }) => node !== client.node)!;
  const direct: Target = { address: remote.endpoint.addresses[0]!, port: PORT, pod: remote };
  console.log(bold(`\n1. A connection that policy allows: ${client.name} to ${remote.name}, another node`));
  const one = await stage.connect(client, direct, "allowed");
  console.log(bold(`\n2. A connection that policy denies: ${intruder.name} to ${remote.name}`));
  const two = await stage.connect(intruder, direct, "denied");
  console.log(bold(`\n3. A connection to the service: ${client.name} to ${VIP}:80`));
  const frontend: Target = { address: VIP, port: 80 };
  const three = await stage.connect(client, frontend, "allowed");
  const times = 10 * servers.length;
  const counts = await stage.spread(client, frontend, times);
  const shares = servers.map(({ name, node }) => `${name} (${node.name}) ${counts.get(name) ?? 0}`);
  console.log(`\n  ${times} connections to ${VIP}:80 went to ${shares.join(", ")}`);
  const used = new Set(
    servers.filter(({ name }) => (counts.get(name) ?? 0) > 0).map(({ node }) => node.name),
  );
  return one && two && three && used.size > 1;
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(red(`demo: ${messageOf(error)}`));
  return 1;
});
