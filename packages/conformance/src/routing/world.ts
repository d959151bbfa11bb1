import type { Family, RoutedNode, RoutePlan, Routing, Underlay } from "@netloom/core";
import type { Check } from "../kit/check.ts";

/** A routing that has started, and a small cluster to plan for. */
export interface RoutingWorld {
  readonly routing: Routing;
  /** Another of the same kind, not started. */
  readonly create: () => Routing;
}

export type RoutingCheck = Check<RoutingWorld>;

/** What is on the uplink's link: the addresses of all nodes but those that say otherwise. */
const SEGMENT: readonly string[] = ["192.0.2.0/24", "2001:db8::/64"];

export const FAMILIES: readonly Family[] = [4, 6];

export const LOCAL: RoutedNode = node(1);
export const REMOTES: readonly RoutedNode[] = [node(2), node(3), node(4)];

/** The number-th node of a cluster in which everything has both families. */
export function node(number: number, changes: Partial<RoutedNode> = {}): RoutedNode {
  return {
    name: `node-${number}`,
    addresses: [`192.0.2.${number}`, `2001:db8::${number}`],
    podCIDRs: [`10.77.${number}.0/24`, `fd00:77:${number}::/64`],
    routers: [`10.77.${number}.1`, `fd00:77:${number}::1`],
    ...changes,
  };
}

export function underlay(family: Family, mtu = 1500): Underlay {
  return { family, mtu, networks: SEGMENT };
}

/** All ways of a plan, in an order of their own. */
export function waysIn({ nodes, tunnels, native, routes }: RoutePlan): readonly string[] {
  return [
    ...nodes.map(({ node: name, tunnel }) => `node ${name} ${tunnel ?? "natively"}`),
    ...tunnels.map(({ prefix, node: name, endpoint }) => `tunnel ${prefix} ${name} ${endpoint}`),
    ...native.map(({ prefix, node: name }) => `native ${prefix} ${name ?? "outside"}`),
    ...routes.map(({ prefix, node: name, via }) => `route ${prefix} ${name} ${via}`),
  ].sort();
}

/** The ranges of pods that a plan reaches, whichever way. */
export function rangesIn({
  tunnels,
  native,
}: RoutePlan): readonly { readonly prefix: string; readonly node: string }[] {
  return [...tunnels, ...native].flatMap(({ prefix, node: name }) =>
    name === undefined ? [] : [{ prefix, node: name }],
  );
}

/** Nothing in it can be changed. */
export function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) frozen(inner);
    Object.freeze(value);
  }
  return value;
}
