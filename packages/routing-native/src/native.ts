import {
  formatCidr,
  NetloomError,
  parseAddress,
  parseCidr,
  type AbortOptions,
  type Cidr,
  type Family,
  type LocalNode,
  type NativeRange,
  type NodeRoute,
  type RoutedNode,
  type RoutePlan,
  type Routing,
  type Underlay,
} from "@netloom/core";
import { ofFamily, podInterfaces, podMtu, podRanges, type Claimant } from "@netloom/core/backend";
import { NAME, parseOptions, type NativeConfig, type NativeOptions } from "./options.ts";

/**
 * Plans no tunnel, or one for distant nodes alone.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`.
 */
export function native(options: NativeOptions = {}): Routing {
  return new NativeRouting(parseOptions(options));
}

class NativeRouting implements Routing {
  readonly name = NAME;
  readonly #config: NativeConfig;

  constructor(config: NativeConfig) {
    this.#config = config;
  }

  async start(options?: AbortOptions): Promise<void> {
    await this.#config.tunnel?.start(options);
  }

  overhead(underlay: Family): number {
    return this.#config.tunnel?.overhead(underlay) ?? 0;
  }

  plan(local: LocalNode, remotes: readonly RoutedNode[], underlay: Underlay): RoutePlan {
    const { native: outside, directRoutes, tunnel } = this.#config;
    const mtu = podMtu(local, underlay, 0, NAME);
    const { reachable, unreachable } = sorted(local, remotes, underlay.family);
    const { ranges, problems } = podRanges(local, reachable, NAME);
    const neighbours = new Neighbours(reachable, ranges, underlay);
    const [near, far] = partition(reachable, ({ name }) => tunnel === undefined || neighbours.has(name));
    const isNear = new Set(near.map(({ name }) => name));
    const own = ranges.filter(({ node }) => isNear.has(node));
    const across = tunnel?.plan(local, havingOnly(ranges, far), underlay);
    const { interfaces, unusable } = podInterfaces(local.interfaces ?? [], NAME);
    return {
      overlay: across?.overlay,
      // Also while all nodes are near: pods keep the MTU they began with.
      podMtu: Math.min(mtu, across?.podMtu ?? mtu),
      nodes: [...near.map(({ name }) => ({ node: name, tunnel: undefined })), ...(across?.nodes ?? [])],
      tunnels: across?.tunnels ?? [],
      native: [
        ...own.map(({ node, cidr }): NativeRange => ({ prefix: formatCidr(cidr), node })),
        ...(across?.native ?? []),
        ...outside.map((prefix): NativeRange => ({ prefix, node: undefined })),
      ],
      routes: [
        ...(directRoutes ? own.flatMap((range) => neighbours.route(range)) : []),
        ...(across?.routes ?? []),
      ],
      ...(interfaces.length === 0 ? {} : { interfaces }),
      problems: [...unusable, ...unreachable, ...problems, ...(across?.problems ?? [])],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#config.tunnel?.[Symbol.asyncDispose]();
  }
}

/** The other nodes, as seen from the uplink's link. */
class Neighbours {
  readonly #nodes: ReadonlyMap<string, RoutedNode>;
  readonly #families: ReadonlyMap<string, ReadonlySet<Family>>;
  readonly #networks: readonly Cidr[];

  constructor(nodes: readonly RoutedNode[], ranges: readonly Claimant[], { family, networks }: Underlay) {
    const families = new Map(nodes.map(({ name }) => [name, new Set<Family>()]));
    for (const { node, cidr } of ranges) families.get(node)!.add(cidr.family);
    for (const each of families.values()) if (each.size === 0) each.add(family);
    this.#nodes = new Map(nodes.map((node) => [node.name, node]));
    this.#families = families;
    this.#networks = networks.map((network) => parseCidr(network));
  }

  /** Is it on the link, for each family that its pods have? */
  has(name: string): boolean {
    return [...this.#families.get(name)!].every((family) => this.#via(name, family) !== undefined);
  }

  route({ node, cidr }: Claimant): readonly NodeRoute[] {
    const via = this.#via(node, cidr.family);
    return via === undefined ? [] : [{ prefix: formatCidr(cidr), node, via }];
  }

  #via(name: string, family: Family): string | undefined {
    const address = ofFamily(this.#nodes.get(name)!.addresses, family);
    if (address === undefined) return undefined;
    const parsed = parseAddress(address);
    return this.#networks.some((network) => network.contains(parsed)) ? address : undefined;
  }
}

/** The other nodes in the order of their names, and what is wrong with those that cannot be placed. */
function sorted(
  local: RoutedNode,
  remotes: readonly RoutedNode[],
  family: Family,
): { readonly reachable: readonly RoutedNode[]; readonly unreachable: readonly NetloomError[] } {
  const others = remotes.filter(({ name }) => name !== local.name);
  others.sort((a, b) => (a.name < b.name ? -1 : 1));
  const [reachable, lost] = partition(others, ({ addresses }) => ofFamily(addresses, family) !== undefined);
  return { reachable, unreachable: lost.map((node) => withoutAddress(node, family)) };
}

function partition<T>(list: readonly T[], fits: (item: T) => boolean): readonly [T[], T[]] {
  return [list.filter(fits), list.filter((item) => !fits(item))];
}

/** Nodes with those of their ranges that nobody else has. */
function havingOnly(ranges: readonly Claimant[], nodes: readonly RoutedNode[]): readonly RoutedNode[] {
  const podCIDRs = new Map<string, string[]>(nodes.map(({ name }) => [name, []]));
  for (const { node, cidr } of ranges) podCIDRs.get(node)?.push(formatCidr(cidr));
  return nodes.map((node) => ({ ...node, podCIDRs: podCIDRs.get(node.name)! }));
}

function withoutAddress({ name, addresses }: RoutedNode, family: Family): NetloomError {
  const message = `node ${name} has no IPv${family} address (${addresses.join(", ")})`;
  return new NetloomError("ERR_NODE_INVALID", message, {
    input: name,
    remedy: `give it one: this node's uplink speaks IPv${family}`,
    backend: NAME,
  });
}
