import { parseAddress } from "../wire/address.ts";
import { ORIGINS, type PathAttributes } from "../wire/attributes.ts";
import { LLGR_STALE } from "../wire/communities.ts";
import { equalAttributes, hashAttributes } from "./attribute-value.ts";
import { grown } from "./growable.ts";

/** RFC 4271 leaves it open; everybody uses this. */
const DEFAULT_LOCAL_PREF = 100;

/** What is worth collecting: below it, sets that are out of use may come back into use. */
const COLLECT = 256;

/**
 * Every distinct set of path attributes once, by a small number; 0 is none. Sets are counted by their uses; what has none is
 * forgotten at the next {@link collect}, so an id stays good while one thing is being done even if nothing holds it yet.
 */
export class AttributeStore {
  readonly #values: (PathAttributes | undefined)[] = [undefined];
  readonly #free: number[] = [];
  /** Out of use when last looked at. */
  readonly #idle: number[] = [];
  /** By hash: id, or 0. At most three quarters full. */
  #slots = new Int32Array(64);
  #hashes = new Int32Array(64);
  #uses = new Uint32Array(64);
  #stamps = new Uint32Array(64);
  #stamp = 0;
  #size = 0;

  /** Columns by id: what the decision process looks at. */
  localPref = new Uint32Array(64);
  pathLength = new Uint32Array(64);
  origin = new Uint8Array(64);
  /** Missing counts as 0, the best: RFC 4271 section 9.1.2.2. */
  med = new Uint32Array(64);
  /** The AS the route came from; 0: ours. */
  neighbour = new Uint32Array(64);
  /** Of the router in our AS where it entered; 0: not reflected. */
  originator = new Uint32Array(64);
  clusterLength = new Uint32Array(64);
  /** 1: has LLGR_STALE, the last resort. */
  lastResort = new Uint8Array(64);

  /** Sets known. */
  get size(): number {
    return this.#size;
  }

  /** Every id is less. */
  get limit(): number {
    return this.#values.length;
  }

  /** The id of these attributes. They must not change any more. */
  intern(attributes: PathAttributes): number {
    const hash = hashAttributes(attributes);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = this.#slots[slot]!;
      if (id === 0) return this.#add(attributes, hash);
      if (this.#hashes[id] === hash && equalAttributes(this.#values[id]!, attributes)) return id;
    }
  }

  get(id: number): PathAttributes {
    return this.#values[id]!;
  }

  /** Of an id while it means the same attributes: never the same again once it means others. */
  stampOf(id: number): number {
    return this.#stamps[id]!;
  }

  usesOf(id: number): number {
    return this.#uses[id]!;
  }

  retain(id: number, times = 1): void {
    this.#uses[id]! += times;
  }

  release(id: number, times = 1): void {
    const uses = (this.#uses[id]! -= times);
    if (uses === 0) this.#idle.push(id);
  }

  /** Forgets what is out of use: once it is worth it, or `all`. Ids without uses mean nothing afterwards. */
  collect(all = false): void {
    if (this.#idle.length < (all ? 1 : COLLECT)) return;
    for (const id of this.#idle) {
      if (this.#uses[id] === 0 && this.#values[id] !== undefined) this.#remove(id);
    }
    this.#idle.length = 0;
  }

  #add(attributes: PathAttributes, hash: number): number {
    const id = this.#free.pop() ?? this.#values.length;
    this.#values[id] = attributes;
    this.#room(id);
    this.#stamp += 1;
    this.#stamps[id] = this.#stamp;
    this.#hashes[id] = hash;
    this.#uses[id] = 0;
    this.#idle.push(id);
    this.#describe(id, attributes);
    this.#size += 1;
    if (this.#size * 4 > this.#slots.length * 3) this.#rehash();
    else this.#put(hash, id);
    return id;
  }

  #describe(id: number, attributes: PathAttributes): void {
    this.localPref[id] = attributes.localPref ?? DEFAULT_LOCAL_PREF;
    this.origin[id] = ORIGINS.indexOf(attributes.origin);
    this.med[id] = attributes.med ?? 0;
    this.pathLength[id] = pathLength(attributes);
    this.neighbour[id] = neighbourOf(attributes);
    this.originator[id] = attributes.originatorId === undefined ? 0 : identifier(attributes.originatorId);
    this.clusterLength[id] = attributes.clusterList?.length ?? 0;
    this.lastResort[id] = attributes.communities?.includes(LLGR_STALE) === true ? 1 : 0;
  }

  #remove(id: number): void {
    const mask = this.#slots.length - 1;
    let hole = this.#hashes[id]! & mask;
    while (this.#slots[hole] !== id) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#hashes[this.#slots[slot]!]! & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      this.#slots[hole] = this.#slots[slot]!;
      hole = slot;
    }
    this.#slots[hole] = 0;
    this.#values[id] = undefined;
    this.#stamps[id] = 0;
    this.#free.push(id);
    this.#size -= 1;
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (const [id, value] of this.#values.entries())
      if (value !== undefined) this.#put(this.#hashes[id]!, id);
  }

  #put(hash: number, id: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = id;
  }

  #room(id: number): void {
    if (id < this.#uses.length) return;
    this.#hashes = grown(this.#hashes, id);
    this.#uses = grown(this.#uses, id);
    this.#stamps = grown(this.#stamps, id);
    this.localPref = grown(this.localPref, id);
    this.pathLength = grown(this.pathLength, id);
    this.origin = grown(this.origin, id);
    this.med = grown(this.med, id);
    this.neighbour = grown(this.neighbour, id);
    this.originator = grown(this.originator, id);
    this.clusterLength = grown(this.clusterLength, id);
    this.lastResort = grown(this.lastResort, id);
  }
}

/** A router identifier as an unsigned number; 0: it is none. */
export function identifier(text: string): number {
  const bytes = parseAddress(text);
  if (bytes?.length !== 4) return 0;
  return bytes.reduce((number, byte) => number * 256 + byte, 0);
}

/** A set counts one (RFC 4271 section 9.1.2.2), confederation segments nothing (RFC 5065 section 5.3). */
function pathLength({ asPath }: PathAttributes): number {
  let length = 0;
  for (const { type, asns } of asPath) {
    if (type === "sequence") length += asns.length;
    else if (type === "set") length += 1;
  }
  return length;
}

/** The first AS, unless the path begins with a set. */
function neighbourOf({ asPath }: PathAttributes): number {
  const first = asPath.find(({ type }) => type === "sequence" || type === "set");
  return first?.type === "sequence" ? (first.asns[0] ?? 0) : 0;
}
