import { NetloomError } from "../errors.ts";

/**
 * Numbers from 1 for things that are known by a key. A number that was given back is the last to be given again, so
 * that whoever still holds it has time to notice.
 */
export class IndexPool {
  readonly #what: string;
  readonly #size: number;
  readonly #byKey = new Map<string, number>();
  readonly #used = new Set<number>();
  readonly #freed: number[] = [];
  #next = 1;

  /** @param size - one more than the greatest number; 0 is never given. */
  constructor(what: string, size: number) {
    this.#what = what;
    this.#size = size;
  }

  get(key: string): number | undefined {
    return this.#byKey.get(key);
  }

  /** @throws {@link NetloomError} `ERR_CAPACITY`. */
  allocate(key: string): number {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    while (this.#next < this.#size && this.#used.has(this.#next)) this.#next++;
    const index = this.#next < this.#size ? this.#next++ : this.#freed.shift();
    if (index === undefined) {
      throw new NetloomError(
        "ERR_CAPACITY",
        `${key} does not fit: the datapath holds ${this.#size - 1} ${this.#what}`,
        {
          input: key,
          remedy: `use fewer ${this.#what}`,
        },
      );
    }
    this.#byKey.set(key, index);
    this.#used.add(index);
    return index;
  }

  /** Takes a number that was in force before a restart; refused where either is taken. */
  restore(key: string, index: number): boolean {
    if (index < 1 || index >= this.#size || this.#byKey.has(key) || this.#used.has(index)) return false;
    this.#byKey.set(key, index);
    this.#used.add(index);
    return true;
  }

  release(key: string): void {
    const index = this.#byKey.get(key);
    if (index === undefined) return;
    this.#byKey.delete(key);
    this.#used.delete(index);
    this.#freed.push(index);
  }

  /** Gives back all that is not in `kept`. @returns the numbers */
  releaseExcept(kept: { has(key: string): boolean }): readonly number[] {
    const released = [...this.#byKey].filter(([key]) => !kept.has(key));
    for (const [key] of released) this.release(key);
    return released.map(([, index]) => index);
  }
}
