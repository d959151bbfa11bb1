import {
  formatCidr,
  isNetloomError,
  NetloomError,
  parseCidr,
  type Family,
  type RoutedNode,
  type RoutePlan,
  type Routing,
  type TunnelRoute,
  type Underlay,
} from "@netloom/core";
import { ofFamily } from "@netloom/core/backend";
import { settle, type Claimant, type Overlap } from "./claimants.ts";
import { innerMtu, OVERHEAD } from "./mtu.ts";

const NAME = "vxlan";

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
    const mtu = innerMtu(local, underlay);
    const problems: NetloomError[] = [];
    const endpoints = new Map<string, string>();
    // This node's own first: what others say can never draw traffic away from its pods.
    const claimants: Claimant[] = local.podCIDRs.map((text) => ({
      node: local.name,
      cidr: parseCidr(text),
    }));
    for (const remote of remotes.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (remote.name === local.name) continue;
      const endpoint = ofFamily(remote.addresses, underlay.family);
      if (endpoint === undefined) problems.push(unreachable(remote, underlay.family));
      else {
        endpoints.set(remote.name, endpoint);
        claimants.push(...cidrsOf(remote, problems));
      }
    }
    const { winners, overlaps } = settle(claimants);
    const tunnels = winners.flatMap(({ node, cidr }): TunnelRoute[] => {
      const endpoint = endpoints.get(node);
      return endpoint === undefined ? [] : [{ prefix: formatCidr(cidr), node, endpoint }];
    });
    problems.push(...overlaps.map(overlapping));
    return { overlay: { protocol: "vxlan", port: this.#port, mtu }, podMtu: mtu, tunnels, problems };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** What cannot be read is a problem of that one range. */
function cidrsOf({ name, podCIDRs }: RoutedNode, problems: NetloomError[]): Claimant[] {
  return podCIDRs.flatMap((text) => {
    try {
      return [{ node: name, cidr: parseCidr(text) }];
    } catch (error) {
      if (!isNetloomError(error)) throw error;
      const message = `node ${name}: ${error.message}`;
      problems.push(
        new NetloomError("ERR_NODE_INVALID", message, { input: text, backend: NAME, cause: error }),
      );
      return [];
    }
  });
}

function unreachable(node: RoutedNode, family: Family): NetloomError {
  const message = `node ${node.name} has no IPv${family} address for tunnels (${node.addresses.join(", ")})`;
  return new NetloomError("ERR_NODE_INVALID", message, {
    input: node.name,
    remedy: `give it one: this node's uplink speaks IPv${family}`,
    backend: NAME,
  });
}

function overlapping({ loser, winner }: Overlap): NetloomError {
  const message = `${formatCidr(loser.cidr)} of node ${loser.node} overlaps ${formatCidr(winner.cidr)} of node ${winner.node}`;
  return new NetloomError("ERR_IPAM_CONFLICT", message, {
    input: formatCidr(loser.cidr),
    remedy: "assign ranges that are apart; until then nothing is sent to the former",
    backend: NAME,
  });
}

function invalid(what: string, input: unknown, remedy: string): NetloomError {
  return new NetloomError("ERR_OPTIONS_INVALID", what, { input, remedy, backend: NAME });
}
