import type { Clock, Family } from "@netloom/core";
import { Holds, concerned } from "./holds.ts";
import { familyOf, ourInterfaces, podAddresses } from "./inventory.ts";
import { NodeInterfaces } from "./node-interfaces.ts";
import type { NodeRecord } from "./node-record.ts";
import type { CloudAction } from "./planning.ts";
import type { PodRanges } from "./pod-ranges.ts";
import type { NodeInventory } from "./provider.ts";

export interface TakenRangesOptions {
  readonly ranges: PodRanges;
  readonly record: NodeRecord;
  readonly families: readonly Family[];
  readonly clock: Clock;
  /** How far a read may be behind, in milliseconds. */
  readonly visibilityLag: number;
  /** An answer of this life has told that the node has it. */
  readonly isGiven: (cidr: string) => boolean;
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
  readonly #bornAt: number;
  #loaded = false;
  /** There was a life before this one, of whose answers nothing is known. */
  #hasPast = false;
  #doubtful: readonly string[] = [];
  /** Told of already. */
  #told: ReadonlySet<string> = new Set();

  constructor(options: TakenRangesOptions) {
    this.#options = options;
    this.#bornAt = options.clock.monotonic();
  }

  /** Until when some of what is read may be what the life before has given back, in monotonic milliseconds. */
  get doubtfulUntil(): number | undefined {
    return this.#doubtful.length === 0 ? undefined : this.#trustedFrom;
  }

  /** What a plan may count on. */
  outlook(inventory: NodeInventory): NodeInventory {
    const { interfaces, ...rest } = this.holds.outlook(inventory);
    return {
      ...rest,
      interfaces: interfaces.map((one) => ({
        ...one,
        addresses: one.addresses.filter(({ cidr }) => !this.#doubtful.includes(cidr)),
      })),
    };
  }

  /**
   * Ranges that the cloud has and the node not yet; and those that somebody else took away. Of the latter, what pods use is
   * theirs as long as they live, but nobody is given more of it: perhaps it is only not seen.
   *
   * @param readAt - in monotonic milliseconds
   */
  async update(inventory: NodeInventory, readAt: number): Promise<void> {
    const { ranges, record, families, changed, lost } = this.#options;
    const isWanted = (cidr: string): boolean => families.includes(familyOf(cidr));
    const shown = ourInterfaces(inventory)
      .filter(({ state }) => state === "attached")
      .flatMap((one) => podAddresses(one).filter((address) => address.ready && !this.holds.has(one, address)))
      .map(({ cidr }) => cidr)
      .filter(isWanted);
    // After a restart in the order of the life before, with what it had and cannot be seen.
    const past = this.#loaded ? undefined : await record.load();
    this.#hasPast ||= past !== undefined;
    const known = (past ?? []).filter(isWanted);
    const isDoubtful = (cidr: string): boolean =>
      this.#hasPast && readAt < this.#trustedFrom && !known.includes(cidr) && !this.#isKnown(cidr);
    this.#doubtful = shown.filter(isDoubtful);
    const ready = shown.filter((cidr) => !this.#doubtful.includes(cidr));
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

  get #trustedFrom(): number {
    return this.#bornAt + this.#options.visibilityLag;
  }

  #isKnown(cidr: string): boolean {
    return this.#options.ranges.has(cidr) || this.#options.isGiven(cidr);
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
