import { type Address, type Cidr, hostCidr } from "../address/index.ts";
import { NetloomError } from "../errors.ts";
import { PrefixTable } from "./prefix-table.ts";

/** Greater rows would not fit the records. */
const LARGEST_ROW = 0xffff_fffe;

/**
 * Longest prefix match: which of many prefixes around an address is the longest? Holds a row number for each prefix,
 * in one hash table for each length that is in use, and asks the longest first. Both families are in here and
 * never mix: an IPv4 address lies in no IPv6 prefix, not even in `::/0`.
 *
 * Costs about 20 bytes for each IPv4 prefix and 40 for each IPv6 one, and a look-up one probe for each length in use
 * down to the one that answers. For values of another kind see {@link LpmMap}.
 */
export class LpmTable {
  readonly #tables = { 4: new Map<number, PrefixTable>(), 6: new Map<number, PrefixTable>() } as const;
  /** The tables that hold something, the longest prefix first. */
  readonly #inUse: { 4: PrefixTable[]; 6: PrefixTable[] } = { 4: [], 6: [] };

  /** How many prefixes it holds. */
  get size(): number {
    return [...this.#inUse[4], ...this.#inUse[6]].reduce((sum, table) => sum + table.size, 0);
  }

  /**
   * @param row an integer from 0 to 2^32 - 2
   * @returns the row the prefix had before, if any.
   * @throws {@link NetloomError} `ERR_OPTIONS_INVALID` for another row.
   */
  set(cidr: Cidr, row: number): number | undefined {
    if (!Number.isInteger(row) || row < 0 || row > LARGEST_ROW) {
      throw new NetloomError("ERR_OPTIONS_INVALID", `${row} is not a row number`, {
        input: row,
        remedy: `use an integer from 0 to ${LARGEST_ROW}`,
      });
    }
    return orUndefined(this.#tableFor(cidr).set(cidr.first, row));
  }

  /** @returns the row of exactly this prefix. */
  get(cidr: Cidr): number | undefined {
    const table = this.#tables[cidr.family].get(cidr.prefix);
    return table === undefined ? undefined : orUndefined(table.find(cidr.first));
  }

  /** @returns the row the prefix had, if it was there. */
  delete(cidr: Cidr): number | undefined {
    const table = this.#tables[cidr.family].get(cidr.prefix);
    const row = table?.delete(cidr.first) ?? -1;
    if (table?.size === 0) this.#drop(table);
    return orUndefined(row);
  }

  /** The row of the longest prefix that `address` lies in. */
  lookup(address: Address): number | undefined {
    const tables = this.#inUse[address.family];
    for (let i = 0; i < tables.length; i++) {
      const row = tables[i]!.find(address);
      if (row >= 0) return row;
    }
    return undefined;
  }

  /** As {@link LpmTable.lookup}, with the prefix. */
  match(address: Address): [cidr: Cidr, row: number] | undefined {
    return this.covering(hostCidr(address)).next().value as [Cidr, number] | undefined;
  }

  /** The prefixes that contain `cidr`, itself included, from the longest to the shortest. */
  *covering(cidr: Cidr): IterableIterator<[cidr: Cidr, row: number]> {
    for (const table of this.#inUse[cidr.family]) {
      const row = table.prefix <= cidr.prefix ? table.find(cidr.first) : -1;
      if (row >= 0) yield [table.cidrAt(cidr.first), row];
    }
  }

  /** The prefixes inside `cidr`, itself included, from the longest to the shortest lengths. Reads all that are as long. */
  *within(cidr: Cidr): IterableIterator<[cidr: Cidr, row: number]> {
    for (const table of this.#inUse[cidr.family]) {
      if (table.prefix < cidr.prefix) continue;
      for (const entry of table.entries()) if (cidr.contains(entry[0].first)) yield entry;
    }
  }

  /** Everything, IPv4 first, the longest prefixes first. The table must not change meanwhile. */
  *entries(): IterableIterator<[cidr: Cidr, row: number]> {
    for (const family of [4, 6] as const) {
      for (const table of this.#inUse[family]) yield* table.entries();
    }
  }

  #tableFor({ family, prefix }: Cidr): PrefixTable {
    const found = this.#tables[family].get(prefix);
    if (found !== undefined) return found;
    const table = new PrefixTable(family, prefix);
    this.#tables[family].set(prefix, table);
    this.#inUse[family] = [...this.#inUse[family], table].sort((a, b) => b.prefix - a.prefix);
    return table;
  }

  #drop(table: PrefixTable): void {
    this.#tables[table.family].delete(table.prefix);
    this.#inUse[table.family] = this.#inUse[table.family].filter((other) => other !== table);
  }
}

/** {@link LpmTable} with values of any kind. `undefined` is not a value. */
export class LpmMap<V> {
  readonly #table = new LpmTable();
  readonly #values: (V | undefined)[] = [];
  /** Rows of `#values` that are free. */
  readonly #free: number[] = [];

  get size(): number {
    return this.#table.size;
  }

  /** @returns the value the prefix had before, if any. */
  set(cidr: Cidr, value: V): V | undefined {
    const known = this.#table.get(cidr);
    const row = known ?? this.#free.pop() ?? this.#values.length;
    if (known === undefined) this.#table.set(cidr, row);
    const before = known === undefined ? undefined : this.#values[known];
    this.#values[row] = value;
    return before;
  }

  get(cidr: Cidr): V | undefined {
    return this.#valueAt(this.#table.get(cidr));
  }

  /** @returns the value the prefix had, if it was there. */
  delete(cidr: Cidr): V | undefined {
    const row = this.#table.delete(cidr);
    if (row === undefined) return undefined;
    const before = this.#values[row];
    this.#values[row] = undefined;
    this.#free.push(row);
    return before;
  }

  /** The value of the longest prefix that `address` lies in. */
  lookup(address: Address): V | undefined {
    return this.#valueAt(this.#table.lookup(address));
  }

  /** As {@link LpmMap.lookup}, with the prefix. */
  match(address: Address): [cidr: Cidr, value: V] | undefined {
    const found = this.#table.match(address);
    return found === undefined ? undefined : [found[0], this.#values[found[1]]!];
  }

  /** As {@link LpmTable.covering}. */
  covering(cidr: Cidr): IterableIterator<[cidr: Cidr, value: V]> {
    return this.#withValues(this.#table.covering(cidr));
  }

  /** As {@link LpmTable.within}. */
  within(cidr: Cidr): IterableIterator<[cidr: Cidr, value: V]> {
    return this.#withValues(this.#table.within(cidr));
  }

  /** As {@link LpmTable.entries}. */
  entries(): IterableIterator<[cidr: Cidr, value: V]> {
    return this.#withValues(this.#table.entries());
  }

  *#withValues(rows: Iterable<[cidr: Cidr, row: number]>): IterableIterator<[cidr: Cidr, value: V]> {
    for (const [cidr, row] of rows) yield [cidr, this.#values[row]!];
  }

  #valueAt(row: number | undefined): V | undefined {
    return row === undefined ? undefined : this.#values[row];
  }
}

function orUndefined(row: number): number | undefined {
  return row < 0 ? undefined : row;
}
