import { isDeepStrictEqual } from "node:util";
import type { WireContext } from "../wire/context.ts";
import { FAMILIES, type Family } from "../wire/family.ts";
import type { AdjOut, PeerOut } from "./adj-out.ts";
import type { AttributeStore } from "./attribute-store.ts";
import { BestOut } from "./best-out.ts";
import { Export } from "./export.ts";
import type { FamilyRib } from "./family-rib.ts";
import { KeyCache } from "./key-cache.ts";
import { PathsOut } from "./paths-out.ts";
import type { RibPeer } from "./peer.ts";
import {
  checkPolicy,
  importerOf,
  newFamily,
  sameExport,
  sameImport,
  type LocalEnd,
  type PeerFamily,
  type PeerPolicies,
  type PeerState,
} from "./peer-state.ts";
import { peerSource, type Source, type SourceIndexes } from "./source.ts";

interface PeersOwner {
  readonly us: () => { readonly asn: number; readonly routerId: string };
  readonly indexes: SourceIndexes;
  /** Something is pending. */
  readonly wake: (out: AdjOut) => void;
}

/** The peers of a RIB by number: what each is taken for, its policies, and what it is told. */
export class Peers {
  readonly #store: AttributeStore;
  readonly #ribs: Readonly<Record<Family, FamilyRib>>;
  readonly #owner: PeersOwner;
  readonly #states: (PeerState | undefined)[] = [];

  constructor(store: AttributeStore, ribs: Readonly<Record<Family, FamilyRib>>, owner: PeersOwner) {
    this.#store = store;
    this.#ribs = ribs;
    this.#owner = owner;
  }

  get(id: number): PeerState {
    const state = this.#states[id];
    if (state === undefined) throw new RangeError(`there is no peer ${id}`);
    return state;
  }

  named(name: string): PeerState | undefined {
    return this.#states.find((state) => state?.peer.name === name);
  }

  /** @throws `ERR_BGP_CONFIG`: a policy cannot be right. */
  add(peer: RibPeer, policies: PeerPolicies): number {
    const checked = FAMILIES.map((family) => checkPolicy(peer.name, family, policies[family] ?? {}));
    const index = this.#owner.indexes.take();
    const source = peerSource(index, peer);
    const state: PeerState = { peer, source, keys: new KeyCache(this.#store), families: new Map() };
    for (const [at, family] of FAMILIES.entries()) {
      const of = newFamily(this.#ribs[family], source, checked[at]!);
      of.feed.setImporter(importerOf(of, peer, this.#owner.us()));
      of.rib.addFeed(of.feed);
      state.families.set(family, of);
    }
    this.#states[index] = state;
    return index;
  }

  /** What is known of the peer has changed, e.g. its identifier, now that it has sent its OPEN. Its routes stay. */
  set(id: number, peer: RibPeer): void {
    const state = this.get(id);
    if (isDeepStrictEqual(state.peer, peer)) return;
    const before = state.source;
    state.peer = peer;
    state.source = peerSource(id, peer);
    for (const of of state.families.values()) {
      of.feed.source = state.source;
      this.#reimport(state, of);
      if (of.out !== undefined) of.out.setExport(this.#exportOf(state, of));
    }
    // What others get depends on these, though the best routes be the same.
    if (before.from === state.source.from && before.name === state.source.name) return;
    this.forget(before);
    for (const { rib } of state.families.values()) for (const outlet of rib.outlets) outlet.markAll();
  }

  /**
   * Policies have changed. What was told is looked at again: neither side has to send anything again.
   *
   * @throws `ERR_BGP_CONFIG`: nothing has changed.
   */
  setPolicies(id: number, policies: PeerPolicies): void {
    const state = this.get(id);
    const checked = FAMILIES.map((family) => checkPolicy(state.peer.name, family, policies[family] ?? {}));
    for (const [at, family] of FAMILIES.entries()) {
      const of = state.families.get(family)!;
      const before = of.policy;
      const { policy, imports, exports } = checked[at]!;
      of.policy = policy;
      if (!sameImport(before, policy)) {
        of.imports = imports;
        this.#reimport(state, of);
      }
      if (sameExport(before, policy)) continue;
      of.exports = exports;
      if (of.out !== undefined) this.#setAddresses(state, of);
      of.out?.setExport(this.#exportOf(state, of));
    }
  }

  /** The session is up: everything that the peer may have is pending. */
  open(id: number, family: Family, context: WireContext, local: LocalEnd): PeerOut {
    const state = this.get(id);
    this.close(id, family);
    // Another session may write the same attributes in other bytes.
    state.keys.clear();
    const of = state.families.get(family)!;
    of.local = local;
    this.#setAddresses(state, of);
    const { wake } = this.#owner;
    const policy = this.#exportOf(state, of);
    const several = context.addPathSend.includes(family);
    const out = several
      ? new PathsOut(of.rib, context, policy, wake)
      : new BestOut(of.rib, context, policy, wake);
    of.out = out;
    of.rib.addOutlet(out);
    return out;
  }

  close(id: number, family: Family): void {
    const of = this.get(id).families.get(family)!;
    if (of.out === undefined) return;
    of.rib.removeOutlet(of.out);
    of.out.close();
    of.out = undefined;
    this.get(id).keys.clear();
  }

  remove(id: number): void {
    const state = this.get(id);
    let left = state.families.size;
    for (const [family, { rib }] of state.families) {
      this.close(id, family);
      rib.removeFeed(id, () => {
        left -= 1;
        if (left === 0) this.#owner.indexes.giveBack(state.source);
      });
    }
    this.#states[id] = undefined;
  }

  /** A source's index will mean another. */
  forget(source: Source): void {
    for (const state of this.#states) {
      for (const { out } of state?.families.values() ?? []) out?.forget(source);
    }
  }

  #reimport(state: PeerState, of: PeerFamily): void {
    of.rib.reimport(of.feed, importerOf(of, state.peer, this.#owner.us()));
  }

  #setAddresses(state: PeerState, of: PeerFamily): void {
    const { local, policy, addresses } = of;
    const now = [local?.address, local?.linkLocal, policy.nextHop].filter((address) => address !== undefined);
    if (now.length === addresses.size && now.every((address) => addresses.has(address))) return;
    of.addresses = new Set(now);
    this.#reimport(state, of);
  }

  #exportOf({ peer, source }: PeerState, { rib, exports, policy, local }: PeerFamily): Export {
    const nextHop = policy.nextHop ?? local?.address ?? "";
    const linkLocal = policy.nextHop === undefined ? local?.linkLocal : undefined;
    return new Export(rib, source.index, exports, {
      peer,
      nextHop,
      linkLocal,
      longLived: local?.longLived ?? false,
    });
  }
}
