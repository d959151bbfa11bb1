import { createAgent, type Agent, type Datapath, type Endpoint } from "@netloom/core";
import { memoryDatapath, memoryStore } from "@netloom/core/memory";
import { ebpf } from "@netloom/datapath-ebpf";
import { hostScope } from "@netloom/ipam-host-scope";
import { makeFabric, type Lab } from "@netloom/lab";
import { vxlan } from "@netloom/routing-vxlan";

/** As many as Cilium's figures were taken with (facts, section 5). */
const REMOTE_PODS = 1000;

const APPS = 124;
export const SERVICES = 1000;

export const PORT = 8080;
export const VIP = "10.96.200.1";
export const VIP_PORT = 80;
export const REMOTE_NODE = "192.168.50.2";

export interface Milliseconds {
  readonly cpu: number;
  readonly wall: number;
}

/** One node with a kernel datapath and three pods, and a cluster around it. */
export interface Scene {
  readonly agent: Agent;
  readonly datapath: Datapath;
  /** May speak to the others, on this node and elsewhere. */
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly remotes: readonly Endpoint[];
  /** What it took to load the node's programs, and to attach one pod more. */
  readonly cost: { readonly start: Milliseconds; readonly attach: Milliseconds };
}

/**
 * Made as an agent makes it: facts in, tables out. The other node is an agent too, with tables in memory, for nobody
 * sends it a packet.
 */
export async function makeScene(lab: Lab): Promise<Scene> {
  makeFabric(lab, [{ name: "node1", address: "192.168.50.1/24" }]);
  const store = memoryStore();
  const datapath = ebpf({ netns: lab.namespace("node1"), uplink: "eth0", bpffs: lab.bpffs, pollMs: 2 });
  const common = { store, ipam: hostScope(), routing: vxlan() };
  const agent = createAgent({
    ...{ ...common, datapath },
    node: { name: "node1", addresses: ["192.168.50.1"], podCIDRs: ["10.244.1.0/24"] },
  });
  const other = createAgent({
    ...{ store, routing: vxlan(), ipam: hostScope(), datapath: memoryDatapath() },
    node: { name: "node2", addresses: [REMOTE_NODE], podCIDRs: ["10.245.0.0/20"] },
  });
  for (const { name, events } of [agent, other])
    events.on("error", (error) => console.error(`${name}: ${String(error)}`));
  const start = await taking(() => agent.start());
  lab.defer(() => agent.uninstall());
  await other.start();
  const remotes = await Promise.all(
    Array.from({ length: REMOTE_PODS }, (_, at) =>
      other.endpoints.create({ name: `pods/remote-${at}`, labels: labels(`app-${at % APPS}`) }),
    ),
  );
  const local = (name: string, app: string): Promise<Endpoint> =>
    agent.endpoints.create({
      name: `pods/${name}`,
      labels: labels(app),
      netns: lab.namespace(`pod-${name}`).name,
    });
  const client = await local("client", "app-0");
  let server: Endpoint | undefined;
  lab.namespace("pod-server");
  const attach = await taking(async () => (server = await local("server", "server")));
  await writeRules(agent);
  // Its facts stay; what it would do with each change would only be in the way.
  await other.stop();
  return { agent, datapath, client, server: server!, remotes, cost: { start, attach } };
}

function labels(app: string): string[] {
  return [`k8s:app=${app}`, "k8s:io.kubernetes.pod.namespace=pods"];
}

/** Each of many apps by its name, as people write it: an entry of the policy map for each, in both directions. */
async function writeRules({ cluster }: Agent): Promise<void> {
  const peers = Array.from({ length: APPS }, (_, at) => ({
    selector: { matchLabels: { app: `app-${at}` } },
  }));
  const ports = [{ protocol: "TCP", port: PORT }] as const;
  const toServer = { peers: [{ selector: { matchLabels: { app: "server" } } }], ports };
  const services = Array.from({ length: SERVICES }, (_, at) =>
    cluster.services.apply({
      name: `pods/service-${at}`,
      addresses: [`10.96.${at >> 8}.${at & 255}`],
      ports: [{ port: VIP_PORT, targetPort: PORT }],
      backends: [{ address: `10.245.8.${at & 255}` }, { address: `10.245.9.${at & 255}` }],
    }),
  );
  await Promise.all(services);
  await cluster.services.apply({
    name: "pods/measured",
    addresses: [VIP],
    ports: [{ port: VIP_PORT, targetPort: PORT }],
    backends: { selector: { matchLabels: { app: "app-1" } } },
  });
  await cluster.policies.apply({
    name: "pods/client",
    subject: { matchLabels: { app: "app-0" } },
    egress: [{ peers, ports }, toServer],
  });
  const revision = await cluster.policies.apply({
    name: "pods/server",
    subject: { matchLabels: { app: "server" } },
    ingress: [{ peers, ports }],
  });
  await cluster.settled(revision);
}

/** How long a piece of work takes. */
export async function taking(work: () => Promise<unknown>): Promise<Milliseconds> {
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) / 1000, wall: performance.now() - start };
}
