import { formatAddress, parseAddress, type Address, type DatapathMaps } from "@netloom/core";
import type {
  EndpointKey,
  EndpointValue,
  IpcacheKey,
  IpcachePrefixKey,
  IpcacheValue,
  PolicyKey,
  PolicyValue,
} from "@netloom/core/backend";

const NO_TUNNEL = formatAddress(parseAddress("::"));

/** Who a datapath believes to have an address. */
export interface ShadowRow {
  readonly identity: number;
  /** The node it would be sent to; `undefined`: this one. */
  readonly tunnel: string | undefined;
}

export interface ShadowPrefix {
  readonly address: Address;
  /** Of 128 bits. */
  readonly length: number;
  readonly identity: number;
}

/** The tables of one datapath, as they are at this moment, in a form that invariants can read quickly. */
export class Shadow {
  /** By address. */
  readonly endpoints: Map<string, EndpointValue> = new Map();
  /** By address. */
  readonly ipcache: Map<string, ShadowRow> = new Map();
  readonly prefixes: Map<string, ShadowPrefix> = new Map();
  /** By set, by the identity of the peer, then by {@link blockNumber}. */
  readonly policy: Map<number, Map<number, Map<number, PolicyValue>>> = new Map();

  /** Reads the tables anew, as at a boot. */
  read(maps: DatapathMaps): void {
    for (const table of [this.endpoints, this.ipcache, this.prefixes, this.policy]) table.clear();
    for (const [key, value] of maps.endpoints.entries()) this.setEndpoint(key, value);
    for (const [key, value] of maps.ipcache.entries()) this.setAddress(key, value);
    for (const [key, value] of maps.ipcachePrefixes.entries()) this.setPrefix(key, value);
    for (const [key, value] of maps.policy.entries()) this.setPolicy(key, value);
  }

  /** The first table that is not the same. */
  differsFrom(other: Shadow): string | undefined {
    if (this.endpoints.size !== other.endpoints.size) return "endpoints";
    for (const [address, row] of this.ipcache)
      if (other.ipcache.get(address)?.identity !== row.identity) return "ipcache";
    if (this.ipcache.size !== other.ipcache.size) return "ipcache";
    for (const [set, peers] of this.policy)
      for (const [peer, entries] of peers)
        if (other.policy.get(set)?.get(peer)?.size !== entries.size) return "policy";
    return undefined;
  }

  setEndpoint(key: EndpointKey, value: EndpointValue | undefined): void {
    const name = formatAddress(key.address);
    if (value === undefined) this.endpoints.delete(name);
    else this.endpoints.set(name, value);
  }

  setAddress(key: IpcacheKey, value: IpcacheValue | undefined): void {
    const name = formatAddress(key.address);
    if (value === undefined) this.ipcache.delete(name);
    else this.ipcache.set(name, toRow(value));
  }

  setPrefix(key: IpcachePrefixKey, value: IpcacheValue | undefined): void {
    const name = `${formatAddress(key.address)}/${key.prefixLength}`;
    if (value === undefined) this.prefixes.delete(name);
    else {
      this.prefixes.set(name, {
        address: key.address,
        length: key.prefixLength,
        identity: value.identity,
      });
    }
  }

  setPolicy(key: PolicyKey, value: PolicyValue | undefined): void {
    const set = entry(this.policy, key.policy);
    const peer = entry(set, key.identity);
    if (value === undefined) peer.delete(blockNumber(key));
    else peer.set(blockNumber(key), value);
    if (peer.size === 0) set.delete(key.identity);
    if (set.size === 0) this.policy.delete(key.policy);
  }

  /** The longest prefix around an address that is nobody's. */
  prefixOf(address: Address): ShadowPrefix | undefined {
    let best: ShadowPrefix | undefined;
    for (const prefix of this.prefixes.values()) {
      if (best !== undefined && best.length >= prefix.length) continue;
      if (sharesBits(prefix.address, address, prefix.length)) best = prefix;
    }
    return best;
  }
}

/** Direction, protocol, length and port of an entry of a policy set, as one number. */
export function blockNumber(key: Omit<PolicyKey, "policy" | "identity">): number {
  return (((key.direction * 256 + key.protocol) * 32 + key.portBits) << 16) | key.port;
}

function entry<K, L, V>(map: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let inner = map.get(key);
  if (inner === undefined) map.set(key, (inner = new Map()));
  return inner;
}

function toRow(value: IpcacheValue): ShadowRow {
  const tunnel = formatAddress(value.tunnel);
  return { identity: value.identity, tunnel: tunnel === NO_TUNNEL ? undefined : tunnel };
}

function sharesBits(a: Address, b: Address, bits: number): boolean {
  const one = [a.w0, a.w1, a.w2, a.w3];
  const other = [b.w0, b.w1, b.w2, b.w3];
  for (let word = 0; word < 4; word++) {
    const left = bits - word * 32;
    if (left <= 0) return true;
    const mask = left >= 32 ? 0xffff_ffff : ~(0xffff_ffff >>> left);
    if (((one[word]! ^ other[word]!) & mask) !== 0) return false;
  }
  return true;
}
