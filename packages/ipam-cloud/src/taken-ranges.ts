import type { Family } from "@netloom/core";
import { Holds, concerned } from "./holds.ts";
import { familyOf, ourInterfaces, podAddresses } from "./inventory.ts";
import { NodeInterfaces } from "./node-interfaces.ts";
import type { NodeRecord } from "./node-record.ts";
import type { CloudAction } from "./plan.ts";
import type { PodRanges } from "./pod-ranges.ts";
import type { NodeInventory } from "./provider.ts";

export interface TakenRangesOptions {
  readonly ranges: PodRanges;
  readonly record: NodeRecord;
  readonly families: readonly Family[];
  /** The node has other ranges. */
  readonly changed: () => void;
  /** The cloud has no longer given to the node what pods use. */
  readonly lost: (range: string) => void;
}

/** Keeps the node's ranges to what the cloud has given it, and what is on its way back out of pods' reach. */
export class TakenRanges {
  readonly holds = new Holds();
  readonly interfaces = new NodeInterfaces();
  readonly #options: TakenRangesOptions;
  #loaded = false;
  /** Told of already. */
  #told: ReadonlySet<string> = new Set();

  constructor(options: TakenRangesOptions) {
    this.#options = options;
  }

  /**
   * Ranges that the cloud has and the node not yet; and those that somebody else took away. Of the latter, what pods use is
   * theirs as long as they live, but nobody is given more of it: perhaps it is only not seen.
   */
  async update(inventory: NodeInventory): Promise<void> {
    const { ranges, record, families, changed, lost } = this.#options;
    const isWanted = (cidr: string): boolean => families.includes(familyOf(cidr));
    const ready = ourInterfaces(inventory)
      .filter(({ state }) => state === "attached")
      .flatMap((one) => podAddresses(one).filter((address) => address.ready && !this.holds.has(one, address)))
      .map(({ cidr }) => cidr)
      .filter(isWanted);
    // After a restart in the order of the life before, with what it had and cannot be seen.
    const known = this.#loaded ? [] : (await record.load()).filter(isWanted);
    const place = (cidr: string): number => (known.includes(cidr) ? known.indexOf(cidr) : known.length);
    const fresh = [...new Set([...ready, ...known])]
      .filter((cidr) => !ranges.has(cidr))
      .toSorted((a, b) => place(a) - place(b));
    const missing = (): readonly string[] => ranges.cidrs.filter((cidr) => !ready.includes(cidr));
    const gone = this.#loaded ? ranges.withdraw(missing()) : [];
    if (fresh.length > 0 || gone.length > 0) await record.save([...ranges.cidrs, ...fresh]);
    this.#loaded = true;
    for (const cidr of fresh) ranges.add(cidr);
    ranges.lose(missing());
    const use = ranges.use();
    for (const range of ranges.lost)
      if (!this.#told.has(range) && (use.get(range)?.used ?? 0) > 0) lost(range);
    this.#told = new Set(ranges.lost);
    const moved = this.interfaces.update(inventory, ranges.lost);
    if (fresh.length > 0 || gone.length > 0 || moved) changed();
  }

  /** What is to go back is nobody's from here on. @returns whether all of it could be had */
  async withdraw(action: CloudAction, inventory: NodeInventory): Promise<boolean> {
    const { ranges, record, changed } = this.#options;
    const cidrs = concerned(action, inventory).filter((cidr) => ranges.has(cidr));
    const use = ranges.use();
    // Somebody was given one since the plan was made.
    if (cidrs.some((cidr) => use.get(cidr)?.used !== 0)) return false;
    this.holds.add(action);
    if (cidrs.length === 0) return true;
    ranges.withdraw(cidrs);
    changed();
    try {
      await record.save(ranges.cidrs);
    } catch (error) {
      this.holds.remove(action);
      throw error;
    }
    return true;
  }
}
