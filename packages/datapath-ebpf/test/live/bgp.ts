import type { Lab } from "@netloom/lab";
import {
  startFrr,
  waitFor,
  type NeighbourOptions,
  type Router,
  type RouterOptions,
} from "@netloom/lab/routers";
import { Rtnl } from "@netloom/netlink";
import {
  bgp,
  kernelRouteTable,
  localDriver,
  systemSpeakers,
  type BgpRouting,
  type StaticBgpOptions,
  type StaticPeer,
} from "@netloom/routing-bgp";
import { gatewayOf, LiveCluster, ROUTER } from "./cluster.ts";

const ROUTER_ASN = 65_000;

/** Each node's own: what the others tell has to pass through no node's number twice. */
function asnOf(number: number): number {
  return ROUTER_ASN + number;
}

export function addressOf(number: number): string {
  return `192.168.${60 + number}.1`;
}

export interface BgpShape {
  readonly start?: (lab: Lab, name: string, options: RouterOptions) => Promise<Router>;
  /** Of every node. */
  readonly peer?: Partial<StaticPeer>;
  readonly options?: Partial<StaticBgpOptions>;
  /** Of the router, to every node. */
  readonly neighbour?: Partial<NeighbourOptions>;
  /** Nodes whose agents run in another process. */
  readonly elsewhere?: readonly string[];
  /** In place of what `peer` and `options` say. */
  readonly routing?: (number: number, lab: Lab) => BgpRouting;
}

/** Nodes on links of their own behind a router that tells them of each other, and of the way to everybody else. */
export class BgpCluster implements AsyncDisposable {
  readonly live: LiveCluster;
  readonly router: Router;
  readonly routings: ReadonlyMap<string, BgpRouting>;

  private constructor(live: LiveCluster, router: Router, routings: ReadonlyMap<string, BgpRouting>) {
    this.live = live;
    this.router = router;
    this.routings = routings;
  }

  static async start(purpose: string, shape: BgpShape = {}): Promise<BgpCluster> {
    const routings = new Map<string, BgpRouting>();
    const { elsewhere = [], start = startFrr, neighbour = {} } = shape;
    const routing = (number: number, lab: Lab): BgpRouting => {
      const made = shape.routing?.(number, lab) ?? routingOf(number, lab, shape);
      routings.set(`node${number}`, made);
      return made;
    };
    const live = await LiveCluster.start(purpose, 2, {}, elsewhere, { routed: true, routing });
    try {
      const router = await start(live.lab, ROUTER, {
        asn: ROUTER_ASN,
        routerId: gatewayOf(1),
        kernel: true,
        announce: [{ prefix: "0.0.0.0/0" }],
        neighbours: live.nodes.map(({ number, address }) => ({ asn: asnOf(number), address, ...neighbour })),
      });
      return new BgpCluster(live, router, routings);
    } catch (error) {
      await live[Symbol.asyncDispose]();
      throw error;
    }
  }

  routing(node: string): BgpRouting {
    return this.routings.get(node)!;
  }

  /** What BGP has put into a kernel, as prefixes. */
  learned(where: string): readonly string[] {
    using rtnl = Rtnl.open({ netns: this.live.lab.namespace(where) });
    return rtnl.routes
      .list({ family: 4 })
      .filter(({ protocol }) => protocol === "bgp" || protocol === "bird")
      .map(({ to }) => to);
  }

  /** Resolves once each node's pods are known to the router's kernel and every other's. */
  converged(): Promise<unknown> {
    const { nodes } = this.live;
    return this.eventually("routes to all pods everywhere", () =>
      nodes.every(({ podCIDR, name }) =>
        [ROUTER, ...nodes.map((node) => node.name).filter((other) => other !== name)].every((where) =>
          this.learned(where).includes(podCIDR),
        ),
      ),
    );
  }

  eventually<T>(what: string, ask: () => T | Promise<T>): Promise<Exclude<T, undefined | false>> {
    return waitFor(what, ask, { routers: [this.router] });
  }

  /** Times the session with a node has been established. FRR only. */
  async established(number: number): Promise<number> {
    const answer = await this.router.ask(`show bgp neighbors ${addressOf(number)} json`);
    const known = JSON.parse(answer) as Readonly<Record<string, { readonly connectionsEstablished: number }>>;
    return known[addressOf(number)]!.connectionsEstablished;
  }

  /** Prefixes that the router has of a node, and whether it keeps them from before. */
  async told(number: number): Promise<readonly { readonly prefix: string; readonly stale: boolean }[]> {
    const routes = await this.router.routes();
    return routes.filter(({ from }) => from === addressOf(number));
  }

  async prefixesOf(number: number): Promise<readonly string[]> {
    return (await this.told(number)).map(({ prefix }) => prefix).toSorted();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.live[Symbol.asyncDispose]();
  }
}

function routingOf(number: number, lab: Lab, { peer, options }: BgpShape): BgpRouting {
  const netns = `/run/netns/${lab.namespace(`node${number}`).name}`;
  return bgp({
    ...staticOptions(number, peer),
    driver: () => localDriver(systemSpeakers({ netns }), { table: kernelRouteTable({ netns }) }),
    ...options,
  });
}

/** Plain data, also for another process. */
export function staticOptions(number: number, peer: Partial<StaticPeer> = {}): StaticBgpOptions {
  return {
    asn: asnOf(number),
    peers: [
      {
        name: ROUTER,
        asn: ROUTER_ASN,
        address: gatewayOf(number),
        import: "all",
        families: ["ipv4-unicast"],
        timers: { connectRetry: 1 },
        ...peer,
      },
    ],
  };
}

const MARKER = "198.51.100.99/32";

/** Routes that came, changed or went (`route:deleted`) in a kernel while something happened. */
export async function changesOf(
  { live }: BgpCluster,
  where: string,
  act: () => Promise<void>,
): Promise<readonly { readonly type: string; readonly to: string }[]> {
  using rtnl = Rtnl.open({ netns: live.lab.namespace(where) });
  using events = rtnl.subscribe(["route"]);
  await act();
  rtnl.routes.add({ to: MARKER, device: "lo" });
  rtnl.routes.delete({ to: MARKER, device: "lo" });
  const changes: { readonly type: string; readonly to: string }[] = [];
  for await (const event of events) {
    if (!("route" in event)) continue;
    if (event.route.to === MARKER) break;
    changes.push({ type: event.type, to: event.route.to });
  }
  return changes;
}
