import {
  formatCidr,
  NetloomError,
  type Family,
  type LocalNode,
  type NativeRange,
  type RoutedNode,
  type RoutePlan,
  type Underlay,
} from "@netloom/core";
import { ofFamily, podInterfaces, podMtu, podRanges } from "@netloom/core/backend";
import { NAME } from "./options.ts";

/**
 * No tunnel and no route of ours: packets go out as they are, by the routes that the node has learned or was given.
 *
 * @param outside - what knows the way back to pods, beside the pods' own ranges.
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID` where the underlay's MTU leaves too little for a packet.
 */
export function planOf(
  local: LocalNode,
  remotes: readonly RoutedNode[],
  underlay: Underlay,
  outside: readonly string[],
): RoutePlan {
  const others = remotes.filter(({ name }) => name !== local.name);
  const placed = others.filter(({ addresses }) => ofFamily(addresses, underlay.family) !== undefined);
  const unplaced = others.filter((node) => !placed.includes(node));
  const { ranges, problems } = podRanges(local, placed, NAME);
  const { interfaces, unusable } = podInterfaces(local.interfaces ?? [], NAME);
  const names = placed.map(({ name }) => name).sort();
  return {
    overlay: undefined,
    podMtu: podMtu(local, underlay, 0, NAME),
    nodes: names.map((node) => ({ node, tunnel: undefined })),
    tunnels: [],
    native: [
      ...ranges.map(({ node, cidr }): NativeRange => ({ prefix: formatCidr(cidr), node })),
      ...outside.map((prefix): NativeRange => ({ prefix, node: undefined })),
    ],
    routes: [],
    ...(interfaces.length === 0 ? {} : { interfaces }),
    problems: [...unusable, ...unplaced.map((node) => withoutAddress(node, underlay.family)), ...problems],
  };
}

/** Its pods may have routes, and the node itself could not answer: nothing of it is planned for. */
function withoutAddress({ name, addresses }: RoutedNode, family: Family): NetloomError {
  const message = `node ${name} has no IPv${family} address (${addresses.join(", ")})`;
  return new NetloomError("ERR_NODE_INVALID", message, {
    input: name,
    remedy: `give it one: this node's uplink speaks IPv${family}`,
    backend: NAME,
  });
}
