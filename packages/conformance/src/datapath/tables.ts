import { Address, type DatapathMaps, type TypedMap } from "@netloom/core";
import { encode, maps as definitions, type Codec } from "@netloom/core/backend";

/** A table whose entries come and go, and as many of them as one likes. */
export interface Table {
  readonly name: string;
  readonly maxEntries: number;
  /** The number-th key, and a value for it. `variant` makes another value. */
  set(number: number, variant?: number): void;
  setMany(numbers: readonly number[], variant?: number): void;
  delete(number: number): boolean;
  deleteMany(numbers: readonly number[]): void;
  /** The bytes of the value that is there. */
  get(number: number): string | undefined;
  /** The bytes that were written. */
  value(number: number, variant?: number): string;
  /** The bytes of all keys and values, in an order of their own. */
  entries(): readonly string[];
  /** What `entries` has of one that was written. */
  entry(number: number, variant?: number): string;
}

/** All of a datapath's tables whose entries come and go. */
export function tablesOf(maps: DatapathMaps): readonly Table[] {
  const ports = (number: number): { readonly sourcePort: number; readonly destinationPort: number } => ({
    sourcePort: 1024 + (number % 60_000),
    destinationPort: 80,
  });
  return [
    table(
      maps.endpoints,
      definitions.endpoints,
      (n) => ({ address: at(n) }),
      (n, variant) => ({
        ifindex: 1 + n,
        identity: 256 + variant,
        policy: 7,
        egressShape: 0x8000_0000,
        ingressShape: 3,
        table: 2 ** 31 + n,
        id: n % 65_536,
        flags: variant,
        mac: 0x0200_0000_0000 + n,
        gatewayMac: 0x0200_0000_0001 + n,
      }),
    ),
    table(
      maps.ipcache,
      definitions.ipcache,
      (n) => ({ address: at(n) }),
      (n, variant) => ({
        identity: 256 + n,
        flags: variant,
        tunnel: at(n + 1),
      }),
    ),
    table(
      maps.ipcachePrefixes,
      definitions.ipcachePrefixes,
      (n) => ({ prefixLength: 128, address: at(n) }),
      (n, variant) => ({ identity: 256 + n, flags: variant, tunnel: at(n + 1) }),
    ),
    table(
      maps.policy,
      definitions.policy,
      (n) => ({
        policy: 1 + n,
        identity: 300,
        direction: n % 2,
        protocol: 6,
        portBits: 16,
        port: n % 65_536,
      }),
      (n, variant) => ({ deny: n % 2, rule: variant }),
    ),
    table(
      maps.services,
      definitions.services,
      (n) => ({ address: at(n), port: 80, protocol: 6 }),
      (n, variant) => ({ id: n % 65_536, backendCount: variant, externalId: n % 65_536 }),
    ),
    table(
      maps.conntrack,
      definitions.conntrack,
      (n) => ({ low: at(n), high: at(n + 1), lowPort: 1, highPort: 65_535, protocol: 17 }),
      (n, variant) => ({
        expires: (1n << 63n) + BigInt(n),
        reported: BigInt(variant),
        natAddress: at(n),
        natPort: 65_535,
        tcpFlagsOrigin: 2,
        tcpFlagsReply: 18,
        flags: variant,
        backend: n,
        egressAllowed: 1n << 32n,
        ingressAllowed: 0n,
      }),
    ),
    table(
      maps.nat,
      definitions.nat,
      (n) => ({ source: at(n), destination: at(n + 1), ...ports(n), protocol: 6, direction: n % 2 }),
      (n, variant) => ({ address: at(n), port: 1 + variant, expires: 1n << 62n }),
    ),
  ];
}

/** The number-th address of 10.0.0.0/8, from 10.77.0.0. */
export function at(number: number): Address {
  return new Address(0, 0, 0xffff, 0x0a4d_0000 + number);
}

function table<K, V>(
  map: TypedMap<K, V>,
  codecs: { readonly key: Codec<K>; readonly value: Codec<V> },
  key: (number: number) => K,
  value: (number: number, variant: number) => V,
): Table {
  const text = (of: K, has: V): string => `${hex(encode(codecs.key, of))} ${hex(encode(codecs.value, has))}`;
  return {
    name: map.name,
    maxEntries: map.maxEntries,
    set: (number, variant = 0) => map.set(key(number), value(number, variant)),
    setMany: (numbers, variant = 0) =>
      map.setMany(numbers.map((number) => [key(number), value(number, variant)] as const)),
    delete: (number) => map.delete(key(number)),
    deleteMany: (numbers) => map.deleteMany(numbers.map(key)),
    get(number) {
      const found = map.get(key(number));
      return found === undefined ? undefined : hex(encode(codecs.value, found));
    },
    value: (number, variant = 0) => hex(encode(codecs.value, value(number, variant))),
    entries: () => Array.from(map.entries(), ([of, has]) => text(of, has)).sort(),
    entry: (number, variant = 0) => text(key(number), value(number, variant)),
  };
}

function hex(bytes: string): string {
  return Array.from(bytes, (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
