import type { RibRoute } from "../api/status.ts";
import type { Family } from "../wire/family.ts";
import { Candidates } from "./decision.ts";
import type { FamilyRib } from "./family-rib.ts";
import type { Feed } from "./feed.ts";
import type { PeerFamily, PeerState } from "./peer-state.ts";

/** The best route of a prefix, as people see it. `undefined`: there is none. */
export function bestRoute(rib: FamilyRib, family: Family, prefix: number): RibRoute | undefined {
  const source = rib.bestSource(prefix);
  const id = rib.bestId(prefix);
  if (source === undefined || id === 0) return undefined;
  const feed = rib.feed(source.index)!;
  let route: { pathId: number; stale: boolean } | undefined;
  feed.adjIn.paths(prefix, (path, pathId, stale) => {
    if (feed.passed(path, prefix) !== id || (route !== undefined && route.pathId < pathId)) return;
    route = { pathId, stale };
  });
  return {
    family,
    prefix: rib.table.formatPrefix(prefix),
    peer: source.from === "local" ? undefined : source.name,
    pathId: route?.pathId ?? 0,
    attributes: rib.store.get(id),
    best: true,
    stale: route?.stale ?? false,
  };
}

/** All that is the best of its prefix. */
export function* bestRoutes(rib: FamilyRib, family: Family): Generator<RibRoute> {
  for (let prefix = 1; prefix < rib.table.limit; prefix += 1) {
    const route = bestRoute(rib, family, prefix);
    if (route !== undefined) yield route;
  }
}

/** The usable paths of a prefix that are as good as its best for forwarding, the best among them. */
export function equalRoutes(rib: FamilyRib, family: Family, prefix: number): readonly RibRoute[] {
  const candidates = new Candidates();
  rib.offers(prefix, candidates);
  const best = rib.decision.best(candidates);
  return rib.decision.equals(candidates).map((index) => {
    const source = candidates.sources[index]!;
    const pathId = candidates.pathIds[index]!;
    return {
      family,
      prefix: rib.table.formatPrefix(prefix),
      peer: source.from === "local" ? undefined : source.name,
      pathId,
      attributes: rib.store.get(candidates.ids[index]!),
      best: index === best,
      stale: rib.feed(source.index)!.adjIn.isStale(prefix, pathId),
    };
  });
}

/** What a source has told, as it came: before any policy. */
export function* receivedRoutes(rib: FamilyRib, family: Family, feed: Feed): Generator<RibRoute> {
  for (const prefix of feed.adjIn.prefixes()) {
    const routes: RibRoute[] = [];
    const best = rib.bestSource(prefix) === feed.source ? bestRoute(rib, family, prefix) : undefined;
    feed.adjIn.paths(prefix, (id, pathId, stale) => {
      routes.push({
        family,
        prefix: rib.table.formatPrefix(prefix),
        peer: feed.source.name,
        pathId,
        attributes: rib.store.get(id),
        best: best?.pathId === pathId && feed.passed(id, prefix) === rib.bestId(prefix),
        stale,
      });
    });
    yield* routes;
  }
}

/** What a peer has been told, as it was sent. Ends with the session. */
export function* advertisedRoutes({ rib, out }: PeerFamily, family: Family): Generator<RibRoute> {
  if (out === undefined) return;
  for (const prefix of out.prefixes()) {
    const routes: RibRoute[] = [];
    out.paths(prefix, (id, pathId, source) => {
      routes.push({
        family,
        prefix: rib.table.formatPrefix(prefix),
        peer: source?.from === "local" ? undefined : source?.name,
        pathId,
        attributes: rib.store.get(id),
        best: !out.allPaths,
        stale: false,
      });
    });
    yield* routes;
  }
}

/** Lists of all families, one after another. */
export function* everyRoute(
  { families }: PeerState,
  listOf: (family: Family, of: PeerFamily) => Generator<RibRoute>,
): Generator<RibRoute> {
  for (const [family, of] of families) yield* listOf(family, of);
}
