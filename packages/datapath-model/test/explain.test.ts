import { describe, expect, it } from "vitest";
import { isNetloomError, type Flow, type NetworkPolicy } from "@netloom/core";
import { memoryMaps, seededRandom } from "@netloom/core/memory";
import {
  explain,
  explanationText,
  reachabilityChanges,
  tcpFrame,
  udpFrame,
  type PacketQuestion,
} from "@netloom/datapath-model";
import { TestCluster } from "./cluster.ts";

const VIP = "10.96.0.10";
const WORLD = "203.0.113.9";

/** Three nodes, six pods, a service. */
async function someCluster(): Promise<{ cluster: TestCluster; pods: ReadonlyMap<string, string> }> {
  const cluster = await TestCluster.start(3, { stacks: false });
  const pods = new Map<string, string>();
  for (const [index, app] of ["web", "db", "client", "intruder", "cache", "job"].entries()) {
    pods.set(app, await cluster.pod(app, (index % 3) + 1));
  }
  await cluster.service(VIP, 80, "web", 8080);
  return { cluster, pods };
}

const inspectAll = ({ nodes }: TestCluster): ReturnType<TestCluster["nodes"][number]["agent"]["inspect"]>[] =>
  nodes.map(({ agent }) => agent.inspect());

/** What does not depend on when it was asked. */
function timeless(flow: Flow): Flow {
  return { ...flow, time: 0, ticks: 0n };
}

describe("explain", () => {
  it("names each entry that decided, and the facts and revisions behind it", async () => {
    const { cluster, pods } = await someCluster();
    await cluster.protect("web", "client", [{ protocol: "TCP", port: 8080 }]);
    const [client, web] = [pods.get("client")!, pods.get("web")!];
    const allowed = explain(
      { source: client, destination: VIP, protocol: "TCP", port: 80 },
      inspectAll(cluster),
    );
    expect(allowed.outcome).toBe("delivered");
    expect(allowed.hops.map(({ node, hook }) => `${node} ${hook}`)).toEqual([
      "node3 from-container",
      "node1 from-overlay",
    ]);
    const [first, second] = allowed.hops;
    const behind = (table: string, hop = first!): unknown =>
      hop.lookUps.find((each) => each.table === table && each.value !== undefined)?.because;
    expect(behind("endpoints")).toEqual([
      { kind: "endpoints", name: "default/client", revision: expect.any(Number) },
    ]);
    expect(behind("services")).toEqual([
      { kind: "services", name: "default/web", revision: expect.any(Number) },
    ]);
    expect(behind("backends")).toMatchObject([{ kind: "endpoints", name: "default/web" }]);
    expect(behind("ipcache")).toMatchObject([{ kind: "endpoints", name: "default/web" }]);
    const rule = { policy: "default/web", direction: "ingress", index: 0, action: "allow" };
    const policies = second!.lookUps.filter(({ table, value }) => table === "policy" && value === "allow");
    expect(policies.at(-1)?.because).toMatchObject([
      { kind: "policies", name: "default/web", rule },
      { kind: "identities" },
    ]);
    expect(second!.flow?.ingress?.rule).toEqual(rule);
    expect(explanationText(allowed)).toContain(
      `backends[1] = ${web}:8080 (endpoints default/web at revision`,
    );
    await cluster[Symbol.asyncDispose]();
  });

  it("names the default deny, and the policies that turned it", async () => {
    const { cluster, pods } = await someCluster();
    await cluster.protect("web", "client", [{ protocol: "TCP", port: 8080 }]);
    const question: PacketQuestion = {
      source: pods.get("intruder")!,
      destination: pods.get("web")!,
      protocol: "TCP",
      port: 8080,
    };
    const { outcome, hops } = explain(question, inspectAll(cluster));
    expect(outcome).toBe("dropped");
    expect(hops.at(-1)).toMatchObject({
      flow: { reason: "policy-denied" },
      deniedBy: [{ kind: "policies", name: "default/web", revision: expect.any(Number) }],
    });
    await cluster[Symbol.asyncDispose]();
  });

  it("follows a packet to the world and from it, and says where it cannot go on", async () => {
    const { cluster, pods } = await someCluster();
    const web = pods.get("web")!;
    const out = explain({ source: web, destination: WORLD, protocol: "UDP", port: 53 }, inspectAll(cluster));
    expect([out.outcome, out.hops.at(-1)?.flow?.translated?.source.split(":")[0]]).toEqual([
      "to-world",
      "192.0.2.1",
    ]);
    const into = explain({ source: WORLD, destination: web, protocol: "TCP" }, inspectAll(cluster));
    expect([into.outcome, into.hops[0]?.hook]).toEqual(["delivered", "from-netdev"]);
    const [one] = inspectAll(cluster);
    const far = explain({ source: web, destination: pods.get("db")!, protocol: "TCP" }, [one!]);
    expect(far.outcome).toBe("to-other-node");
    expect(() => explain({ source: WORLD, destination: pods.get("db")!, protocol: "TCP" }, [one!])).toThrow(
      expect.objectContaining({ code: "ERR_ENDPOINT_NOT_FOUND", remedy: expect.stringContaining("node1") }),
    );
    await cluster[Symbol.asyncDispose]();
  });

  it("changes nothing", async () => {
    const { cluster, pods } = await someCluster();
    for (let round = 0; round < 3; round++) {
      const question = { source: pods.get("client")!, destination: VIP, protocol: "TCP" } as const;
      expect(explain(question, inspectAll(cluster)).hops[0]?.flow?.state).toBe("new");
    }
    for (const { datapath } of cluster.nodes) {
      expect([...datapath.maps.conntrack.entries()]).toEqual([]);
      expect(datapath.takeEvents()).toEqual([]);
      expect(datapath.metrics()).toEqual([]);
    }
    await cluster[Symbol.asyncDispose]();
  });

  it("says of 1,000 packets what then becomes of them", async () => {
    const { cluster, pods } = await someCluster();
    const random = seededRandom(7);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random.next() * from.length)]!;
    const apps = [...pods.keys()];
    const ends = [...pods.values()];
    const outcomes = new Map<string, number>();
    for (let round = 0; round < 1000; round++) {
      if (round % 25 === 0) await randomPolicy(cluster, apps, pick);
      const source = pick(ends);
      const question: PacketQuestion = {
        source,
        destination: pick([...ends, VIP, WORLD, "10.244.2.250", "192.0.2.2"]),
        protocol: pick(["TCP", "UDP"]),
        port: pick([80, 8080, 53]),
        // Some belong to flows that are known already. Two pods with one port would leave its masquerade to chance.
        sourcePort: 50_000 + ends.indexOf(source) * 100 + Math.floor(random.next() * 40),
      };
      const said = explain(question, inspectAll(cluster));
      const frame = question.protocol === "TCP" ? tcpFrame : udpFrame;
      const name = apps[ends.indexOf(source)]!;
      const bytes = frame({
        from: `${source}:${question.sourcePort}`,
        to: `${question.destination}:${question.port}`,
      });
      cluster.fabric.pod(`default/${name}`).send(bytes);
      await cluster.fabric.quiet();
      const happened = cluster.nodes.flatMap(({ agent, datapath }) => {
        const inspection = agent.inspect();
        return datapath.takeEvents().map((event) => inspection.describe(event));
      });
      const seen = happened.map(timeless);
      const told = said.hops.flatMap(({ flow }) => (flow === undefined ? [] : [timeless(flow)]));
      expect(seen).toEqual(expect.arrayContaining(told));
      // A node may answer by itself, e.g. that nobody listens there.
      expect(said.outcome === "to-node" || seen.length === told.length).toBe(true);
      outcomes.set(said.outcome, (outcomes.get(said.outcome) ?? 0) + 1);
    }
    expect([...outcomes.keys()].toSorted((a, b) => (a < b ? -1 : 1))).toEqual(
      expect.arrayContaining(["delivered", "dropped", "to-world"]),
    );
    await cluster[Symbol.asyncDispose]();
  }, 60_000);
});

async function randomPolicy(
  cluster: TestCluster,
  apps: readonly string[],
  pick: <T>(from: readonly T[]) => T,
): Promise<void> {
  const { cluster: client } = cluster.nodes[0]!.agent;
  const peers = [{ selector: { matchLabels: { app: pick(apps) } } }];
  const ports = [{ protocol: pick(["TCP", "UDP"] as const), port: pick([80, 8080, 53]) }];
  const rules: NetworkPolicy["ingress"] = [{ action: pick(["allow", "deny"] as const), peers, ports }];
  const app = pick(apps);
  const direction = pick(["ingress", "egress"] as const);
  const policy = {
    name: `default/${app}-${direction}`,
    subject: { matchLabels: { app } },
    [direction]: rules,
  };
  await client.settled(await client.policies.apply(policy));
}

describe("what if", () => {
  it("says what a policy would do before it is applied", async () => {
    const { cluster, pods } = await someCluster();
    const question: PacketQuestion = {
      source: pods.get("intruder")!,
      destination: pods.get("web")!,
      protocol: "TCP",
      port: 8080,
    };
    const policy: NetworkPolicy = {
      name: "default/web",
      subject: { matchLabels: { app: "web" } },
      ingress: [{ peers: [{ selector: { matchLabels: { app: "client" } } }] }],
    };
    const then = await Promise.all(
      cluster.nodes.map(({ agent }) => agent.propose([{ apply: "policy", object: policy }], memoryMaps())),
    );
    expect(explain(question, inspectAll(cluster)).outcome).toBe("delivered");
    const after = explain(question, then);
    expect(after.outcome).toBe("dropped");
    expect(after.hops.at(-1)?.deniedBy).toMatchObject([{ kind: "policies", name: "default/web" }]);
    expect(explain({ ...question, source: pods.get("client")! }, then).outcome).toBe("delivered");
    // Nothing has happened yet.
    expect(explain(question, inspectAll(cluster)).outcome).toBe("delivered");
    const relabelled = await Promise.all(
      cluster.nodes.map(({ agent }) =>
        agent.propose(
          [
            { apply: "policy", object: policy },
            { relabel: "default/intruder", labels: ["k8s:app=client"] },
          ],
          memoryMaps(),
        ),
      ),
    );
    expect(explain(question, relabelled).outcome).toBe("delivered");
    await cluster[Symbol.asyncDispose]();
  });

  it("lists all that changes between any two pods, and nothing else", async () => {
    const { cluster } = await someCluster();
    await cluster.protect("web", "client", [{ protocol: "TCP", port: 8080 }]);
    const now = inspectAll(cluster);
    const propose = (policy: NetworkPolicy): Promise<typeof now> =>
      Promise.all(
        cluster.nodes.map(({ agent }) => agent.propose([{ apply: "policy", object: policy }], memoryMaps())),
      );
    expect(reachabilityChanges(now, now)).toEqual([]);
    const subject = { matchLabels: { app: "web" } };
    const from = (app: string): { selector: { matchLabels: { app: string } } } => ({
      selector: { matchLabels: { app } },
    });
    const then = await propose({
      name: "default/web",
      subject,
      ingress: [
        { peers: [from("client")], ports: [{ protocol: "TCP", port: 8000, endPort: 8079 }] },
        { peers: [from("job")], ports: [{ protocol: "UDP" }] },
      ],
    });
    const web = { destination: "default/web" };
    expect(reachabilityChanges(now, then)).toEqual([
      {
        ...web,
        source: "default/client",
        change: "opened",
        ports: { protocol: "TCP", from: 8000, to: 8079 },
      },
      {
        ...web,
        source: "default/client",
        change: "closed",
        ports: { protocol: "TCP", from: 8080, to: 8080 },
      },
      { ...web, source: "default/job", change: "opened", ports: { protocol: "UDP", from: 0, to: 65_535 } },
    ]);
    await cluster[Symbol.asyncDispose]();
  });

  it("refuses a change that could not be made", async () => {
    const { cluster } = await someCluster();
    const { agent } = cluster.nodes[0]!;
    const refused = async (change: Parameters<typeof agent.propose>[0][number]): Promise<unknown> =>
      agent.propose([change], memoryMaps()).catch((error: unknown) => isNetloomError(error) && error.code);
    const object = { name: "", subject: {} };
    expect(await refused({ apply: "policy", object })).toBe("ERR_POLICY_INVALID");
    expect(await refused({ relabel: "default/nobody", labels: [] })).toBe("ERR_ENDPOINT_NOT_FOUND");
    expect(await refused({ relabel: "default/web", labels: ["=:="] })).toBe("ERR_LABEL_INVALID");
    await cluster[Symbol.asyncDispose]();
  });
});
