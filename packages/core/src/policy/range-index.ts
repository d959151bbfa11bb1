import type { Cidr } from "../address/index.ts";
import { LpmMap } from "../ipcache/lpm.ts";

/** Several values for each of many ranges, found by a prefix that lies in them or meets them. */
export class RangeIndex<T> {
  readonly #values = new LpmMap<Set<T>>();

  add(range: Cidr, value: T): void {
    const known = this.#values.get(range);
    if (known === undefined) this.#values.set(range, new Set([value]));
    else known.add(value);
  }

  delete(range: Cidr, value: T): void {
    const known = this.#values.get(range);
    known?.delete(value);
    if (known?.size === 0) this.#values.delete(range);
  }

  /** Of all ranges that `prefix` lies in. */
  *around(prefix: Cidr): Generator<T, void, undefined> {
    for (const [, values] of this.#values.covering(prefix)) yield* values;
  }

  /** Of all ranges inside of `prefix`. Reads every one that is as long. */
  *inside(prefix: Cidr): Generator<T, void, undefined> {
    for (const [, values] of this.#values.within(prefix)) yield* values;
  }
}
