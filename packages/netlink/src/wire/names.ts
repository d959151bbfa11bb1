import { invalid } from "../errors.ts";

/**
 * Words for the small numbers of rtnetlink. A number without a word stays a number in both
 * directions, so that a newer kernel's values survive.
 */
export class NameTable<Name extends string> {
  readonly #what: string;
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #names: ReadonlyMap<number, Name>;

  constructor(what: string, numbers: Readonly<Record<Name, number>>) {
    this.#what = what;
    const entries = Object.entries<number>(numbers) as [Name, number][];
    this.#numbers = new Map(entries);
    this.#names = new Map(entries.map(([name, number]) => [number, name]));
  }

  /** @throws {@link NetlinkError} `ERR_INVALID` for an unknown word or a number that is no octet. */
  encode(op: string, value: Name | number): number {
    const number = typeof value === "number" ? value : this.#numbers.get(value);
    if (number !== undefined && Number.isInteger(number) && number >= 0 && number <= 255) return number;
    throw invalid(op, value, `a ${this.#what} (${[...this.#numbers.keys()].join(", ")} or a number)`);
  }

  decode(value: number): Name | number {
    return this.#names.get(value) ?? value;
  }
}
