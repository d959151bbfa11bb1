/** So many of each kind, spread evenly: the order in which nodes come. */
export function inTurn<Kind>(kinds: readonly Kind[], countOf: (kind: Kind) => number): readonly Kind[] {
  const places = kinds.flatMap((kind) =>
    Array.from({ length: countOf(kind) }, (_, index) => ({ kind, at: (index + 0.5) / countOf(kind) })),
  );
  return places.toSorted((a, b) => a.at - b.at).map(({ kind }) => kind);
}
