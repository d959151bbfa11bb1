import type { Family } from "@netloom/core";
import { freeSlots, isOurs, sizeOfPrefix, slotsOfNew } from "./inventory.ts";
import { choosePool, PoolBudget, type Setback } from "./packing.ts";
import type { CloudAction, PlanInput, Shortage } from "./planning.ts";
import type { CloudPool, Wanted } from "./provider.ts";
import type { PoolChange } from "./watermarks.ts";

/** An interface, there or yet to be made, and what it is to be given. */
interface Holder {
  /** Without one it is yet to be made. */
  readonly interface?: string;
  readonly budget: PoolBudget;
  readonly room: Map<Family, number>;
  readonly grants: Wanted[];
}

/** What stands in the way of any growth. */
const STOPS = [
  ["refused", undefined],
  ["quota", undefined],
  ["paused", "growth"],
] as const;

/** What must be taken from the cloud: on the interfaces there are before on new ones, blocks before single addresses. */
export function grow(
  input: PlanInput,
  changes: ReadonlyMap<Family, PoolChange>,
): { readonly actions: readonly CloudAction[]; readonly shortages: readonly Shortage[] } {
  const growth = new Growth(input);
  const shortages: Shortage[] = [];
  for (const [family, { short, spare = 0 }] of changes) {
    const missing = growth.take(family, short, spare);
    if (missing > 0) shortages.push({ family, missing, ...growth.why(family) });
  }
  return { actions: growth.actions(), shortages };
}

class Growth {
  readonly #input: PlanInput;
  readonly #setbacks: readonly Setback[];
  readonly #budgets: readonly PoolBudget[];
  readonly #holders: Holder[] = [];
  readonly #near: CloudPool | undefined;
  /** Slots that the whole instance has left. */
  readonly #slots = new Map<Family, number>();
  #interfaces: number;

  constructor(input: PlanInput) {
    const { inventory, limits, pools, setbacks, now, capabilities } = input;
    this.#input = input;
    this.#setbacks = setbacks.filter(({ until }) => until > now);
    this.#budgets = pools.map((pool) => new PoolBudget(pool, this.#setbacks));
    const first = inventory.interfaces.find(({ primary }) => primary);
    this.#near = pools.find(({ id }) => id === first?.pool);
    this.#interfaces =
      capabilities.interfaces === "fixed" ||
      this.#refused("node-interfaces") ||
      this.#refused("interface-slots") ||
      this.#refused("refused", "add-interface")
        ? 0
        : Math.max(0, limits.interfaces - inventory.interfaces.length);
    for (const family of [4, 6] as const) {
      const used = inventory.interfaces
        .flatMap(({ addresses }) => addresses)
        .filter(({ cidr }) => cidr.includes(":") === (family === 6)).length;
      this.#slots.set(family, Math.max(0, (limits.slotsPerNode?.[family] ?? Infinity) - used));
    }
    for (const one of inventory.interfaces) {
      const budget = this.#budgets.find(({ pool }) => pool.id === one.pool);
      // One that is attaching can be given addresses as well: who comes meanwhile needs no other.
      const holds = one.state === "attached" || one.state === "attaching";
      if (!isOurs(one) || !holds || budget === undefined) continue;
      // Without an id it is about interfaces yet to be made.
      const isFull = this.#setbacks.some(({ what, id }) => what === "interface-slots" && id === one.id);
      if (isFull || this.#refused("refused", "assign")) continue;
      const room = new Map(([4, 6] as const).map((family) => [family, freeSlots(one, family, limits)]));
      this.#holders.push({ interface: one.id, budget, room, grants: [] });
    }
  }

  /** Takes so many addresses or more, as blocks go, and the spare ones with them. @returns how many it could not. */
  take(family: Family, count: number, spare: number): number {
    if (count === 0 || STOPS.some(([what, id]) => this.#refused(what, id))) return count;
    const { policy, capabilities } = this.#input;
    const block = policy.blocks ? capabilities.blocks[family] : undefined;
    const single = family === 4 ? 32 : 128;
    let missing = count;
    if (block !== undefined) missing = this.#takeAs(family, block, missing);
    if (capabilities.singles.includes(family) && (block === undefined || policy.singles))
      missing = this.#takeAs(family, single, missing);
    if (missing <= 0) this.#widen(family, missing + spare);
    return Math.max(0, missing);
  }

  /** What is asked for anyway is asked for in greater numbers. */
  #widen(family: Family, count: number): void {
    let missing = count;
    for (const holder of this.#holders)
      for (const grant of holder.grants)
        if (grant.family === family) missing = this.#grant(holder, family, grant.prefix, missing);
  }

  /** The first thing that stands in the way. */
  why(family: Family): { readonly why: Setback["what"]; readonly id?: string } {
    for (const [why, id] of STOPS) if (this.#refused(why, id)) return { why };
    const failing = this.#setbacks.find(({ what }) => what === "pool-failing");
    if (failing !== undefined) return { why: "pool-failing", id: failing.id! };
    if (this.#refused("refused", "assign") || this.#refused("refused", "add-interface"))
      return { why: "refused" };
    const roomy = this.#holders.find(({ room }) => room.get(family)! > 0);
    if (roomy !== undefined && this.#slots.get(family)! > 0)
      return { why: "pool-addresses", id: roomy.budget.pool.id };
    if (this.#slots.get(family) === 0 || this.#refused("interface-slots")) return { why: "interface-slots" };
    if (this.#interfaces > 0) return { why: "pool-addresses" };
    return { why: this.#input.capabilities.interfaces === "fixed" ? "interface-slots" : "node-interfaces" };
  }

  actions(): readonly CloudAction[] {
    const { perCall = Infinity } = this.#input.capabilities;
    const indices = this.#freeIndices();
    return this.#holders.flatMap((holder): readonly CloudAction[] => {
      if (holder.grants.length === 0) return [];
      const { interface: id } = holder;
      if (id !== undefined) {
        return holder.grants
          .flatMap((grant) => parts(grant, perCall))
          .map((grant) => ({ do: "assign", interface: id, ...grant }));
      }
      // What does not fit in the first request is assigned when the interface is there.
      const want = holder.grants.map((grant) => parts(grant, perCall)[0]!);
      return [{ do: "add-interface", pool: holder.budget.pool.id, index: indices.next().value!, want }];
    });
  }

  #takeAs(family: Family, prefix: number, count: number): number {
    let missing = count;
    // The roomiest first: so it is the fewest calls.
    const byRoom = this.#holders.toSorted((a, b) => b.room.get(family)! - a.room.get(family)!);
    for (const holder of byRoom) missing = this.#grant(holder, family, prefix, missing);
    while (missing > 0) {
      const holder = this.#another(family, prefix, missing);
      if (holder === undefined) break;
      const before = missing;
      missing = this.#grant(holder, family, prefix, missing);
      if (missing === before) break;
      this.#holders.push(holder);
      this.#interfaces--;
      if (family === 6) this.#slots.set(4, this.#slots.get(4)! - 1);
    }
    return missing;
  }

  #grant(holder: Holder, family: Family, prefix: number, missing: number): number {
    if (missing <= 0) return missing;
    const size = sizeOfPrefix(family, prefix);
    const room = Math.min(holder.room.get(family)!, this.#slots.get(family)!);
    const count = Math.min(Math.ceil(missing / size), room, holder.budget.free(family, prefix));
    if (count <= 0) return missing;
    const known = holder.grants.findIndex((one) => one.family === family && one.prefix === prefix);
    const before = holder.grants[known]?.count ?? 0;
    holder.grants.splice(known < 0 ? holder.grants.length : known, 1, {
      family,
      prefix,
      count: before + count,
    });
    holder.room.set(family, holder.room.get(family)! - count);
    holder.budget.take(family, prefix, count);
    this.#slots.set(family, this.#slots.get(family)! - count);
    return missing - count * size;
  }

  #another(family: Family, prefix: number, missing: number): Holder | undefined {
    const { limits, inventory } = this.#input;
    const count = Math.min(Math.ceil(missing / sizeOfPrefix(family, prefix)), slotsOfNew(family, limits));
    if (this.#interfaces <= 0 || count <= 0) return undefined;
    const budget = choosePool(this.#budgets, { family, prefix, count }, this.#near, inventory.node.zone);
    if (budget === undefined) return undefined;
    // Its own IPv4 address takes a slot and an address.
    if (budget.free(4, 32) > 0) {
      if (this.#slots.get(4)! <= (family === 4 ? 1 : 0)) return undefined;
      budget.take(4, 32, 1);
      if (family === 4) this.#slots.set(4, this.#slots.get(4)! - 1);
    }
    const room = new Map(([4, 6] as const).map((one) => [one, slotsOfNew(one, limits)]));
    return { budget, room, grants: [] };
  }

  *#freeIndices(): Generator<number, undefined> {
    const taken = new Set(this.#input.inventory.interfaces.map(({ index }) => index));
    for (let index = 0; ; index++) if (!taken.has(index)) yield index;
  }

  #refused(what: Setback["what"], id?: string): boolean {
    return this.#setbacks.some((one) => one.what === what && (one.id === undefined || one.id === id));
  }
}

/** A grant in as many requests as it takes. */
function parts(grant: Wanted, perCall: number): readonly Wanted[] {
  const found: Wanted[] = [];
  // Whatever a provider declares, each takes some.
  const most = perCall >= 1 ? Math.floor(perCall) : 1;
  for (let left = grant.count; left > 0; left -= most) found.push({ ...grant, count: Math.min(left, most) });
  return found;
}
