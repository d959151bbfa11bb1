import type { NodeInterface } from "@netloom/core";
import { ourInterfaces, podAddresses } from "./inventory.ts";
import type { CloudInterface, NodeInventory } from "./provider.ts";

/**
 * What a routing must know of the interfaces of a node beside its first: by which of them each pod leaves. One whose
 * provider does not tell its MAC, its own IPv4 address or its gateway is left out: its pods leave by the uplink, and the
 * cloud may drop what they send.
 */
export class NodeInterfaces {
  #all: readonly NodeInterface[] = [];

  /** In the order of their addresses. */
  get all(): readonly NodeInterface[] {
    return this.#all;
  }

  /**
   * @param lost - ranges that pods use, and that cannot be seen now: they stay where they were
   * @returns whether anything is different
   */
  update(inventory: NodeInventory, lost: readonly string[]): boolean {
    const next = new Map(interfacesOf(inventory).map((one) => [one.address, one]));
    const seen = new Set([...next.values()].flatMap(({ ranges }) => ranges));
    for (const before of this.#all) {
      const kept = before.ranges.filter((range) => lost.includes(range) && !seen.has(range));
      if (kept.length === 0) continue;
      const now = next.get(before.address) ?? { ...before, ranges: [] };
      next.set(before.address, { ...now, ranges: [...now.ranges, ...kept] });
    }
    const all = [...next.values()].toSorted((a, b) => (a.address < b.address ? -1 : 1));
    const differs = JSON.stringify(all) !== JSON.stringify(this.#all);
    this.#all = all;
    return differs;
  }
}

function interfacesOf(inventory: NodeInventory): readonly NodeInterface[] {
  return ourInterfaces(inventory)
    .filter(({ primary, state }) => !primary && state === "attached")
    .flatMap(nodeInterface);
}

function nodeInterface(one: CloudInterface): readonly NodeInterface[] {
  const { mac, gateway, addresses } = one;
  const own = addresses.find(({ cidr, role }) => role === "primary" && cidr.endsWith("/32"));
  const ranges = podAddresses(one, 4).flatMap(({ cidr, ready }) => (ready ? [cidr] : []));
  if (mac === undefined || gateway === undefined || own === undefined || ranges.length === 0) return [];
  return [{ mac, address: own.cidr.slice(0, -"/32".length), gateway, ranges }];
}
