import type { LargeCommunity } from "../wire/attributes.ts";

/** Sorted and each once, so that equal sets are equal; RFC 1997 gives order no meaning. */
export function withCommunities(
  before: readonly number[] | undefined,
  added: readonly number[],
  removed: ReadonlySet<number> = new Set(),
): readonly number[] | undefined {
  if (added.length === 0 && removed.size === 0) return before;
  const kept = new Set([...(before ?? []).filter((community) => !removed.has(community)), ...added]);
  return kept.size === 0 ? undefined : [...kept].sort((a, b) => a - b);
}

/** The same of large ones: RFC 8092 section 3. */
export function withLarge(
  before: readonly LargeCommunity[] | undefined,
  added: readonly LargeCommunity[],
  removed: readonly LargeCommunity[] = [],
): readonly LargeCommunity[] | undefined {
  if (added.length === 0 && removed.length === 0) return before;
  const gone = new Set(removed.map(String));
  const kept = new Map(
    [...(before ?? []).filter((each) => !gone.has(String(each))), ...added].map((each) => [
      String(each),
      each,
    ]),
  );
  if (kept.size === 0) return undefined;
  return [...kept.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
}
