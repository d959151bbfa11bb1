import type { ListenerErrorHook } from "../events.ts";
import { formatCidr, type Cidr } from "../address/index.ts";
import { LocalIdentities } from "../identity/local.ts";
import { LOCAL_IDENTITIES, RESERVED_IDENTITIES } from "../identity/numeric.ts";
import {
  parseSelector,
  SelectorIndex,
  type LabelSet,
  type Selection,
  type Selector,
} from "../labels/index.ts";
import { LocatedEndpoints, type Located } from "./located-endpoints.ts";
import { NumberedPrefixes } from "./numbered-prefixes.ts";
import type { Peer } from "./parse-peers.ts";
import { labelOf } from "./prefix-labels.ts";
import type { PolicyEntity } from "./types.ts";

const {
  host,
  world,
  unmanaged,
  health,
  init,
  ingress,
  "remote-node": remoteNode,
  "kube-apiserver": apiServer,
  "world-ipv4": worldIpv4,
  "world-ipv6": worldIpv6,
} = RESERVED_IDENTITIES;

/** Entities of fixed membership. */
const FIXED: Readonly<Partial<Record<PolicyEntity, readonly number[]>>> = {
  none: [],
  host: [host],
  health: [health],
  init: [init],
  ingress: [ingress],
  unmanaged: [unmanaged],
  "kube-apiserver": [apiServer],
  // The API server runs on a node, so its identity is a remote node's too.
  "remote-node": [remoteNode, apiServer],
};

const { first: FIRST_LOCAL } = LOCAL_IDENTITIES;

/** Every endpoint of the cluster. */
const EVERYONE = parseSelector({});

interface Followed {
  readonly selection: Selection;
  count: number;
}

/**
 * Who a peer of a rule is, as identity numbers: kept up to date while identities come and go, and while policies name
 * more and fewer prefixes. Every prefix that a policy names gets a number on this node, so that an address outside the
 * cluster has the number of the longest prefix around it.
 */
export class Peers {
  /** Hears which selections changed: `selection:changed`. */
  readonly identities: SelectorIndex;
  /** Hears of endpoints that are somewhere by their labels: `located:changed`. */
  readonly located: LocatedEndpoints;
  readonly #rows = new Map<number, number>();
  readonly #ids: number[] = [];
  readonly #freeRows: number[] = [];
  /** Of selections that have not changed since. */
  readonly #selectedIds = new WeakMap<Selection, readonly number[]>();
  readonly #followed = new Map<string, Followed>();
  readonly #local: LocalIdentities;
  /** Prefixes that policies name, and how often. */
  readonly #prefixes = new Map<string, { readonly cidr: Cidr; readonly id: number; uses: number }>();
  /** Named since the datapath's rows were last settled: no address has their numbers yet. */
  readonly #fresh = new Map<string, Cidr>();
  /** No policy names them any more, and addresses may still have their numbers. */
  readonly #leaving = new Map<string, { readonly cidr: Cidr; readonly id: number }>();
  #departed: number[] = [];
  /** Of both, as long as they are what they were. */
  #index: NumberedPrefixes | undefined;
  #prefixRevision = 0;

  constructor(onError: ListenerErrorHook, local: LocalIdentities = new LocalIdentities()) {
    this.identities = new SelectorIndex(onError);
    this.located = new LocatedEndpoints(onError);
    this.#local = local;
    this.identities.events.on("selection:changed", ({ selection }) => this.#selectedIds.delete(selection));
  }

  /** Numbers of the prefixes that policies name. */
  get prefixes(): ReadonlyMap<string, number> {
    return new Map([...this.#prefixes].map(([text, { id }]) => [text, id]));
  }

  /** Changes whenever {@link Peers.prefixes} does. */
  get prefixRevision(): number {
    return this.#prefixRevision;
  }

  /** Several at once, as one change. `undefined`: the identity is gone. */
  update(changes: readonly (readonly [id: number, labels: LabelSet | undefined])[]): void {
    const rows = changes.map(([id, labels]): [number, LabelSet | undefined, number] => [
      this.#rowOf(id, labels !== undefined),
      labels,
      id,
    ]);
    this.identities.update(rows.filter(([row]) => row >= 0).map(([row, labels]) => [row, labels]));
    for (const [row, labels, id] of rows) if (row >= 0 && labels === undefined) this.#freeRow(row, id);
    this.located.update(changes);
  }

  labelsOf(id: number): LabelSet | undefined {
    const row = this.#rows.get(id);
    return row === undefined ? undefined : this.identities.labelsOf(row);
  }

  /** What a node-local number stands for: the label of its prefix, and that it is outside. */
  labelsOfPrefix(id: number): readonly string[] {
    const text = this.#local.keyOf(id);
    return text === undefined ? [] : [labelOf(text), "reserved:world"];
  }

  /** Which identity a row of {@link Peers.identities} is. */
  idOf(row: number): number | undefined {
    return this.#ids[row];
  }

  /** Begins to follow what a rule names. Give each back with {@link Peers.release}. */
  acquire(peer: Peer): void {
    if (peer.kind === "cidr") for (const cidr of [peer.cidr, ...peer.except]) this.#acquirePrefix(cidr);
    if (peer.kind === "location") this.located.acquire(peer.location);
    const selector = selectorOf(peer);
    if (selector === undefined) return;
    const known = this.#followed.get(selector.key);
    if (known !== undefined) known.count++;
    else this.#followed.set(selector.key, { selection: this.identities.acquire(selector), count: 1 });
  }

  release(peer: Peer): void {
    if (peer.kind === "cidr") for (const cidr of [peer.cidr, ...peer.except]) this.#releasePrefix(cidr);
    if (peer.kind === "location") this.located.release(peer.location);
    const selector = selectorOf(peer);
    const known = selector === undefined ? undefined : this.#followed.get(selector.key);
    if (selector === undefined || known === undefined || --known.count > 0) return;
    this.identities.release(known.selection);
    this.#followed.delete(selector.key);
  }

  /** The identities a peer stands for at this moment; `undefined`: every one there is. */
  resolve(peer: Peer): readonly number[] | undefined {
    switch (peer.kind) {
      case "selector":
        return this.#selected(peer.selector);
      case "cidr":
        return this.#numbered().within(peer.cidr, peer.except);
      case "location":
        return [...(this.located.get(peer.location)?.ids ?? [])];
      case "entity":
        return this.#entity(peer.entity);
    }
  }

  /** Those among some identities that a peer stands for; `undefined`: all there are. */
  resolveAmong(peer: Peer, ids: readonly number[]): readonly number[] | undefined {
    switch (peer.kind) {
      case "selector":
        return this.#selectedAmong(peer.selector, ids);
      case "location": {
        const located = this.located.get(peer.location)?.ids;
        return ids.filter((id) => located?.has(id));
      }
      case "cidr":
        // An endpoint's identity is no prefix's.
        if (ids.every((id) => id < FIRST_LOCAL)) return [];
        break;
      case "entity":
        if (peer.entity === "cluster") return this.#selectedAmong(EVERYONE, ids);
    }
    const all = this.resolve(peer);
    return all === undefined ? undefined : ids.filter((id) => all.includes(id));
  }

  #selectedAmong(selector: Selector, ids: readonly number[]): readonly number[] {
    const rows = this.#followed.get(selector.key)?.selection.rows;
    return ids.filter((id) => rows?.has(this.#rows.get(id) ?? -1) === true);
  }

  /** May identities that nobody knows yet be this peer? */
  grows(peer: Peer): boolean {
    return peer.kind === "location" || selectorOf(peer) !== undefined;
  }

  /** Does a change of these concern the peer? */
  follows(peer: Peer, changed: Selection | Located): boolean {
    if (peer.kind === "location") return this.located.get(peer.location) === changed;
    const selector = selectorOf(peer);
    return selector !== undefined && this.#followed.get(selector.key)?.selection === changed;
  }

  #selected(selector: Selector): readonly number[] {
    const selection = this.#followed.get(selector.key)?.selection;
    if (selection === undefined) return [];
    const known = this.#selectedIds.get(selection);
    if (known !== undefined) return known;
    const ids: number[] = [];
    selection.rows.forEach((row) => void ids.push(this.#ids[row]!));
    this.#selectedIds.set(selection, ids);
    return ids;
  }

  #entity(entity: PolicyEntity): readonly number[] | undefined {
    const fixed = FIXED[entity];
    if (fixed !== undefined) return fixed;
    switch (entity) {
      case "cluster":
        return [host, remoteNode, apiServer, unmanaged, health, init, ingress, ...this.#selected(EVERYONE)];
      case "world":
        return [world, worldIpv4, worldIpv6, ...this.#numbered().ofFamily()];
      case "world-ipv4":
        // A cluster of one family has one number for the world.
        return [world, worldIpv4, ...this.#numbered().ofFamily(4)];
      case "world-ipv6":
        return [worldIpv6, ...this.#numbered().ofFamily(6)];
      default:
        return undefined;
    }
  }

  #acquirePrefix(cidr: Cidr): void {
    const text = formatCidr(cidr);
    const known = this.#prefixes.get(text);
    if (known !== undefined) {
      known.uses++;
      return;
    }
    // Also one that is leaving: it has its number still.
    this.#prefixes.set(text, { cidr, id: this.#local.allocate(text), uses: 1 });
    if (!this.#leaving.delete(text)) this.#fresh.set(text, cidr);
    this.#prefixesChanged();
  }

  #releasePrefix(cidr: Cidr): void {
    const text = formatCidr(cidr);
    const known = this.#prefixes.get(text);
    if (known === undefined || --known.uses > 0) return;
    this.#prefixes.delete(text);
    if (this.#fresh.delete(text)) this.#local.release(text);
    else this.#leaving.set(text, { cidr, id: known.id });
    this.#prefixesChanged();
  }

  /** Restores the number a prefix had before a restart, before policies name it. */
  restorePrefix(cidr: Cidr, id: number): void {
    if (!this.#local.restore(formatCidr(cidr), id)) return;
    this.#leaving.set(formatCidr(cidr), { cidr, id });
    this.#index = undefined;
  }

  /**
   * Prefixes whose rows are still to be written, by number, and the number that their addresses have until then: of the
   * longest prefix around, or the world's.
   */
  freshPrefixes(): ReadonlyMap<number, number> {
    const parents = new Map<number, number>();
    for (const [text, cidr] of this.#fresh) {
      const around = this.#numbered().around(cidr, (other) => !this.#fresh.has(formatCidr(other)));
      const world = cidr.family === 4 ? worldIpv4 : worldIpv6;
      parents.set(this.#prefixes.get(text)!.id, around ?? world);
    }
    return parents;
  }

  /** The datapath has a row for each prefix that is named, and for no other. */
  settlePrefixes(): void {
    this.#fresh.clear();
    if (this.#leaving.size === 0) return;
    for (const [text, { id }] of this.#leaving) {
      this.#local.release(text);
      this.#departed.push(id);
    }
    this.#leaving.clear();
    this.#prefixesChanged();
  }

  /** Numbers that no address has any more; each is told once. */
  takeDeparted(): readonly number[] {
    return this.#departed.splice(0);
  }

  /** Every prefix that some address may have the number of. */
  #numbered(): NumberedPrefixes {
    this.#index ??= new NumberedPrefixes([...this.#prefixes.values(), ...this.#leaving.values()]);
    return this.#index;
  }

  #prefixesChanged(): void {
    this.#prefixRevision++;
    this.#index = undefined;
  }

  #rowOf(id: number, add: boolean): number {
    const known = this.#rows.get(id);
    if (known !== undefined) return known;
    if (!add) return -1;
    const row = this.#freeRows.pop() ?? this.#ids.length;
    this.#rows.set(id, row);
    this.#ids[row] = id;
    return row;
  }

  #freeRow(row: number, id: number): void {
    this.#rows.delete(id);
    this.#freeRows.push(row);
  }
}

/** What must be followed to know who a peer is. */
function selectorOf(peer: Peer): Selector | undefined {
  if (peer.kind === "selector") return peer.selector;
  return peer.kind === "entity" && peer.entity === "cluster" ? EVERYONE : undefined;
}
