import { once } from "node:events";
import { join } from "node:path";
import type { Endpoint } from "@netloom/core";
import { serveStore, whyNoLab } from "@netloom/lab";
import type { StaticBgpOptions } from "@netloom/routing-bgp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addressOf, BgpCluster, changesOf, staticOptions } from "./bgp.ts";
import { ROUTER, type LivePod } from "./cluster.ts";
import { serve, startPeer } from "./peers.ts";
import type { RemoteRouting } from "./programs/agent.ts";
import { remotePod, startRemoteAgent, type RemoteAgent } from "./remote-agent.ts";

const GIB = 2 ** 30;
const NETLOOM_BGP = join(import.meta.dirname, "../../../routing-bgp/src/process/main.ts");
const BFD = { transmitInterval: 300, receiveInterval: 300, multiplier: 3 };

/** A cluster whose node 1 has its agent in a process of its own, with a pod on each node. */
class KillCluster implements AsyncDisposable {
  readonly bgp: BgpCluster;
  readonly #routing: (options: StaticBgpOptions) => RemoteRouting;
  agent!: RemoteAgent;
  client!: Endpoint;
  web!: LivePod;

  private constructor(bgp: BgpCluster, routing: (options: StaticBgpOptions) => RemoteRouting) {
    this.bgp = bgp;
    this.#routing = routing;
  }

  static async start(
    bgp: BgpCluster,
    routing: (options: StaticBgpOptions) => RemoteRouting,
  ): Promise<KillCluster> {
    const { live } = bgp;
    const store = serveStore(live.store, socketOf(bgp));
    live.lab.defer(() => store[Symbol.dispose]());
    const cluster = new KillCluster(bgp, routing);
    try {
      await cluster.startAgent();
      cluster.client = await remotePod(live, cluster.agent, "client");
      cluster.web = await live.pod("web", live.nodes[1]!, "web");
      await bgp.converged();
      return cluster;
    } catch (error) {
      await bgp[Symbol.asyncDispose]();
      throw error;
    }
  }

  async startAgent(change: Partial<StaticBgpOptions> = {}): Promise<void> {
    const { live } = this.bgp;
    const routing = this.#routing({ ...staticOptions(1), ...change });
    this.agent = await startRemoteAgent(live, live.nodes[0]!, { store: socketOf(this.bgp), routing });
  }

  /** Datagrams both ways and a bulk transfer towards the node that something happens to. */
  async underTraffic(act: () => Promise<void>): Promise<Witnessed> {
    const { live } = this.bgp;
    const [there, back, sink] = await Promise.all([
      serve(live, "web", "udp-tally", 6000),
      serve(live, "client", "udp-tally", 6001),
      serve(live, "client", "tcp-sink", 5000),
    ]);
    const steady = [
      startPeer(live, "client", "udp-steady", this.web.address, 6000),
      startPeer(live, "web", "udp-steady", this.client.addresses[0]!, 6001),
    ];
    const source = startPeer(live, "web", "tcp-source", this.client.addresses[0]!, 5000, 2 * GIB);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await act();
    const tallies = [there, back].map((tally) => tally.next(({ received }) => received !== undefined));
    const transfer = sink.said.find(({ bytes }) => bytes !== undefined) ?? (await sink.next());
    const [sent] = await source.ended;
    await Promise.all(steady.map((each) => each.stop()));
    const counts = await Promise.all(tallies);
    for (const each of [there, back, sink]) await each.kill();
    return {
      datagrams: counts.reduce((sum, { received }) => sum + Number(received), 0),
      lost: counts.flatMap(({ missing }) => missing as number[]),
      transfer,
      sent: { bytes: 2 * GIB, digest: sent!["digest"] },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent.tell({ uninstall: true }).catch(() => undefined);
    await this.bgp[Symbol.asyncDispose]();
  }
}

interface Witnessed {
  readonly datagrams: number;
  readonly lost: readonly number[];
  /** What arrived, and what was sent. */
  readonly transfer: unknown;
  readonly sent: unknown;
}

function socketOf({ live }: BgpCluster): string {
  return join("/run", live.lab.prefix, "store");
}

/** Routes that went from the kernels of the router and of the node, though it were for a moment. */
async function deletedMeanwhile(bgp: BgpCluster, act: () => Promise<void>): Promise<readonly string[]> {
  const inNode: Awaited<ReturnType<typeof changesOf>>[] = [];
  const inRouter = await changesOf(bgp, ROUTER, async () => {
    inNode.push(await changesOf(bgp, "node1", act));
  });
  return [...inNode.flat(), ...inRouter].filter(({ type }) => type === "route:deleted").map(({ to }) => to);
}

describe.skipIf(whyNoLab("agents with BGP that are killed") !== undefined)("kill -9 of an agent", () => {
  // FRR has lost the connection before BFD misses a packet, and trusts graceful restart then. BIRD would trust BFD.
  describe.each([
    ["graceful restart", {}, {}],
    ["graceful restart and BFD", { bfd: BFD }, { bfd: { interval: 300, multiplier: 3 } }],
  ])("with the speaker in it: %s", (name, peer, neighbour) => {
    let cluster: KillCluster;

    beforeAll(async () => {
      const bgp = await BgpCluster.start("bgp-kill", { elsewhere: ["node1"], peer, neighbour });
      const netns = `/run/netns/${bgp.live.lab.namespace("node1").name}`;
      const state = bgp.live.lab.directory("speaker");
      cluster = await KillCluster.start(bgp, (options) => ({
        kind: "bgp-here",
        options: { ...options, peers: options.peers.map((each) => ({ ...each, ...peer })) },
        netns,
        state,
      }));
    });

    afterAll(() => cluster[Symbol.asyncDispose]());

    it("loses no packet across the router, which keeps the routes until it has been told again", async () => {
      const { bgp } = cluster;
      let seen: Witnessed | undefined;
      const gone = await deletedMeanwhile(bgp, async () => {
        seen = await cluster.underTraffic(async () => {
          await cluster.agent.kill();
          await bgp.eventually("the router keeps what it had", async () => {
            const told = await bgp.told(1);
            return told.length === 1 && told[0]!.stale;
          });
          await cluster.startAgent();
          await bgp.eventually("it has told all again", async () =>
            (await bgp.told(1)).every(({ stale }) => !stale),
          );
        });
      });
      const { datagrams, lost, transfer, sent } = seen!;
      console.log(`${name}: ${datagrams} datagrams, ${lost.length} lost; routes withdrawn: ${gone.length}`);
      expect(lost).toEqual([]);
      expect(datagrams).toBeGreaterThan(500);
      expect(transfer).toEqual(sent);
      expect(gone).toEqual([]);
      expect(await bgp.established(1)).toBe(2);
      expect(cluster.agent.errors).toEqual([]);
    });
  });

  describe("with the speaker in netloom-bgp: nothing happens to the session", () => {
    let cluster: KillCluster;

    beforeAll(async () => {
      const bgp = await BgpCluster.start("bgp-process", {
        elsewhere: ["node1"],
        peer: { bfd: BFD },
        neighbour: { bfd: { interval: 300, multiplier: 3 } },
      });
      const { lab } = bgp.live;
      const socket = join(lab.directory("speaker"), "socket");
      const child = lab.spawn(
        "node1",
        process.execPath,
        [
          "--conditions=@netloom/source",
          NETLOOM_BGP,
          "--socket",
          socket,
          "--state",
          lab.directory("speaker"),
        ],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      await once(child.stdout!, "data");
      cluster = await KillCluster.start(bgp, (options) => ({
        kind: "bgp-process",
        options: { ...options, peers: options.peers.map((peer) => ({ ...peer, bfd: BFD })) },
        socket,
      }));
    });

    afterAll(() => cluster[Symbol.asyncDispose]());

    it("loses no packet across the router, which notices nothing", async () => {
      const { bgp } = cluster;
      await bgp.eventually("BFD watches, too", async () =>
        /BFD:[^]*Status: Up/.test(await bgp.router.ask(`show bgp neighbors ${addressOf(1)}`)),
      );
      const before = troubles(bgp);
      let seen: Witnessed | undefined;
      const gone = await deletedMeanwhile(bgp, async () => {
        seen = await cluster.underTraffic(async () => {
          await cluster.agent.kill();
          await cluster.startAgent();
        });
      });
      const { datagrams, lost, transfer, sent } = seen!;
      const sessions = await bgp.established(1);
      console.log(`netloom-bgp: ${datagrams} datagrams, ${lost.length} lost; sessions so far: ${sessions}`);
      expect(lost).toEqual([]);
      expect(transfer).toEqual(sent);
      expect(gone).toEqual([]);
      expect(sessions).toBe(1);
      expect(troubles(bgp)).toBe(before);
      expect(cluster.agent.errors).toEqual([]);
    });

    it("and one that comes back with another configuration changes routes, and no session", async () => {
      const { bgp } = cluster;
      await cluster.agent.kill();
      await cluster.startAgent({
        advertise: [
          { type: "PodCIDR", attributes: { communities: { standard: ["65001:7"] }, med: 30 } },
          { type: "Service", selector: {}, service: { addresses: ["LoadBalancerIP"] } },
        ],
      });
      await bgp.eventually("the router has been told", async () =>
        (await bgp.router.routes()).some(
          ({ prefix, communities, med }) =>
            prefix === "10.244.1.0/24" && communities.includes("65001:7") && med === 30,
        ),
      );
      expect(await bgp.established(1)).toBe(1);
      const { applied } = await cluster.agent.tell({ status: true });
      expect(applied).toMatchObject([{ added: [], removed: [], soft: [ROUTER], reset: [] }]);
    });

    /** How often the router has lost a neighbour so far, or its BFD. */
    function troubles({ router }: BgpCluster): number {
      return router
        .log()
        .split("\n")
        .filter((line) => /ADJCHANGE.*Down|bfd.*down/i.test(line)).length;
    }
  });
});
