import { encodeAttributes } from "../wire/attributes/encode.ts";
import { writeUint32 } from "../wire/bytes.ts";
import type { WireContext } from "../wire/context.ts";
import { EXTENDED_MAXIMUM } from "../wire/header.ts";
import { packReach, packWithdraw, type PrefixSource } from "../wire/pack.ts";
import type { FamilyRib } from "./family-rib.ts";
import type { Feed } from "./feed.ts";

/** Paths told at once: about a millisecond of work. */
const BATCH = 512;

/**
 * What a source has told, in UPDATEs as it could have sent them: before any policy, without what is stale. Each step is of
 * one moment, so that who hears of changes between steps ends with what there is.
 */
export function* replay(
  rib: FamilyRib,
  feed: Feed,
  context: WireContext,
): Generator<readonly Uint8Array[], void, undefined> {
  const groups = new Map<number, Paths>();
  const identifiers = context.addPathReceive.includes(rib.table.family);
  let count = 0;
  for (const prefix of feed.adjIn.prefixes()) {
    // All paths of a prefix go together: another step would see those that are left as they were in this one.
    feed.adjIn.paths(prefix, (id, pathId, stale) => {
      if (stale) return;
      let group = groups.get(id);
      if (group === undefined) groups.set(id, (group = new Paths(rib, identifiers)));
      group.add(prefix, pathId);
      count += 1;
    });
    if (count < BATCH) continue;
    yield pack(rib, groups, context);
    groups.clear();
    count = 0;
  }
  if (count > 0) yield pack(rib, groups, context);
}

/** What is stale still, taken back in UPDATEs as the source could have sent them. */
export function withdrawStale(rib: FamilyRib, { adjIn }: Feed, context: WireContext): Uint8Array[] {
  const { family } = rib.table;
  const paths = new Paths(rib, context.addPathReceive.includes(family));
  if (adjIn.stale > 0)
    for (const prefix of adjIn.prefixes())
      adjIn.paths(prefix, (_, pathId, stale) => {
        if (stale) paths.add(prefix, pathId);
      });
  const messages: Uint8Array[] = [];
  for (let from = 0; from < paths.length;) {
    const { message, taken } = packWithdraw(context, family, paths, from, paths.length);
    messages.push(message);
    from += taken;
  }
  return messages;
}

function pack(rib: FamilyRib, groups: ReadonlyMap<number, Paths>, context: WireContext): Uint8Array[] {
  const { family } = rib.table;
  // What came in one message may not fit another that is written differently.
  const roomy = { ...context, maxMessage: EXTENDED_MAXIMUM };
  const messages: Uint8Array[] = [];
  for (const [id, paths] of groups) {
    const attributes = encodeAttributes(rib.store.get(id), context, family);
    for (let from = 0; from < paths.length;) {
      const packed =
        packReach(context, family, attributes, paths, from, paths.length) ??
        packReach(roomy, family, attributes, paths, from, paths.length);
      if (packed === undefined) break;
      messages.push(packed.message);
      from += packed.taken;
    }
  }
  return messages;
}

/** Paths that share their attributes. */
class Paths implements PrefixSource {
  readonly #rib: FamilyRib;
  readonly #identifiers: boolean;
  readonly #prefixes: number[] = [];
  readonly #pathIds: number[] = [];

  constructor(rib: FamilyRib, identifiers: boolean) {
    this.#rib = rib;
    this.#identifiers = identifiers;
  }

  get length(): number {
    return this.#prefixes.length;
  }

  add(prefix: number, pathId: number): void {
    this.#prefixes.push(prefix);
    if (this.#identifiers) this.#pathIds.push(pathId);
  }

  write(index: number, buffer: Uint8Array, at: number): number {
    let start = at;
    if (this.#identifiers) {
      writeUint32(this.#pathIds[index]!, buffer, start);
      start += 4;
    }
    return this.#rib.table.writePrefix(this.#prefixes[index]!, buffer, start);
  }
}
