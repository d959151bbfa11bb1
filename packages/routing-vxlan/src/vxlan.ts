import {
  formatCidr,
  NetloomError,
  type Family,
  type RoutedNode,
  type RoutePlan,
  type Routing,
  type Underlay,
} from "@netloom/core";
import { ofFamily, podMtu, podRanges } from "@netloom/core/backend";

const NAME = "vxlan";

/** Outer headers: IP, UDP (8), VXLAN (8), inner Ethernet (14). */
const OVERHEAD: Readonly<Record<Family, number>> = { 4: 20 + 8 + 8 + 14, 6: 40 + 8 + 8 + 14 };

export interface VxlanOptions {
  /** UDP port of the tunnel, the same on every node. @defaultValue 8472, as Cilium and flannel use; IANA's is 4789 */
  readonly port?: number;
}

/**
 * Plans a tunnel from every node to every other.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`.
 */
export function vxlan(options: VxlanOptions = {}): Routing {
  const unknown = Object.keys(options).find((option) => option !== "port");
  if (unknown !== undefined) throw invalid(`there is no option ${unknown}`, options, "the only one is port");
  const { port = 8472 } = options;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw invalid(`option port ${String(port)} is no UDP port`, port, "write a whole number from 1 to 65535");
  }
  return new VxlanRouting(port);
}

class VxlanRouting implements Routing {
  readonly name = NAME;
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  async start(): Promise<void> {}

  overhead(underlay: Family): number {
    return OVERHEAD[underlay];
  }

  plan(local: RoutedNode, remotes: readonly RoutedNode[], underlay: Underlay): RoutePlan {
    const mtu = podMtu(local, underlay, OVERHEAD[underlay.family], NAME);
    const endpoints = new Map<string, string>();
    const unreachable: NetloomError[] = [];
    for (const remote of remotes.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const endpoint = ofFamily(remote.addresses, underlay.family);
      if (endpoint !== undefined) endpoints.set(remote.name, endpoint);
      else if (remote.name !== local.name) unreachable.push(withoutAddress(remote, underlay.family));
    }
    const reachable = remotes.filter(({ name }) => endpoints.has(name));
    const { ranges, problems } = podRanges(local, reachable, NAME);
    return {
      overlay: { protocol: "vxlan", port: this.#port, mtu },
      podMtu: mtu,
      nodes: [...endpoints].flatMap(([node, tunnel]) => (node === local.name ? [] : [{ node, tunnel }])),
      tunnels: ranges.map(({ node, cidr }) => ({
        prefix: formatCidr(cidr),
        node,
        endpoint: endpoints.get(node)!,
      })),
      native: [],
      routes: [],
      problems: [...unreachable, ...problems],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function withoutAddress(node: RoutedNode, family: Family): NetloomError {
  const message = `node ${node.name} has no IPv${family} address for tunnels (${node.addresses.join(", ")})`;
  return new NetloomError("ERR_NODE_INVALID", message, {
    input: node.name,
    remedy: `give it one: this node's uplink speaks IPv${family}`,
    backend: NAME,
  });
}

function invalid(what: string, input: unknown, remedy: string): NetloomError {
  return new NetloomError("ERR_OPTIONS_INVALID", what, { input, remedy, backend: NAME });
}
