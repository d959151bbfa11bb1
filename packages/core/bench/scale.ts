/**
 * Starts an agent in a cluster of 5,000 nodes and 150,000 pods, on in-memory backends in this process: what it costs to
 * take in, what it keeps, and what one more pod costs. Run by `npm run bench -- scale`.
 */
import { createAgent, type Ipam, type NetworkPolicy } from "../src/index.ts";
import {
  AddressRange,
  ipv4,
  parseAddress,
  parseCidr,
  TypedEmitter,
  type IpamEvents,
  type Lease,
} from "../src/index.ts";
import { memoryDatapath, memoryStore } from "../src/memory/index.ts";
import { Keys } from "../src/facts/keys.ts";
import { row, times } from "./measure.ts";

const NODES = 5000;
const PODS = 150_000;
const IDENTITIES = 10_000;
const POLICIES = 1000;

const keys = new Keys();
const store = memoryStore();

/** 10.0.0.0/8 in blocks of 64. */
const cidrOf = (node: number): string => `${ipv4(0x0a00_0000 + node * 64).toString()}/26`;
const nodeAddress = (node: number): string => ipv4(0xac10_0000 + node).toString();

async function fill(): Promise<void> {
  for (let node = 1; node < NODES; node++) {
    const name = `node${node}`;
    const routers = [ipv4(0x0a00_0000 + node * 64 + 1).toString()];
    await store.create(keys.node(name), {
      name,
      addresses: [nodeAddress(node)],
      podCIDRs: [cidrOf(node)],
      routers,
    });
  }
  for (let identity = 0; identity < IDENTITIES; identity++) {
    const labels = labelsOf(identity);
    await store.create(keys.identity(256 + identity), { labels, settled: 1 });
  }
  for (let pod = 0; pod < PODS; pod++) {
    const node = 1 + (pod % (NODES - 1));
    const owner = `default/pod-${pod}#x`;
    await store.create(keys.endpoint(`node${node}`, owner), {
      name: `default/pod-${pod}`,
      node: `node${node}`,
      owner,
      id: 1 + Math.floor(pod / NODES),
      labels: [...labelsOf(pod % IDENTITIES), "k8s:pod-template-hash=5d4f7c9b8"],
      identity: 256 + (pod % IDENTITIES),
      addresses: [ipv4(0x0a00_0000 + node * 64 + 2 + Math.floor(pod / (NODES - 1))).toString()],
      pool: "default",
      state: "live",
      netns: "",
      interface: "eth0",
    });
  }
  for (let index = 0; index < POLICIES; index++) {
    const policy: NetworkPolicy = {
      name: `default/p${index}`,
      subject: { matchLabels: { app: `app${index}` } },
      ingress: [
        {
          peers: [{ selector: { matchLabels: { app: `app${index + 1}` } } }],
          ports: [{ protocol: "TCP", port: 80 }],
        },
      ],
    };
    await store.create(keys.policy(policy.name), policy as never);
  }
}

function labelsOf(identity: number): string[] {
  return [
    `k8s:app=app${identity % 2500}`,
    `k8s:io.kubernetes.pod.namespace=ns${identity % 200}`,
    `k8s:version=v${Math.floor(identity / 2500)}`,
  ];
}

/** One range, as plain as can be. */
function oneRange(cidr: string): Ipam {
  const parsed = parseCidr(cidr);
  const router = parsed.first.offset(1);
  const range = new AddressRange(parsed, { reserved: [{ address: router, owner: "router" }] });
  const each = (lease: Lease, act: (address: ReturnType<typeof parseAddress>) => unknown): void => {
    for (const address of lease.addresses) act(parseAddress(address));
  };
  return {
    name: "range",
    capabilities: { families: [4], requestedAddress: false },
    events: new TypedEmitter<IpamEvents>(() => {}),
    start: async () => {},
    ranges: () => [cidr],
    routers: () => [router.toString()],
    restore: async () => {},
    allocate: async (owner) => ({ owner, pool: "default", addresses: [range.allocate(owner).toString()] }),
    retire: async (lease) => each(lease, (address) => range.retire(address, lease.owner)),
    release: async (lease) => each(lease, (address) => range.release(address, lease.owner)),
    status: () => ({ ranges: [] }),
    async [Symbol.asyncDispose]() {},
  };
}

function cpu(since: NodeJS.CpuUsage): string {
  const { user, system } = process.cpuUsage(since);
  return `${((user + system) / 1e3).toFixed(0)} ms`;
}

const heap = (): number => {
  for (let turn = 0; turn < 3; turn++) globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1e6;
};

console.log(`scale${" ".repeat(55)}          designed             ours`);
await fill();
const empty = heap();
const agent = createAgent({
  node: { name: "node0", addresses: [nodeAddress(0)], podCIDRs: [cidrOf(0)] },
  store,
  ipam: oneRange(cidrOf(0)),
  routing: {
    name: "tunnel",
    start: async () => {},
    overhead: () => 50,
    plan: (_, remotes, { mtu }) => ({
      overlay: { protocol: "vxlan", port: 8472, mtu: mtu - 50 },
      podMtu: mtu - 50,
      nodes: remotes.map(({ name, addresses }) => ({ node: name, tunnel: addresses[0] })),
      tunnels: remotes.flatMap(({ name, addresses, podCIDRs }) =>
        podCIDRs.map((prefix) => ({ prefix, node: name, endpoint: addresses[0]! })),
      ),
      native: [],
      routes: [],
      problems: [],
    }),
    async [Symbol.asyncDispose]() {},
  },
  datapath: memoryDatapath(),
  auditInterval: 0,
});
agent.events.on("error", (error) => console.error(error));
const began = process.cpuUsage();
await agent.start();
row(`agent starts among ${PODS} pods of ${NODES} nodes`, "-", cpu(began));
row("its memory, tables of the datapath included", "-", `${(heap() - empty).toFixed(0)} MB`);
row("the whole process, with the store", "500 MB", `${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`);
const pods = 30;
const before = process.cpuUsage();
for (const pod of times(pods, (index) => index)) {
  await agent.endpoints.create({ name: `default/own-${pod}`, labels: labelsOf(pod * 7) });
}
const { user, system } = process.cpuUsage(before);
row("a pod of its own, from the call to enforcement", "-", `${((user + system) / 1e3 / pods).toFixed(2)} ms`);
await agent.stop();
