import type { LocalRoute, SpeakerConfig, Statement } from "@netloom/bgp";
import {
  cidrAround,
  compareCidrs,
  formatCidr,
  hostCidr,
  parseAddress,
  parseCidr,
  type Cidr,
  type RoutedPool,
  type RoutedService,
} from "@netloom/core";
import { mergeAttributes } from "./attributes.ts";
import { selectsFact } from "./labels.ts";
import type { ParsedEntry } from "./resources/parse-advertisement.ts";
import type { NamedEntry, ResolvedInstance } from "./resources/resolve.ts";

/** What this node could tell the fabric of. Values: a pool or a service that has changed is another object. */
export interface AdvertisedFacts {
  /** The node is being emptied: what it serves for others goes elsewhere, its own pods stay. */
  readonly draining: boolean;
  /** Of this node. */
  readonly podCIDRs: readonly string[];
  readonly pools: readonly PoolFact[];
  readonly services: readonly RoutedService[];
  /** Addresses by device of the node. */
  readonly interfaces: Readonly<Record<string, readonly string[]>>;
}

/** A pool with what this node has of it. */
export interface PoolFact extends RoutedPool {
  /** Beside `netloom.io/pool`, its name. @defaultValue none */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Prefixes that the same advertisements have. Each prefix is in exactly one set. */
export interface RouteSet {
  /** The ids of the entries, joined by `+`. */
  readonly name: string;
  readonly entries: readonly string[];
  readonly routes: readonly LocalRoute[];
}

/**
 * What the node should tell of, as sets for `Speaker.advertise`. The routes have no attributes: those depend on which of
 * the advertisements a peer selects, and come from its export policy ({@link withExports}). Sets come in the order of
 * their names, prefixes in that of addresses.
 */
export function desired(facts: AdvertisedFacts, advertisements: readonly NamedEntry[]): readonly RouteSet[] {
  const owners = new Map<string, { readonly cidr: Cidr; readonly entries: Set<string> }>();
  for (const { id, entry } of advertisements) {
    for (const cidr of prefixesOf(facts, entry)) {
      const text = formatCidr(cidr);
      const owner = owners.get(text) ?? { cidr, entries: new Set() };
      owners.set(text, owner);
      owner.entries.add(id);
    }
  }
  const sets = new Map<string, { readonly entries: readonly string[]; readonly cidrs: Cidr[] }>();
  for (const owner of owners.values()) {
    const entries = [...owner.entries].sort();
    const name = entries.join("+");
    const set = sets.get(name) ?? { entries, cidrs: [] };
    sets.set(name, set);
    set.cidrs.push(owner.cidr);
  }
  return [...sets]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { entries, cidrs }]) => ({
      name,
      entries,
      routes: cidrs.sort(compareCidrs).map((cidr) => ({ prefix: formatCidr(cidr) })),
    }));
}

/** The speaker's configuration with what each peer is told: of every set what it selects, with the attributes of that. */
export function withExports(
  instance: ResolvedInstance,
  advertisements: readonly NamedEntry[],
  sets: readonly Pick<RouteSet, "name" | "entries">[],
): SpeakerConfig {
  const byId = new Map(advertisements.map(({ id, entry }) => [id, entry]));
  const peers = instance.config.peers.map((peer) => {
    const told = instance.exports.filter((one) => one.peer === peer.name);
    const families = Object.entries(peer.families ?? {}).map(([family, settings]) => {
      const selected = new Set(told.find((one) => one.family === family)?.entries);
      return [family, { ...settings, export: { statements: statements(sets, selected, byId) } }] as const;
    });
    return { ...peer, families: Object.fromEntries(families) };
  });
  return { ...instance.config, peers };
}

/** Sets that are told alike share a statement. */
function statements(
  sets: readonly Pick<RouteSet, "name" | "entries">[],
  selected: ReadonlySet<string>,
  byId: ReadonlyMap<string, ParsedEntry>,
): readonly Statement[] {
  const alike = new Map<string, { readonly names: string[]; readonly change: Statement["set"] }>();
  for (const { name, entries } of sets) {
    const mine = entries.filter((id) => selected.has(id));
    if (mine.length === 0) continue;
    const change = mergeAttributes(mine.map((id) => byId.get(id)?.attributes));
    const key = JSON.stringify(change);
    const group = alike.get(key) ?? { names: [], change };
    alike.set(key, group);
    group.names.push(name);
  }
  return [...alike.values()].map(({ names, change }) => ({
    match: { sets: names },
    action: "accept",
    ...(Object.keys(change ?? {}).length === 0 ? {} : { set: change! }),
  }));
}

function prefixesOf(facts: AdvertisedFacts, entry: ParsedEntry): readonly Cidr[] {
  switch (entry.type) {
    case "PodCIDR":
      return facts.podCIDRs.map(parseCidr);
    case "Pool":
      return facts.pools
        .filter((pool) => selectsFact(entry.selector, pool, poolLabels))
        .flatMap(({ ranges }) => ranges.map(parseCidr));
    case "Service":
      return facts.draining
        ? []
        : facts.services
            .filter((service) => selectsFact(entry.selector, service, serviceLabels))
            .flatMap((service) => servicePrefixes(service, entry.service));
    case "Interface":
      return (facts.interfaces[entry.interface] ?? []).map((text) => hostCidr(parseAddress(text)));
  }
}

function poolLabels({ name, labels }: PoolFact): Readonly<Record<string, string>> {
  return { ...labels, "netloom.io/pool": name };
}

/** With what Cilium adds to them: its users select services by name. */
function serviceLabels({ name, labels }: RoutedService): Readonly<Record<string, string>> {
  const slash = name.indexOf("/");
  return {
    ...labels,
    "io.kubernetes.service.name": name.slice(slash + 1),
    ...(slash < 0 ? {} : { "io.kubernetes.service.namespace": name.slice(0, slash) }),
  };
}

type ServiceOptions = Extract<ParsedEntry, { type: "Service" }>["service"];

function servicePrefixes(service: RoutedService, options: ServiceOptions): readonly Cidr[] {
  return options.addresses.flatMap((type) => {
    const local = type !== "ClusterIP" && service.externalTrafficPolicy === "local";
    // Nobody there to take the traffic: another place may have somebody, and the caller an answer sooner.
    if ((local ? service.backends.local : service.backends.total) === 0) return [];
    return service.addresses[type].map((text) => {
      const address = parseAddress(text);
      const { aggregationLengthIPv4 = 32, aggregationLengthIPv6 = 128 } = options;
      // A wider prefix would draw traffic for addresses whose backends are elsewhere.
      if (local) return hostCidr(address);
      return cidrAround(address, address.family === 4 ? aggregationLengthIPv4 : aggregationLengthIPv6);
    });
  });
}
