/**
 * Netloom as one of the harness's configurations: `up PREFIX` makes the pods and writes services and policies, then
 * the agents go, and what they made goes on; `down PREFIX` takes it away. `harness/README.md` says what must be there.
 */
import {
  createAgent,
  type Agent,
  type NetworkPolicy,
  type PolicyPeer,
  type Service,
  type ServiceBackend,
} from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { ebpf } from "@netloom/datapath-ebpf";
import { hostScope } from "@netloom/ipam-host-scope";
import { Netns } from "@netloom/netlink";
import { vxlan } from "@netloom/routing-vxlan";

const [action, prefix = ""] = process.argv.slice(2);
const BPFFS = process.env["BPFFS"] ?? "/run/dpb-bpf";
const SERVICES = Number(process.env["N"] ?? 1000);
const POLICIES = Number(process.env["P"] ?? 100);

/** What the bench's server and iperf3 listen on. */
const PORTS = [
  { protocol: "TCP", port: 9000 },
  { protocol: "UDP", port: 9000 },
  { protocol: "TCP", port: 9001 },
  { protocol: "UDP", port: 9002 },
  { protocol: "UDP", port: 9003 },
  { protocol: "TCP", port: 5201 },
] as const;

const NODES = [1, 2];
const PODS = ["11", "12", "21", "22"];

const datapathOf = (node: number): ReturnType<typeof ebpf> =>
  ebpf({
    netns: `${prefix}-n${node}`,
    uplink: "wire",
    bpffs: BPFFS,
    pinPath: `${BPFFS}/${prefix}/n${node}`,
    // Nobody reads them here.
    events: "none",
  });

async function up(): Promise<void> {
  const store = memoryStore();
  const agents = NODES.map((node) =>
    createAgent({
      node: { name: `n${node}`, addresses: [`192.168.77.${node}`], podCIDRs: [`10.244.${node}.0/24`] },
      store,
      ipam: hostScope(),
      routing: vxlan(),
      datapath: datapathOf(node),
      auditInterval: 0,
    }),
  );
  for (const agent of agents) {
    agent.events.on("error", (error) => console.error(error));
    await agent.start();
  }
  for (const pod of PODS) {
    const node = Number(pod[0]);
    await agents[node - 1]!.endpoints.create({
      name: `p${pod}`,
      labels: [`k8s:pod=p${pod}`, "k8s:app=bench"],
      netns: `${prefix}-p${pod}`,
      addresses: [`10.244.${node}.1${pod[1]}`],
    });
  }
  const { cluster } = agents[0]!;
  let revision = 0;
  for (const service of services()) revision = await cluster.services.apply(service);
  for (const policy of policies()) revision = await cluster.policies.apply(policy);
  await cluster.settled(revision);
  for (const agent of agents) {
    report(agent);
    await agent.stop();
  }
}

/** As many as kube-proxy's table has, of two backends each, and the two that the client asks. */
function* services(): Generator<Service> {
  for (let index = 0; index < SERVICES; index++) {
    const backend = (third: number): ServiceBackend => ({
      address: `10.244.${third + (index % 200)}.${1 + (index % 250)}`,
    });
    yield {
      name: `filler-${index}`,
      addresses: [`10.96.${Math.floor(index / 256) % 250}.${index % 256}`],
      ports: [{ protocol: "TCP", port: 80, targetPort: 8080 }],
      backends: [backend(3), backend(4)],
    };
  }
  for (const [vip, pod] of [
    ["10.96.255.1", "p12"],
    ["10.96.255.2", "p21"],
  ] as const) {
    yield { name: pod, addresses: [vip], ports: PORTS, backends: { selector: { matchLabels: { pod } } } };
  }
}

/** As the other configurations': of many only the one in the middle fits. Both directions of every pod are enforced. */
function* policies(): Generator<NetworkPolicy> {
  const bench: PolicyPeer = { selector: { matchLabels: { app: "bench" } } };
  for (let index = 0; index < POLICIES; index++) {
    const middle = index === POLICIES >> 1;
    const strangers = Array.from({ length: 20 }, (_, each): PolicyPeer => {
      const address = `10.${100 + (index % 100)}.${each}.${1 + (index % 250)}`;
      return { cidr: `${address}/32` };
    });
    const ports = middle ? PORTS : ([{ protocol: "TCP", port: 8000 + index }] as const);
    const rules = [{ peers: middle ? [bench] : strangers, ports }];
    yield {
      name: `policy-${index}`,
      subject: { matchLabels: { app: "bench" } },
      ingress: rules,
      egress: rules,
    };
  }
}

function report(agent: Agent): void {
  const { services: frontends, policies: rules, revision } = agent.describe();
  console.error(`${agent.name}: ${frontends} services, ${rules} policies, revision ${revision.applied}`);
}

async function down(): Promise<void> {
  const there = new Set(Netns.list());
  for (const node of NODES) if (there.has(`${prefix}-n${node}`)) await datapathOf(node).uninstall();
}

await (action === "up" ? up() : down());
