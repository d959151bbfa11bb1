import { podAddresses } from "./inventory.ts";
import type { CloudAction } from "./planning.ts";
import type { CloudAddress, CloudInterface, NodeInventory } from "./provider.ts";

interface Noted<T> {
  readonly what: T;
  readonly at: number;
}

/**
 * What answers have told lately. A read may come from before them, for clouds are consistent eventually: it is put right, so
 * that a stale one neither takes away what is there nor has anything made twice.
 */
export class Recent {
  readonly #lag: number;
  readonly #added = new Map<string, Noted<{ readonly interface: string; readonly address: CloudAddress }>>();
  readonly #taken = new Map<string, Noted<string>>();
  readonly #made = new Map<string, Noted<CloudInterface>>();
  readonly #removed = new Map<string, Noted<string>>();

  /** @param lag - how far behind a read may be, in milliseconds */
  constructor(lag: number) {
    this.#lag = lag;
  }

  /** An answer has changed the one to the other. */
  note(before: NodeInventory, after: NodeInventory, at: number): void {
    for (const one of after.interfaces) {
      const known = before.interfaces.find(({ id }) => id === one.id);
      if (known === undefined) {
        this.#made.set(one.id, { what: one, at });
        this.#removed.delete(one.id);
        continue;
      }
      for (const address of podAddresses(one)) {
        if (known.addresses.some(({ cidr }) => cidr === address.cidr)) continue;
        this.#added.set(address.cidr, { what: { interface: one.id, address }, at });
        this.#taken.delete(address.cidr);
      }
      for (const { cidr } of known.addresses) {
        if (one.addresses.some((other) => other.cidr === cidr)) continue;
        this.#taken.set(cidr, { what: one.id, at });
        this.#added.delete(cidr);
      }
    }
    for (const { id } of before.interfaces) {
      if (after.interfaces.some((one) => one.id === id)) continue;
      this.#removed.set(id, { what: id, at });
      this.#made.delete(id);
    }
  }

  /** What an action took away is gone, whether or not it was seen before. */
  gone(action: CloudAction, at: number): void {
    if (action.do === "release") {
      for (const cidr of action.cidrs) {
        this.#taken.set(cidr, { what: action.interface, at });
        this.#added.delete(cidr);
      }
    } else if (action.do === "remove-interface") {
      this.#removed.set(action.interface, { what: action.interface, at });
      this.#made.delete(action.interface);
    }
  }

  /** An answer has told that the node has it. */
  isGiven(cidr: string): boolean {
    const made = [...this.#made.values()].some(({ what }) => what.addresses.some((one) => one.cidr === cidr));
    return made || this.#added.has(cidr);
  }

  /** @param at - when the read began */
  correct(read: NodeInventory, at: number): NodeInventory {
    for (const notes of [this.#added, this.#taken, this.#made, this.#removed])
      for (const [key, noted] of notes) if (at - noted.at > this.#lag) notes.delete(key);
    const interfaces = read.interfaces.filter(({ id }) => !this.#removed.has(id));
    for (const { what } of this.#made.values())
      if (!interfaces.some(({ id }) => id === what.id)) interfaces.push(what);
    return { ...read, interfaces: interfaces.map((one) => this.#addresses(one)) };
  }

  #addresses(one: CloudInterface): CloudInterface {
    const addresses = one.addresses.filter(({ cidr }) => this.#taken.get(cidr)?.what !== one.id);
    for (const { what } of this.#added.values()) {
      if (what.interface === one.id && !addresses.some(({ cidr }) => cidr === what.address.cidr))
        addresses.push(what.address);
    }
    return { ...one, addresses };
  }
}
