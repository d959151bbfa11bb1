import type { Family } from "@netloom/core";
import type {
  CloudAction,
  CloudCapabilities,
  CloudInterface,
  CloudPool,
  Demand,
  NodeInventory,
  NodeLimits,
  RangeUse,
  Wanted,
} from "@netloom/ipam-cloud";

/** The naive cloud that plans are carried out on: counts, and throws where a plan goes too far. */
export class ToyCloud {
  readonly limits: NodeLimits;
  readonly capabilities: CloudCapabilities;
  readonly used = new Map<string, number>();
  inventory: NodeInventory;
  free: Record<Family, number>;
  #next = 1;

  constructor(limits: NodeLimits, capabilities: CloudCapabilities, free: Record<Family, number>) {
    this.limits = limits;
    this.capabilities = capabilities;
    this.free = free;
    const first = { ...this.#interface("eni-0", []), primary: true, managed: false };
    this.inventory = { node: { name: "n", instance: "i" }, interfaces: [first] };
  }

  get pools(): readonly CloudPool[] {
    const size = (family: Family): number =>
      sizeOf({ family, prefix: this.capabilities.blocks[family] ?? 0 });
    const freeBlocks = { 4: Math.floor(this.free[4] / size(4)), 6: Math.floor(this.free[6] / size(6)) };
    const cidrs = ["10.0.0.0/8", "2001:db8::/32"];
    return [{ id: "p", cidrs, tags: {}, freeAddresses: { ...this.free }, freeBlocks }];
  }

  demand(waiting: Demand["waiting"]): Demand {
    const ranges = new Map<string, RangeUse>();
    for (const cidr of this.cidrs()) {
      const used = this.used.get(cidr) ?? 0;
      ranges.set(cidr, { used, ...(used === 0 ? { idleSince: 0 } : {}) });
    }
    return { ranges, waiting };
  }

  cidrs(family?: Family): readonly string[] {
    return this.inventory.interfaces
      .flatMap(({ addresses }) => addresses)
      .filter(
        ({ cidr, role }) =>
          role !== "primary" && (family === undefined || cidr.includes(":") === (family === 6)),
      )
      .map(({ cidr }) => cidr);
  }

  /** Puts pods into what is free. @returns how many found no place */
  place(family: Family, pods: number): number {
    let left = pods;
    for (const cidr of this.cidrs(family)) {
      const used = this.used.get(cidr) ?? 0;
      const taken = Math.min(left, sizeOfCidr(cidr) - used);
      this.used.set(cidr, used + taken);
      left -= taken;
    }
    return left;
  }

  /** Takes pods away, from the last to the first. */
  remove(family: Family, pods: number): void {
    let left = pods;
    for (const cidr of this.cidrs(family).toReversed()) {
      const used = this.used.get(cidr) ?? 0;
      const taken = Math.min(left, used);
      this.used.set(cidr, used - taken);
      left -= taken;
    }
  }

  carryOut(action: CloudAction): void {
    switch (action.do) {
      case "assign":
        return this.#change(action.interface, (one) => this.#with(one, action));
      case "add-interface": {
        this.free[4]--;
        let fresh = this.#interface(`eni-${this.#next++}`, [`10.9.${this.#next}.1/32`]);
        for (const wanted of action.want) fresh = this.#with(fresh, wanted);
        this.inventory = { ...this.inventory, interfaces: [...this.inventory.interfaces, fresh] };
        break;
      }
      case "release":
        return this.#change(action.interface, (one) => {
          for (const cidr of action.cidrs) this.#giveBack(cidr, one);
          return { ...one, addresses: one.addresses.filter(({ cidr }) => !action.cidrs.includes(cidr)) };
        });
      case "remove-interface": {
        const one = this.inventory.interfaces.find(({ id }) => id === action.interface)!;
        if (one.primary) throw new Error("the primary interface would be removed");
        for (const { cidr, role } of one.addresses) if (role !== "primary") this.#giveBack(cidr, one);
        this.free[4]++;
        const interfaces = this.inventory.interfaces.filter(({ id }) => id !== action.interface);
        this.inventory = { ...this.inventory, interfaces };
        break;
      }
      case "finish-interface":
        throw new Error("nothing here is unfinished");
    }
    if (this.inventory.interfaces.length > this.limits.interfaces) throw new Error("too many interfaces");
  }

  #giveBack(cidr: string, one: CloudInterface): void {
    if (!one.addresses.some((known) => known.cidr === cidr && known.role !== "primary"))
      throw new Error(`${cidr} is not on ${one.id}`);
    if ((this.used.get(cidr) ?? 0) > 0) throw new Error(`${cidr} is in use`);
    this.free[cidr.includes(":") ? 6 : 4] += sizeOfCidr(cidr);
  }

  #change(id: string, change: (one: CloudInterface) => CloudInterface): void {
    const interfaces = this.inventory.interfaces.map((one) => (one.id === id ? change(one) : one));
    this.inventory = { ...this.inventory, interfaces };
  }

  #with(one: CloudInterface, { family, prefix, count }: Wanted): CloudInterface {
    const addresses = [...one.addresses];
    for (let index = 0; index < count; index++) {
      const n = this.#next++;
      const [high, low] = [n >> 8, n & 255];
      const size = sizeOf({ family, prefix });
      const cidr =
        family === 6
          ? `2001:db8:${high.toString(16)}:${low.toString(16)}::/${prefix}`
          : size === 1
            ? `10.1.${high}.${low}/32`
            : `10.${2 + (high >> 4)}.${((high & 15) << 4) + (low >> 4)}.${(low & 15) << 4}/${prefix}`;
      addresses.push({ cidr, role: size === 1 ? "secondary" : "block", ready: true });
      this.free[family] -= size;
    }
    const slots = addresses.filter(({ cidr }) => cidr.includes(":") === (family === 6)).length;
    if (slots > (this.limits.slots[family] ?? 0)) throw new Error(`${slots} slots of ${one.id}`);
    if (this.free[family] < 0) throw new Error("more than the pool has");
    if (count > (this.capabilities.perCall ?? Infinity)) throw new Error("too many for one call");
    return { ...one, addresses };
  }

  #interface(id: string, own: readonly string[]): CloudInterface {
    const primary = own[0] ?? "10.9.0.1/32";
    return {
      id,
      pool: "p",
      primary: false,
      managed: true,
      state: "attached",
      addresses: [{ cidr: primary, role: "primary", ready: true }],
      securityGroups: [],
      deleteWithInstance: true,
    };
  }
}

function sizeOf({ family, prefix }: Pick<Wanted, "family" | "prefix">): number {
  return Math.min(2 ** ((family === 4 ? 32 : 128) - prefix), 2 ** 32);
}

export function sizeOfCidr(cidr: string): number {
  return sizeOf({ family: cidr.includes(":") ? 6 : 4, prefix: Number(cidr.split("/")[1]) });
}
