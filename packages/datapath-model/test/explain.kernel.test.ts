import { once } from "node:events";
import { join } from "node:path";
import {
  createAgent,
  type Agent,
  type Cluster,
  type Datapath,
  type Flow,
  type NetworkPolicy,
} from "@netloom/core";
import { memoryStore, seededRandom } from "@netloom/core/memory";
import { ebpf } from "@netloom/datapath-ebpf";
import { explain, tcpFrame, udpFrame, type PacketQuestion } from "@netloom/datapath-model";
import { hostScope } from "@netloom/ipam-host-scope";
import { Lab, makeFabric, whyNoLab } from "@netloom/lab";
import { vxlan } from "@netloom/routing-vxlan";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const VIP = "10.96.0.10";
const WORLD = "192.168.50.200";
const SENDER = join(import.meta.dirname, "support", "send-datagrams.mjs");

interface Node {
  readonly agent: Agent;
  readonly datapath: Datapath;
}

describe.skipIf(whyNoLab("explanations beside the kernel") !== undefined)(
  "explain, on the kernel's maps",
  () => {
    const random = seededRandom(11);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random.next() * from.length)]!;
    const apps = ["web", "db", "client", "intruder", "cache", "job"];
    const pods = new Map<string, { address: string; ifindex: number; node: Node }>();
    const flows: Flow[] = [];
    let lab: Lab;
    let nodes: readonly Node[];
    let cluster: Cluster;

    beforeAll(async () => {
      lab = new Lab("explain");
      const hosts = [1, 2].map((number) => ({ name: `node${number}`, address: `192.168.50.${number}/24` }));
      makeFabric(lab, [...hosts, { name: "world", address: `${WORLD}/24` }]);
      const store = memoryStore();
      nodes = [1, 2].map((number): Node => {
        const name = `node${number}`;
        const datapath = ebpf({
          netns: lab.namespace(name).name,
          uplink: "eth0",
          bpffs: lab.bpffs,
          events: "all",
          maxEntries: { conntrack: 16_384, nat: 16_384 },
        });
        const addresses = [`192.168.50.${number}`];
        const node = { name, addresses, podCIDRs: [`10.244.${number}.0/24`] };
        return {
          datapath,
          agent: createAgent({ node, store, ipam: hostScope(), routing: vxlan(), datapath }),
        };
      });
      for (const { agent } of nodes) {
        await agent.start();
        lab.defer(() => agent.uninstall());
        void collect(agent);
      }
      cluster = nodes[0]!.agent.cluster;
      for (const [index, app] of apps.entries()) {
        const node = nodes[index % 2]!;
        const { addresses, attachment, revision } = await node.agent.endpoints.create({
          name: `default/${app}`,
          labels: [`k8s:app=${app}`],
          netns: lab.namespace(app).name,
        });
        pods.set(app, { address: addresses[0]!, ifindex: attachment!.ifindex, node });
        await cluster.settled(revision);
      }
      const service = {
        name: "default/web",
        addresses: [VIP],
        ports: [{ protocol: "UDP" as const, port: 80, targetPort: 8080 }],
        backends: { selector: { matchLabels: { app: "web" } } },
      };
      await cluster.settled(await cluster.services.apply(service));
    });

    afterAll(() => lab[Symbol.asyncDispose]());

    async function collect(agent: Agent): Promise<void> {
      for await (const batch of agent.flows()) flows.push(...batch);
    }

    async function randomPolicy(): Promise<void> {
      const rule = {
        action: pick(["allow", "deny"] as const),
        peers: [{ selector: { matchLabels: { app: pick(apps) } } }],
        ports: [{ protocol: pick(["TCP", "UDP"] as const), port: pick([80, 8080, 53]) }],
      };
      const app = pick(apps);
      const direction = pick(["ingress", "egress"] as const);
      const policy: NetworkPolicy = {
        name: `default/${app}-${direction}`,
        subject: { matchLabels: { app } },
        [direction]: [rule],
      };
      await cluster.settled(await cluster.policies.apply(policy));
    }

    const inspections = (): ReturnType<Agent["inspect"]>[] => nodes.map(({ agent }) => agent.inspect());

    /** What the two can be compared by: the model knows neither the kernel's time nor its lines. */
    const comparable = (flow: Flow): object => ({ ...flow, time: 0, ticks: 0n, place: undefined });

    const quiet = async (expected: number): Promise<void> => {
      for (let waited = 0; flows.length < expected && waited < 5000; waited += 20) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };

    it("says of 1,000 packets what the kernel's program then makes of them", async () => {
      const told: object[] = [];
      const addresses = [...pods.values()].map(({ address }) => address);
      const outcomes = new Set<string>();
      for (let round = 0; round < 1000; round++) {
        if (round % 50 === 0) await randomPolicy();
        const from = pods.get(pick(apps))!;
        const question: PacketQuestion = {
          source: from.address,
          destination: pick([...addresses, VIP, WORLD, "10.244.2.250", "192.168.50.2"]),
          protocol: pick(["TCP", "UDP"]),
          port: pick([80, 8080, 53]),
          // Some belong to flows that are known already.
          sourcePort: 50_000 + Math.floor(random.next() * 40),
        };
        const said = explain(question, inspections());
        outcomes.add(said.outcome);
        told.push(comparable(said.hops[0]!.flow!));
        const frame = question.protocol === "TCP" ? tcpFrame : udpFrame;
        const ends = {
          from: `${from.address}:${question.sourcePort}`,
          to: `${question.destination}:${question.port}`,
        };
        await from.node.datapath.run(frame(ends), "from-container", { ifindex: from.ifindex });
      }
      await quiet(1000);
      const seen = flows.splice(0).toSorted((a, b) => Number(a.ticks - b.ticks));
      expect(seen.map(comparable)).toEqual(told);
      expect(outcomes.size).toBeGreaterThan(2);
    }, 120_000);

    it("says of packets that are really sent which way they go, on both nodes", async () => {
      const client = pods.get("client")!;
      const others = ["web", "db", "intruder", "cache", "job"].map((app) => pods.get(app)!.address);
      const datagrams = Array.from({ length: 100 }, (_, index) => ({
        host: [...others, VIP, WORLD][index % 7]!,
        port: [80, 8080, 53][index % 3]!,
        sourcePort: 40_000 + index,
      }));
      const told = datagrams.map(({ host, port, sourcePort }) =>
        explain(
          { source: client.address, destination: host, protocol: "UDP", port, sourcePort },
          inspections(),
        ).hops.flatMap(({ flow }) => (flow === undefined ? [] : [comparable(flow)])),
      );
      const child = lab.spawn("client", process.execPath, [SENDER, JSON.stringify(datagrams)], {
        stdio: "ignore",
      });
      await once(child, "close");
      await quiet(told.flat().length);
      for (const [index, { sourcePort }] of datagrams.entries()) {
        const seen = flows
          .filter(({ source }) => source.address === client.address && source.port === sourcePort)
          .toSorted((a, b) => Number(a.ticks - b.ticks));
        expect(seen.map(comparable)).toEqual(
          told[index]!.map((flow) => ({ ...flow, length: expect.any(Number) })),
        );
      }
    });
  },
);
