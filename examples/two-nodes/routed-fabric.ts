import { existsSync } from "node:fs";
import type { Flow } from "@netloom/core";
import { makeSegment, type Lab, type Segment } from "@netloom/lab";
import { startFrr, waitFor, type Router } from "@netloom/lab/routers";
import { Rtnl, writeSysctl, type Route } from "@netloom/netlink";
import { bgp, kernelRouteTable, localDriver, systemSpeakers, type BgpRouting } from "@netloom/routing-bgp";
import type { DemoFabric, DemoNode } from "./cluster.ts";

export const ROUTER = "router";
const ROUTER_ASN = 65_000;
/** Milliseconds between BFD's packets, and how many of them may be missing. */
export const BFD = { interval: 200, multiplier: 3 };
const FRR = "/usr/lib/frr/bgpd";

/** What FRR needs: said before anything is made. @throws */
export function assertFrr(): void {
  if (existsSync(FRR)) return;
  throw new Error("--routing bgp needs FRR as the router, and it is not installed: apt-get install frr");
}

/** Each node on a link of its own, behind a router that tells each of the others by BGP. */
export class RoutedFabric implements DemoFabric {
  readonly #lab: Lab;
  readonly #frr: Router;
  readonly #links: readonly Segment[];
  readonly #routings: BgpRouting[] = [];
  readonly #kernels = new Map<string, Rtnl>();

  private constructor(lab: Lab, links: readonly Segment[], frr: Router) {
    this.#lab = lab;
    this.#links = links;
    this.#frr = frr;
  }

  static async lay(lab: Lab, nodes: number): Promise<RoutedFabric> {
    const indices = Array.from({ length: nodes }, (_, index) => index);
    const links = indices.map((index) =>
      makeSegment(
        lab,
        [
          { name: nameOf(index), addresses: [`${addressOf(index)}/24`] },
          { name: ROUTER, addresses: [`${gatewayOf(index)}/24`], device: `to-${nameOf(index)}` },
        ],
        { name: `link-${nameOf(index)}` },
      ),
    );
    writeSysctl(lab.namespace(ROUTER), "net.ipv4.ip_forward", 1);
    const frr = await startFrr(lab, ROUTER, {
      asn: ROUTER_ASN,
      routerId: gatewayOf(0),
      kernel: true,
      announce: [{ prefix: "0.0.0.0/0" }],
      neighbours: indices.map((index) => ({ address: addressOf(index), asn: asnOf(index), bfd: BFD })),
    });
    return new RoutedFabric(lab, links, frr);
  }

  address(index: number): string {
    return addressOf(index);
  }

  /** That of a node whose agent has been made. */
  routingOf(index: number): BgpRouting {
    return this.#routings[index]!;
  }

  routing(index: number): BgpRouting {
    const netns = `/run/netns/${this.#lab.namespace(nameOf(index)).name}`;
    const routing = bgp({
      asn: asnOf(index),
      peers: [
        {
          name: ROUTER,
          asn: ROUTER_ASN,
          address: gatewayOf(index),
          import: "all",
          families: ["ipv4-unicast"],
          timers: { connectRetry: 1 },
          bfd: { transmitInterval: BFD.interval, receiveInterval: BFD.interval, multiplier: BFD.multiplier },
        },
      ],
      driver: () => localDriver(systemSpeakers({ netns }), { table: kernelRouteTable({ netns }) }),
    });
    this.#routings[index] = routing;
    return routing;
  }

  /** Where a packet goes from here, by the routes of the kernels. */
  wayOf({ node, destination, translated }: Flow): string {
    const address = translated?.destination.replace(/:\d+$/, "") ?? destination.address;
    const hop = (where: string): string => this.#kernel(where).routes.lookup(address).via ?? address;
    return `to the router ${hop(node)}, which sends it to ${hop(ROUTER)}`;
  }

  /** Resolves once everybody's kernel has the routes to everybody's pods. */
  async converged(nodes: readonly DemoNode[]): Promise<void> {
    const known = (node: DemoNode): boolean =>
      [ROUTER, ...namesBut(nodes, node)].every((where) =>
        podCIDRs(node).every((prefix) => this.routes(where).some(({ to }) => to === prefix)),
      );
    await waitFor("routes to all pods everywhere", () => nodes.every(known), { routers: [this.#frr] });
  }

  /** What BGP has put into a kernel. */
  routes(where: string): readonly Route[] {
    return this.#kernel(where).routes.list({ family: 4, protocol: "bgp" });
  }

  /** The node's cable ends in nothing from now on; no carrier is lost. */
  cut(index: number): void {
    this.#links[index]!.cut(nameOf(index));
  }

  async version(): Promise<string> {
    return (await this.#frr.ask("show version")).split(" (")[0]!.trim();
  }

  #kernel(name: string): Rtnl {
    const known = this.#kernels.get(name);
    if (known !== undefined) return known;
    const rtnl = Rtnl.open({ netns: this.#lab.namespace(name) });
    this.#lab.defer(() => rtnl.close());
    this.#kernels.set(name, rtnl);
    return rtnl;
  }
}

export function podCIDRs({ agent }: DemoNode): readonly string[] {
  return agent.describe().node.podCIDRs;
}

export function namesBut(nodes: readonly DemoNode[], node: DemoNode): readonly string[] {
  return nodes.filter((other) => other !== node).map(({ name }) => name);
}

function nameOf(index: number): string {
  return `node${index + 1}`;
}

/** Each has one of its own: a node would not believe a path that its own number is in. */
function asnOf(index: number): number {
  return ROUTER_ASN + 1 + index;
}

function addressOf(index: number): string {
  return `192.168.${51 + index}.1`;
}

function gatewayOf(index: number): string {
  return `192.168.${51 + index}.254`;
}
