import type { LocalRoute } from "../../../src/api/local-route.ts";
import type { PathAttributes } from "../../../src/wire/attributes.ts";
import { LLGR_STALE, NO_EXPORT, NO_LLGR } from "../../../src/wire/communities.ts";
import type { Family } from "../../../src/wire/family.ts";
import { bestOf, interpret, type OraclePath } from "./oracle.ts";
import { ASN, EXPORTS, IMPORTS, PEERS, PREFIXES, TAKE_SEVERAL } from "./steps.ts";
import { familyOfPrefix } from "./updates.ts";

/** Our end of each session. */
export const ADDRESSES: Readonly<Record<Family, string>> = {
  "ipv4-unicast": "198.51.100.1",
  "ipv6-unicast": "2001:db8:ffff::1",
};

interface Path {
  readonly prefix: string;
  readonly pathId: number;
  readonly attributes: PathAttributes;
}

/** A path among those that one peer tells. */
export const keyOf = ({ prefix, pathId }: { prefix: string; pathId: number }): string =>
  `${prefix}#${pathId}`;

/** What there should be: maps and lists, nothing remembered but what was told. */
export class Model {
  readonly told = PEERS.map(() => new Map<string, Path>());
  readonly stale = PEERS.map(() => new Set<string>());
  readonly imports = PEERS.map(() => 0);
  readonly exports = PEERS.map(() => 0);
  readonly sets = new Map<string, readonly LocalRoute[]>();

  announce(index: number, path: Path): void {
    this.told[index]!.set(keyOf(path), path);
    this.stale[index]!.delete(keyOf(path));
  }

  withdraw(index: number, key: string): void {
    this.told[index]!.delete(key);
    this.stale[index]!.delete(key);
  }

  drop(index: number): void {
    this.told[index]!.clear();
    this.stale[index]!.clear();
  }

  mark(index: number): void {
    for (const key of this.told[index]!.keys()) this.stale[index]!.add(key);
  }

  sweep(index: number): void {
    for (const key of [...this.stale[index]!]) this.withdraw(index, key);
  }

  /** RFC 9494 section 4.2. */
  lastResort(index: number): void {
    for (const key of [...this.stale[index]!]) {
      const path = this.told[index]!.get(key)!;
      const { communities = [] } = path.attributes;
      if (communities.includes(NO_LLGR)) this.withdraw(index, key);
      else if (!communities.includes(LLGR_STALE)) {
        const marked = [...communities, LLGR_STALE].sort((a, b) => a - b);
        this.told[index]!.set(key, { ...path, attributes: { ...path.attributes, communities: marked } });
      }
    }
  }

  accepted(index: number): Path[] {
    return [...this.told[index]!.values()].flatMap((path) => {
      if (path.attributes.asPath.some(({ asns }) => asns.includes(ASN))) return [];
      const attributes = interpret(IMPORTS[this.imports[index]!], path.prefix, path.attributes, ASN);
      return attributes === undefined ? [] : [{ ...path, attributes }];
    });
  }

  /** Usable paths of a prefix. */
  paths(prefix: string): OraclePath[] {
    const paths: OraclePath[] = PEERS.flatMap(({ kind, name, routerId, address }, index) =>
      this.accepted(index)
        .filter((path) => path.prefix === prefix)
        .map(({ attributes, pathId }) => ({ attributes, kind, name, routerId, address, pathId })),
    );
    for (const [name, routes] of this.sets) {
      const route = routes.find((each) => each.prefix === prefix);
      if (route === undefined) continue;
      const { med, localPref, prepend = 0 } = route;
      const asPath =
        prepend > 0 ? [{ type: "sequence" as const, asns: Array<number>(prepend).fill(ASN) }] : [];
      const nextHop = familyOfPrefix(prefix) === "ipv4-unicast" ? "0.0.0.0" : "::";
      const attributes = { origin: "igp" as const, asPath, nextHop, med, localPref };
      paths.push({ attributes, kind: undefined, name, routerId: "0.0.0.0", address: "", pathId: 0 });
    }
    return paths;
  }

  best(prefix: string): OraclePath | undefined {
    return bestOf(this.paths(prefix));
  }

  /** What a peer has in the end: prefixes, each with its route, or with several. */
  exported(index: number): (readonly [prefix: string, attributes: PathAttributes])[] {
    return PREFIXES.flatMap((prefix) => {
      const paths = TAKE_SEVERAL.has(PEERS[index]!.name) ? this.paths(prefix) : [this.best(prefix)];
      return paths.flatMap((path) => {
        const sent = path && this.#sent(path, index, prefix);
        return sent === undefined ? [] : [[prefix, sent] as const];
      });
    });
  }

  /** RFC 4271 sections 9.1.3 and 9.2. */
  #sent(path: OraclePath, index: number, prefix: string): PathAttributes | undefined {
    const to = PEERS[index]!;
    const { attributes: route, kind, name } = path;
    if (name === to.name) return undefined;
    const { communities = [] } = route;
    if (kind !== undefined && communities.includes(LLGR_STALE)) return undefined;
    if (kind !== undefined && to.kind === "external" && communities.includes(NO_EXPORT)) return undefined;
    if (kind === "internal" && to.kind === "internal") return undefined;
    const nextHop = ADDRESSES[familyOfPrefix(prefix)];
    const policy = EXPORTS[this.exports[index]!];
    const origin = kind === undefined ? { set: name } : { peer: name };
    if (to.kind === "internal") {
      const asPath = kind === undefined ? [] : route.asPath;
      const sent = interpret(policy, prefix, { ...route, asPath, nextHop }, undefined, origin);
      return sent && { ...sent, localPref: sent.localPref ?? 100 };
    }
    const med = kind === undefined ? route.med : undefined;
    const gone = { originatorId: undefined };
    const sent = interpret(policy, prefix, { ...route, ...gone, nextHop, med }, ASN, origin);
    if (sent === undefined) return undefined;
    const asns = [ASN, ...sent.asPath.flatMap((segment) => segment.asns)];
    return { ...sent, asPath: [{ type: "sequence", asns }], localPref: undefined };
  }
}
