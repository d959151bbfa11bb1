import {
  formatCidr,
  hostCidr,
  parseAddress,
  parseCidr,
  type Address,
  type Cidr,
  type Family,
} from "../address/index.ts";
import type { IpcacheKey, IpcachePrefixKey, IpcacheValue } from "../datapath/schema.generated.ts";
import {
  ipcacheKeyCodec,
  IpcacheFlag,
  ipcachePrefixKeyCodec,
  ipcacheValueCodec,
} from "../datapath/schema.generated.ts";
import { Mirror } from "../datapath/mirror.ts";
import { RESERVED_IDENTITIES } from "../identity/numeric.ts";
import { LpmMap } from "./lpm.ts";

/** Who has an address, and behind which tunnel. */
export interface IpcacheEntry {
  readonly identity: number;
  /** The node to encapsulate to. */
  readonly tunnel: Address | undefined;
  /** Reached as it is, by the node's routes: what pods send there keeps its source. */
  readonly native: boolean;
}

interface Claim extends IpcacheEntry {
  readonly owner: string;
  /** Of the fact that says so. */
  readonly revision: number;
}

const NO_CLAIMS: readonly Claim[] = [];

const NO_TUNNEL = parseAddress("::");

/**
 * Which identity has which address: what the facts say, as the datapath's two tables want it.
 *
 * Several facts may claim one address, when it has just passed from one owner to the next; the newest is right, and
 * an owner that goes takes only its own claim along.
 */
export class Ipcache {
  readonly addresses: Mirror<IpcacheKey, IpcacheValue> = new Mirror({
    key: ipcacheKeyCodec,
    value: ipcacheValueCodec,
  });
  readonly prefixes: Mirror<IpcachePrefixKey, IpcacheValue> = new Mirror({
    key: ipcachePrefixKeyCodec,
    value: ipcacheValueCodec,
  });
  /** By address: one each but for the moment in which it passes from one owner to the next. */
  readonly #claims = new Map<string, readonly Claim[]>();
  readonly #exact = new LpmMap<IpcacheEntry>();
  #wide = new LpmMap<IpcacheEntry>();
  /** The pod CIDRs of all nodes: prefixes that policies name mean nothing inside them. */
  readonly #podCIDRs = new Map<string, IpcacheEntry>();
  readonly #named = new Map<string, number>();
  /** Beside the pods' own: no two of them overlap. */
  #native: readonly Cidr[] = [];
  readonly #world: number;

  /** @param world - the identity of an IPv4 address that nobody knows. */
  constructor(world: number) {
    this.#world = world;
  }

  claim(address: string, owner: string, entry: IpcacheEntry, revision: number): void {
    const others = this.#claimsOfOthers(address, owner);
    this.#claims.set(address, [...others, { ...entry, owner, revision }]);
    this.#update(address);
  }

  withdraw(address: string, owner: string): void {
    const others = this.#claimsOfOthers(address, owner);
    if (others.length === (this.#claims.get(address)?.length ?? 0)) return;
    if (others.length === 0) this.#claims.delete(address);
    else this.#claims.set(address, others);
    this.#update(address);
  }

  #claimsOfOthers(address: string, owner: string): readonly Claim[] {
    return (this.#claims.get(address) ?? NO_CLAIMS).filter((claim) => claim.owner !== owner);
  }

  /** All pod CIDRs of the cluster; `tunnel` is unset for those of this node. */
  setPodCIDRs(cidrs: ReadonlyMap<string, IpcacheEntry>): void {
    this.#podCIDRs.clear();
    for (const [cidr, entry] of cidrs) this.#podCIDRs.set(cidr, entry);
    this.#updatePrefixes();
  }

  /** Ranges outside the cluster that know the way back to pods. What is inside another of them says nothing more. */
  setNative(ranges: readonly string[]): void {
    const all = [...new Set(ranges)].map((range) => parseCidr(range));
    const native = all.filter((one) => !all.some((other) => other !== one && other.containsCidr(one)));
    const texts = (cidrs: readonly Cidr[]): string => cidrs.map(formatCidr).sort().join();
    if (texts(native) === texts(this.#native)) return;
    this.#native = native;
    this.#updatePrefixes();
    for (const address of this.#claims.keys()) this.#update(address);
  }

  /** The prefixes that policies name, and the number that each has on this node. */
  setNamed(prefixes: ReadonlyMap<string, number>): void {
    this.#named.clear();
    for (const [prefix, identity] of prefixes) this.#named.set(prefix, identity);
    this.#updatePrefixes();
  }

  /** What the datapath answers for an address; `undefined`: the world. */
  lookup(address: Address): IpcacheEntry | undefined {
    return this.#exact.get(hostCidr(address)) ?? this.#wide.lookup(address);
  }

  #update(text: string): void {
    const address = parseAddress(text);
    let newest: Claim | undefined;
    for (const claim of this.#claims.get(text) ?? NO_CLAIMS) {
      if (newest === undefined || claim.revision > newest.revision) newest = claim;
    }
    if (newest === undefined) {
      this.addresses.delete({ address });
      this.#exact.delete(hostCidr(address));
    } else {
      const { identity, tunnel } = newest;
      const native = newest.native || (tunnel === undefined && this.#isNative(hostCidr(address)));
      const entry = { identity, tunnel, native };
      this.addresses.set({ address }, toValue(entry));
      this.#exact.set(hostCidr(address), entry);
    }
  }

  #updatePrefixes(): void {
    const entries = [...this.#podCIDRs].map(([text, entry]): [Cidr, IpcacheEntry] => [
      parseCidr(text),
      entry,
    ]);
    const pods = entries.map(([cidr]) => cidr);
    const isPods = (cidr: Cidr): boolean => pods.some((pod) => pod.containsCidr(cidr));
    const named = new LpmMap<number>();
    for (const [text, identity] of this.#named) {
      const cidr = parseCidr(text);
      if (isPods(cidr)) continue;
      named.set(cidr, identity);
      entries.push([cidr, { identity, tunnel: undefined, native: this.#isNative(cidr) }]);
    }
    for (const cidr of this.#native) {
      if (isPods(cidr) || named.get(cidr) !== undefined) continue;
      // Narrower than what a policy names around it, and of the same identity.
      const [around] = named.covering(cidr);
      const identity = around?.[1] ?? this.#worldOf(cidr.family);
      entries.push([cidr, { identity, tunnel: undefined, native: true }]);
    }
    // The datapath's trie knows no families: ::/0 would hold every IPv4 address too.
    const everything = parseCidr("0.0.0.0/0");
    if (
      entries.some(([cidr]) => cidr.family === 6 && cidr.bits128 <= 96) &&
      !entries.some(([cidr]) => cidr.equals(everything))
    ) {
      entries.push([everything, { identity: this.#world, tunnel: undefined, native: false }]);
    }
    this.#wide = new LpmMap();
    for (const [cidr, entry] of entries) this.#wide.set(cidr, entry);
    this.prefixes.replace(
      entries.map(([cidr, entry]) => [{ prefixLength: cidr.bits128, address: cidr.first }, toValue(entry)]),
    );
  }

  #isNative(cidr: Cidr): boolean {
    return this.#native.some((range) => range.containsCidr(cidr));
  }

  #worldOf(family: Family): number {
    if (family === 4 || this.#world === RESERVED_IDENTITIES.world) return this.#world;
    return RESERVED_IDENTITIES["world-ipv6"];
  }
}

function toValue({ identity, tunnel, native }: IpcacheEntry): IpcacheValue {
  return { identity, flags: native ? IpcacheFlag.IPCACHE_NATIVE : 0, tunnel: tunnel ?? NO_TUNNEL };
}
