import { isOurs, podAddresses } from "./inventory.ts";
import type { CloudInterface, NodeInventory } from "./provider.ts";

/** So many times as long as an interface may take to attach, and nobody waits for it any more. */
const PATIENCE = 12;

/** Interfaces that are on their way, and since when: what never comes must not be counted on for ever. */
export class Pending {
  readonly #attachTime: number;
  /** By id, in monotonic milliseconds. */
  readonly #since = new Map<string, number>();
  readonly #told = new Set<string>();

  /** @param attachTime - in milliseconds */
  constructor(attachTime: number) {
    this.#attachTime = attachTime;
  }

  /** @returns those that have just turned out not to come */
  update({ interfaces }: NodeInventory, now: number): readonly CloudInterface[] {
    const pending = interfaces.filter(isPending);
    const ids = new Set(pending.map(({ id }) => id));
    for (const id of this.#since.keys()) if (!ids.has(id)) this.#forget(id);
    for (const id of ids) if (!this.#since.has(id)) this.#since.set(id, now);
    const fresh = pending.filter(({ id }) => this.isStuck(id, now) && !this.#told.has(id));
    for (const { id } of fresh) this.#told.add(id);
    return fresh;
  }

  isStuck(id: string, now: number): boolean {
    return now - (this.#since.get(id) ?? now) > PATIENCE * this.#attachTime;
  }

  /** Without what does not come: as if it were on its way out. */
  outlook(inventory: NodeInventory, now: number): NodeInventory {
    const interfaces = inventory.interfaces.map((one): CloudInterface =>
      this.isStuck(one.id, now) ? { ...one, state: "detaching" } : one,
    );
    return { ...inventory, interfaces };
  }

  #forget(id: string): void {
    this.#since.delete(id);
    this.#told.delete(id);
  }
}

/** Something of it has been given, but is not delivered to yet. */
export function isPending(one: CloudInterface): boolean {
  return isOurs(one) && (one.state === "attaching" || podAddresses(one).some(({ ready }) => !ready));
}
