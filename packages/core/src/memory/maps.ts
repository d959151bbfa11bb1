import { decode, encode } from "../datapath/mirror.ts";
import { Limits, maps as definitions, type Codec } from "../datapath/schema.generated.ts";
import { NetloomError } from "../errors.ts";
import type { DatapathMaps, MaglevMap, TypedMap } from "../ports/datapath.ts";

/** What the schema says of a map that keeps entries of one type. */
export interface MemoryMapDefinition<K, V> {
  readonly name: string;
  readonly type: string;
  readonly key: Codec<K>;
  readonly value: Codec<V>;
  readonly maxEntries: number;
}

/** Entries a map takes, by its name. */
export type MemoryMapSizes = Readonly<Partial<Record<keyof DatapathMaps, number>>>;

/** {@link DatapathMaps} in memory, each of the kind that the kernel's is. */
export interface MemoryMaps extends DatapathMaps {
  readonly endpoints: MemoryMap<KeyOf<"endpoints">, ValueOf<"endpoints">>;
  readonly ipcache: MemoryMap<KeyOf<"ipcache">, ValueOf<"ipcache">>;
  readonly ipcachePrefixes: MemoryMap<KeyOf<"ipcachePrefixes">, ValueOf<"ipcachePrefixes">>;
  readonly policy: MemoryMap<KeyOf<"policy">, ValueOf<"policy">>;
  readonly services: MemoryMap<KeyOf<"services">, ValueOf<"services">>;
  readonly backends: MemoryMap<number, ValueOf<"backends">>;
  readonly maglev: MemoryMaglev;
  readonly settings: MemoryMap<number, ValueOf<"settings">>;
  readonly conntrack: MemoryMap<KeyOf<"conntrack">, ValueOf<"conntrack">>;
  readonly nat: MemoryMap<KeyOf<"nat">, ValueOf<"nat">>;
}

type KeyOf<N extends keyof DatapathMaps> = DatapathMaps[N] extends TypedMap<infer K, infer _> ? K : never;
type ValueOf<N extends keyof DatapathMaps> = DatapathMaps[N] extends TypedMap<infer _, infer V> ? V : never;

/** @param sizes - entries that differ from what the schema says. */
export function memoryMaps(sizes: MemoryMapSizes = {}): MemoryMaps {
  const sized = <K, V>(name: keyof DatapathMaps, definition: MemoryMapDefinition<K, V>): MemoryMap<K, V> =>
    memoryMap({ ...definition, maxEntries: sizes[name] ?? definition.maxEntries });
  return {
    endpoints: sized("endpoints", definitions.endpoints),
    ipcache: sized("ipcache", definitions.ipcache),
    ipcachePrefixes: sized("ipcachePrefixes", definitions.ipcachePrefixes),
    policy: sized("policy", definitions.policy),
    services: sized("services", definitions.services),
    backends: sized("backends", definitions.backends),
    maglev: new MemoryMaglev(sizes.maglev),
    settings: sized("settings", definitions.settings),
    conntrack: sized("conntrack", definitions.conntrack),
    nat: sized("nat", definitions.nat),
  };
}

/** A map of the kind that the definition names. @throws RangeError for a kind that keeps no entries of one type. */
export function memoryMap<K, V>(definition: MemoryMapDefinition<K, V>): MemoryMap<K, V> {
  switch (definition.type) {
    case "hash":
      return new MemoryMap(definition);
    case "lru_hash":
      return new LruMap(definition);
    case "lpm_trie":
      return new PrefixMap(definition);
    case "array":
      return new ArrayMap(definition);
    default:
      throw new RangeError(`map ${definition.name}: there is no ${definition.type} in memory`);
  }
}

/**
 * A hash. Keeps bytes, as the kernel does: keys are compared by them, and what does not fit its schema is refused.
 */
export class MemoryMap<K, V> implements TypedMap<K, V> {
  readonly name: string;
  readonly maxEntries: number;
  protected readonly keyCodec: Codec<K>;
  protected readonly valueCodec: Codec<V>;
  /** In the order in which they came. */
  protected readonly stored = new Map<string, string>();

  constructor(definition: MemoryMapDefinition<K, V>) {
    this.name = definition.name;
    this.maxEntries = definition.maxEntries;
    this.keyCodec = definition.key;
    this.valueCodec = definition.value;
  }

  get size(): number {
    return this.stored.size;
  }

  get(key: K): V | undefined {
    const bytes = this.find(encode(this.keyCodec, key));
    return bytes === undefined ? undefined : decode(this.valueCodec, bytes);
  }

  /** As a program looks it up: where the kind of map minds, it counts as used. */
  use(key: K): V | undefined {
    return this.get(key);
  }

  set(key: K, value: V): void {
    this.write(encode(this.keyCodec, key), encode(this.valueCodec, value));
  }

  /** Writes unless it is there (`BPF_NOEXIST`). @returns whether it did. */
  insert(key: K, value: V): boolean {
    const name = encode(this.keyCodec, key);
    if (this.stored.has(name)) return false;
    this.write(name, encode(this.valueCodec, value));
    return true;
  }

  delete(key: K): boolean {
    return this.stored.delete(encode(this.keyCodec, key));
  }

  *entries(): Generator<readonly [K, V], void, undefined> {
    for (const [key, value] of this.stored) {
      yield [decode(this.keyCodec, key), decode(this.valueCodec, value)];
    }
  }

  setMany(entries: readonly (readonly [K, V])[]): void {
    for (const [key, value] of entries) this.set(key, value);
  }

  deleteMany(keys: readonly K[]): void {
    for (const key of keys) this.delete(key);
  }

  clear(): void {
    this.stored.clear();
  }

  protected find(name: string): string | undefined {
    return this.stored.get(name);
  }

  protected write(name: string, value: string): void {
    if (!this.stored.has(name) && this.stored.size >= this.maxEntries) throw this.full();
    this.stored.set(name, value);
  }

  protected full(): NetloomError {
    return new NetloomError("ERR_CAPACITY", `map ${this.name} is full (${this.maxEntries} entries)`, {
      remedy: "give it more entries",
      retryable: true,
      backend: "memory",
    });
  }
}

/** Where there is no room, what was used longest ago goes. The kernel's choice is near to that, and never refuses. */
class LruMap<K, V> extends MemoryMap<K, V> {
  override use(key: K): V | undefined {
    const name = encode(this.keyCodec, key);
    const bytes = this.stored.get(name);
    if (bytes === undefined) return undefined;
    this.stored.delete(name);
    this.stored.set(name, bytes);
    return decode(this.valueCodec, bytes);
  }

  protected override write(name: string, value: string): void {
    this.stored.delete(name);
    if (this.stored.size >= this.maxEntries) {
      const [oldest] = this.stored.keys();
      if (oldest !== undefined) this.stored.delete(oldest);
    }
    this.stored.set(name, value);
  }
}

/** Bytes of the prefix length that a trie's key begins with (`struct bpf_lpm_trie_key`). */
const LENGTH_BYTES = 4;

/** Finds the longest prefix that contains the key, no longer than the key's own. Bits behind a prefix do not count. */
class PrefixMap<K, V> extends MemoryMap<K, V> {
  /** How many prefixes there are of each length. */
  readonly #lengths = new Map<number, number>();
  /** The key as it was given, by the key as it is compared. */
  readonly #given = new Map<string, string>();

  override delete(key: K): boolean {
    const name = this.#canonical(encode(this.keyCodec, key));
    if (!this.stored.delete(name)) return false;
    this.#given.delete(name);
    const length = prefixLength(name);
    const left = this.#lengths.get(length)! - 1;
    if (left === 0) this.#lengths.delete(length);
    else this.#lengths.set(length, left);
    return true;
  }

  override *entries(): Generator<readonly [K, V], void, undefined> {
    for (const [name, value] of this.stored) {
      yield [decode(this.keyCodec, this.#given.get(name)!), decode(this.valueCodec, value)];
    }
  }

  override clear(): void {
    super.clear();
    this.#given.clear();
    this.#lengths.clear();
  }

  protected override find(name: string): string | undefined {
    const most = prefixLength(name);
    for (const length of [...this.#lengths.keys()].sort((a, b) => b - a)) {
      if (length > most) continue;
      const found = this.stored.get(withLength(name, length));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  protected override write(given: string, value: string): void {
    const name = this.#canonical(given);
    const isNew = !this.stored.has(name);
    super.write(name, value);
    this.#given.set(name, given);
    if (isNew) this.#lengths.set(prefixLength(name), (this.#lengths.get(prefixLength(name)) ?? 0) + 1);
  }

  #canonical(name: string): string {
    const bits = (name.length - LENGTH_BYTES) * 8;
    const length = prefixLength(name);
    if (length > bits) throw new RangeError(`map ${this.name}: a prefix has at most ${bits} bits`);
    return withLength(name, length);
  }
}

function prefixLength(name: string): number {
  let length = 0;
  for (let at = LENGTH_BYTES - 1; at >= 0; at--) length = length * 256 + name.charCodeAt(at);
  return length;
}

/** The key of the prefix of so many bits. */
function withLength(name: string, length: number): string {
  let result = String.fromCharCode(length & 255, (length >>> 8) & 255, 0, 0);
  for (let at = LENGTH_BYTES; at < name.length; at++) {
    const bits = length - (at - LENGTH_BYTES) * 8;
    const mask = bits >= 8 ? 0xff : bits <= 0 ? 0 : (0xff00 >> bits) & 0xff;
    result += String.fromCharCode(name.charCodeAt(at) & mask);
  }
  return result;
}

/** Every index is there, zero at first. Iteration leaves out what nobody wrote. */
class ArrayMap<K, V> extends MemoryMap<K, V> {
  readonly #zero: string = "\0".repeat(this.valueCodec.size);

  override delete(): boolean {
    throw new NetloomError("ERR_UNSUPPORTED", `map ${this.name} is an array: nothing can be deleted`, {
      remedy: "write zeroes",
      backend: "memory",
    });
  }

  protected override find(name: string): string | undefined {
    return this.#has(name) ? (this.stored.get(name) ?? this.#zero) : undefined;
  }

  protected override write(name: string, value: string): void {
    if (!this.#has(name)) throw this.full();
    this.stored.set(name, value);
  }

  #has(name: string): boolean {
    return prefixLength(name) < this.maxEntries;
  }
}

/** Maglev tables in memory. */
export class MemoryMaglev implements MaglevMap {
  readonly maxEntries: number;
  readonly #tables = new Map<number, Uint16Array>();

  constructor(maxEntries: number = Limits.LIMIT_SERVICES) {
    this.maxEntries = maxEntries;
  }

  set(service: number, table: Uint16Array): void {
    this.#tables.set(service, table.slice());
  }

  delete(service: number): void {
    this.#tables.delete(service);
  }

  get(service: number): Uint16Array | undefined {
    return this.#tables.get(service)?.slice();
  }

  /** One slot, without a copy of the table. */
  slot(service: number, index: number): number | undefined {
    return this.#tables.get(service)?.[index];
  }

  clear(): void {
    this.#tables.clear();
  }
}
