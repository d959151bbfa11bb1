import { NetloomError } from "../errors.ts";
import { LOCAL_IDENTITIES } from "./numeric.ts";

/**
 * Numbers for things that only this node needs to tell apart: the prefixes that policies name. The same key keeps
 * its number as long as it is held; a number that was given back is the last to be given again.
 */
export class LocalIdentities {
  readonly #byKey = new Map<string, number>();
  readonly #byId = new Map<number, string>();
  readonly #first: number;
  readonly #last: number;
  #next: number;

  constructor(range: { readonly first: number; readonly last: number } = LOCAL_IDENTITIES) {
    this.#first = range.first;
    this.#last = range.last;
    this.#next = range.first;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): number | undefined {
    return this.#byKey.get(key);
  }

  keyOf(id: number): string | undefined {
    return this.#byId.get(id);
  }

  /** Takes a number that was in force before a restart. Refused where either is taken. */
  restore(key: string, id: number): boolean {
    if (id < this.#first || id > this.#last || this.#byKey.has(key) || this.#byId.has(id)) return false;
    this.#byKey.set(key, id);
    this.#byId.set(id, key);
    return true;
  }

  /** @throws `ERR_IDENTITY_EXHAUSTED`. */
  allocate(key: string): number {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const size = this.#last - this.#first + 1;
    if (this.#byKey.size >= size) {
      throw new NetloomError("ERR_IDENTITY_EXHAUSTED", `all ${size} node-local identities are in use`, {
        input: key,
        remedy: "name fewer prefixes in policies",
      });
    }
    while (this.#byId.has(this.#next)) this.#advance();
    const id = this.#next;
    this.#advance();
    this.#byKey.set(key, id);
    this.#byId.set(id, key);
    return id;
  }

  release(key: string): void {
    const id = this.#byKey.get(key);
    if (id === undefined) return;
    this.#byKey.delete(key);
    this.#byId.delete(id);
  }

  #advance(): void {
    this.#next = this.#next === this.#last ? this.#first : this.#next + 1;
  }
}
