import { formatAddress, formatCidr, formatMac, parseAddress, parseCidr, parseMac } from "../address/index.ts";
import { messageOf, NetloomError } from "../errors.ts";
import type { NodeInterface } from "../ports/routing.ts";

/**
 * The interfaces of this node that its pods' addresses belong to, in canonical form and in the order of their addresses.
 * One that cannot be read, or has what another has, is left out, and told.
 */
export function podInterfaces(
  given: readonly NodeInterface[],
  backend: string,
): {
  readonly interfaces: readonly NodeInterface[];
  readonly unusable: readonly NetloomError[];
} {
  const interfaces: NodeInterface[] = [];
  const unusable: NetloomError[] = [];
  for (const one of given.toSorted((a, b) => (a.address < b.address ? -1 : 1))) {
    try {
      const read = canonical(one);
      const twin = interfaces.find((other) => overlap(read, other));
      if (twin !== undefined) throw new TypeError(`it has what the interface ${twin.mac} has`);
      interfaces.push(read);
    } catch (error) {
      unusable.push(unreadable(one, backend, error));
    }
  }
  return { interfaces, unusable };
}

function canonical({ mac, address, gateway, ranges }: NodeInterface): NodeInterface {
  return {
    mac: formatMac(parseMac(mac)),
    address: ipv4(address),
    gateway: ipv4(gateway),
    ranges: ranges.map((range) => formatCidr(parseCidr(range))).filter((range) => !range.includes(":")),
  };
}

function ipv4(text: string): string {
  const address = parseAddress(text);
  if (address.family !== 4) throw new TypeError(`${text} is no IPv4 address`);
  return formatAddress(address);
}

function overlap(one: NodeInterface, other: NodeInterface): boolean {
  if (one.mac === other.mac || one.address === other.address) return true;
  const others = other.ranges.map((range) => parseCidr(range));
  return one.ranges.some((range) => others.some((cidr) => cidr.overlaps(parseCidr(range))));
}

function unreadable({ mac, address }: NodeInterface, backend: string, cause: unknown): NetloomError {
  const message = `no pod can leave by the interface ${mac} (${address}): ${messageOf(cause)}`;
  return new NetloomError("ERR_NODE_INVALID", message, {
    input: mac,
    remedy: "see what the IPAM says of the node's interfaces: their packets go by the uplink meanwhile",
    backend,
    cause,
  });
}
