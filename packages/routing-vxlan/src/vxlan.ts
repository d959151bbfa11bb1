import {
  NetloomError,
  parseCidr,
  type Cidr,
  type Family,
  type RoutedNode,
  type RoutePlan,
  type Routing,
  type TunnelRoute,
  type Underlay,
} from "@netloom/core";
import { ofFamily } from "@netloom/core/backend";

const NAME = "vxlan";

/** Outer headers: IP, UDP (8), VXLAN (8), inner Ethernet (14). */
const OVERHEAD: Readonly<Record<Family, number>> = { 4: 20 + 8 + 8 + 14, 6: 40 + 8 + 8 + 14 };

/** What every link must carry: RFC 791 section 3.1 says 576 of IPv4 hosts, RFC 8200 section 5 says 1280. */
const SMALLEST: Readonly<Record<Family, number>> = { 4: 576, 6: 1280 };

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
  const port = options.port ?? 8472;
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
    const mtu = innerMtu(local, underlay);
    const problems: NetloomError[] = [];
    const tunnels: TunnelRoute[] = [];
    const taken: Taken[] = local.podCIDRs.map((prefix) => ({ cidr: parseCidr(prefix), node: local.name }));
    // By name, so that every node leaves out the same of two that overlap.
    for (const remote of remotes.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const endpoint = ofFamily(remote.addresses, underlay.family);
      if (endpoint === undefined) {
        problems.push(unreachable(remote, underlay.family));
        continue;
      }
      for (const prefix of remote.podCIDRs) {
        const cidr = parseCidr(prefix);
        const other = taken.find((one) => one.cidr.overlaps(cidr));
        if (other !== undefined) problems.push(overlap(prefix, remote, other));
        else {
          taken.push({ cidr, node: remote.name });
          tunnels.push({ prefix, node: remote.name, endpoint });
        }
      }
    }
    return { overlay: { protocol: "vxlan", port: this.#port, mtu }, podMtu: mtu, tunnels, problems };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

interface Taken {
  readonly cidr: Cidr;
  readonly node: string;
}

/** What is left for a pod's packet, so that nothing is ever cut up or lost on the way. */
function innerMtu(local: RoutedNode, underlay: Underlay): number {
  const mtu = underlay.mtu - OVERHEAD[underlay.family];
  const family = local.podCIDRs.some((prefix) => prefix.includes(":")) ? 6 : 4;
  if (mtu >= SMALLEST[family]) return mtu;
  const what = `an uplink of ${underlay.mtu} bytes leaves ${mtu} for pods, and IPv${family} needs ${SMALLEST[family]}`;
  const least = SMALLEST[family] + OVERHEAD[underlay.family];
  throw invalid(what, underlay.mtu, `raise the MTU of ${local.name}'s uplink to ${least} or more`);
}

function unreachable(node: RoutedNode, family: Family): NetloomError {
  const message = `node ${node.name} has no IPv${family} address for tunnels (${node.addresses.join(", ")})`;
  return new NetloomError("ERR_NODE_INVALID", message, {
    input: node.name,
    remedy: `give it one: this node's uplink speaks IPv${family}`,
    backend: NAME,
  });
}

function overlap(prefix: string, node: RoutedNode, other: Taken): NetloomError {
  const message = `${prefix} of node ${node.name} overlaps ${other.cidr.toString()} of node ${other.node}`;
  return new NetloomError("ERR_IPAM_CONFLICT", message, {
    input: prefix,
    remedy: "assign ranges that are apart; until then nothing is sent to the former",
    backend: NAME,
  });
}

function invalid(what: string, input: unknown, remedy: string): NetloomError {
  return new NetloomError("ERR_OPTIONS_INVALID", what, { input, remedy, backend: NAME });
}
