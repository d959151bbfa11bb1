import { parseCidr, type Family } from "@netloom/core";
import type { CloudAddress, CloudInterface, NodeInventory, NodeLimits } from "./provider.ts";

/** What an answer has changed, whatever else has changed meanwhile. */
export type Change = (inventory: NodeInventory) => NodeInventory;

/** More than a node can use: IPv6 blocks count as this. */
const LARGEST = 2 ** 32;

/** Pods may use its addresses: it is the instance's first, or of our own making. Nothing else is touched. */
export function isOurs({ primary, managed }: CloudInterface): boolean {
  return primary || managed;
}

/** Interfaces that have, or will soon have, addresses for pods. */
export function ourInterfaces({ interfaces }: NodeInventory): readonly CloudInterface[] {
  return interfaces.filter((one) => isOurs(one) && (one.state === "attached" || one.state === "attaching"));
}

/** What an interface has for pods. */
export function podAddresses(one: CloudInterface, family?: Family): readonly CloudAddress[] {
  return one.addresses.filter(
    ({ cidr, role }) => role !== "primary" && (family === undefined || familyOf(cidr) === family),
  );
}

export function familyOf(cidr: string): Family {
  return cidr.includes(":") ? 6 : 4;
}

/** How many pods it serves. */
export function sizeOf(cidr: string): number {
  return Math.min(parseCidr(cidr).size, LARGEST);
}

/** The same of a prefix length. */
export function sizeOfPrefix(family: Family, prefix: number): number {
  return Math.min(2 ** ((family === 4 ? 32 : 128) - prefix), LARGEST);
}

/** Slots of an interface that are free. */
export function freeSlots(one: CloudInterface, family: Family, { slots }: NodeLimits): number {
  const used = one.addresses.filter(({ cidr }) => familyOf(cidr) === family).length;
  return Math.max(0, (slots[family] ?? 0) - used);
}

/** Slots of an interface yet to be made: one is for its own IPv4 address. */
export function slotsOfNew(family: Family, { slots }: NodeLimits): number {
  return Math.max(0, (slots[family] ?? 0) - (family === 4 ? 1 : 0));
}

/** The inventory after something was added to it or taken from it, as an answer said. */
export function withInterface(inventory: NodeInventory, added: CloudInterface): NodeInventory {
  const others = inventory.interfaces.filter(({ id }) => id !== added.id);
  return { ...inventory, interfaces: [...others, added] };
}

export function withoutInterface(inventory: NodeInventory, id: string): NodeInventory {
  return { ...inventory, interfaces: inventory.interfaces.filter((one) => one.id !== id) };
}

export function withAddresses(inventory: NodeInventory, id: string, cidrs: readonly string[]): NodeInventory {
  return changed(inventory, id, (addresses) => [
    ...addresses,
    ...cidrs
      .filter((cidr) => !addresses.some((known) => known.cidr === cidr))
      .map((cidr): CloudAddress => ({ cidr, role: sizeOf(cidr) === 1 ? "secondary" : "block", ready: true })),
  ]);
}

export function withoutAddresses(
  inventory: NodeInventory,
  id: string,
  cidrs: readonly string[],
): NodeInventory {
  return changed(inventory, id, (addresses) => addresses.filter(({ cidr }) => !cidrs.includes(cidr)));
}

function changed(
  inventory: NodeInventory,
  id: string,
  change: (addresses: readonly CloudAddress[]) => readonly CloudAddress[],
): NodeInventory {
  const interfaces = inventory.interfaces.map((one) =>
    one.id === id ? { ...one, addresses: change(one.addresses) } : one,
  );
  return { ...inventory, interfaces };
}
