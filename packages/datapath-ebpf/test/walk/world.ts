import { parseAddress, type DatapathMaps, type RoutePlan } from "@netloom/core";
import {
  BackendState,
  Direction,
  EventLevel,
  Limits,
  PolicyShape,
  ReservedIdentity,
  type CtKey,
  type CtValue,
  type EndpointValue,
  type NatKey,
} from "@netloom/core/backend";
import { hostOf, portOf, type End } from "../support/packets.ts";
import type { PodName, WalkBench } from "./bench.ts";

/** Addresses of the node, of its pods, and of everyone else. */
export const NODE = "192.168.50.1";
export const ROUTER = "10.1.0.1";
export const A = "10.1.0.10";
export const B = "10.1.0.11";
export const C = "10.1.0.12";
/** Of the node's pod CIDR, but nobody's. */
export const NOBODY = "10.1.0.99";
export const OTHER_NODE = "192.168.50.2";
export const REMOTE = "10.2.0.20";
/** A node on the same link, whose pods are reached natively, and one of them. */
const NEIGHBOUR = "192.168.50.3";
export const NATIVE = "10.3.0.20";
export const WORLD = "203.0.113.9";
/** A frontend's. */
export const VIP = "10.96.0.10";
export const LOOPBACK = "169.254.42.1";

export const POD_ADDRESSES: Readonly<Record<PodName, string>> = { a: A, b: B, c: C };

export const IDENTITY = {
  a: 300,
  b: 301,
  c: 302,
  remote: 400,
  native: 500,
  host: ReservedIdentity.IDENTITY_HOST,
  world: ReservedIdentity.IDENTITY_WORLD,
  unmanaged: ReservedIdentity.IDENTITY_UNMANAGED,
  remoteNode: ReservedIdentity.IDENTITY_REMOTE_NODE,
} as const;

export const PLAN: RoutePlan = {
  overlay: { protocol: "vxlan", port: 8472, mtu: 1450 },
  podMtu: 1450,
  nodes: [],
  tunnels: [],
  native: [],
  routes: [{ prefix: "10.3.0.0/24", node: "node3", via: NEIGHBOUR }],
  problems: [],
};

const ALLOW = PolicyShape.POLICY_SHAPE_DEFAULT_ALLOW;

/** The policy set of every pod until a case says otherwise: no rule selects it. */
export const OPEN_SET = 7;

export interface PolicyRow {
  /** @defaultValue 0: anyone */
  readonly identity?: number;
  readonly direction: "egress" | "ingress";
  /** @defaultValue 0: any */
  readonly protocol?: number;
  readonly port?: number;
  /** @defaultValue 16 with a port, else 0 */
  readonly bits?: number;
  readonly deny?: boolean;
  readonly rule?: number;
}

export interface ServiceOptions {
  readonly id?: number;
  readonly first?: number;
  readonly table?: Uint16Array;
  /** Of the table for clients outside. @defaultValue 0: it is not served to them */
  readonly externalId?: number;
}

/** The state around a walk, and verbs to write it. Everything starts open and empty. */
export class World {
  readonly bench: WalkBench;
  readonly maps: DatapathMaps;

  constructor(bench: WalkBench) {
    this.bench = bench;
    this.maps = bench.datapath.maps;
    this.maps.settings.set(0, { events: EventLevel.EVENTS_ALL });
    for (const name of ["a", "b", "c"] as const) this.pod(name);
    this.address(A, IDENTITY.a);
    this.address(B, IDENTITY.b);
    this.address(C, IDENTITY.c);
    this.address(REMOTE, IDENTITY.remote, OTHER_NODE);
    this.address(NODE, IDENTITY.host);
    this.address(ROUTER, IDENTITY.host);
    this.address(OTHER_NODE, IDENTITY.remoteNode);
    this.prefix("10.1.0.0", 24, IDENTITY.unmanaged);
    this.prefix("10.2.0.0", 24, IDENTITY.unmanaged, OTHER_NODE);
  }

  /** Milliseconds on the clock of the tables. */
  now(): number {
    return this.bench.datapath.now();
  }

  /** In nanoseconds, so many seconds from now. */
  in(seconds: number): bigint {
    return BigInt(Math.round((this.now() + seconds * 1000) * 1e6));
  }

  pod(name: PodName, changes: Partial<EndpointValue> = {}): void {
    const { ifindex, mac, gatewayMac } = this.bench.pods[name];
    this.maps.endpoints.set(
      { address: parseAddress(POD_ADDRESSES[name]) },
      {
        ifindex,
        identity: IDENTITY[name],
        policy: OPEN_SET,
        egressShape: ALLOW,
        ingressShape: ALLOW,
        table: 0,
        id: 1 + ["a", "b", "c"].indexOf(name),
        flags: 0,
        mac,
        gatewayMac,
        ...changes,
      },
    );
  }

  /** @param flags - `enum ipcache_flag`. */
  address(address: string, identity: number, tunnel = "::", flags = 0): void {
    this.maps.ipcache.set(
      { address: parseAddress(address) },
      { identity, flags, tunnel: parseAddress(tunnel) },
    );
  }

  prefix(address: string, length: number, identity: number, tunnel = "::", flags = 0): void {
    this.maps.ipcachePrefixes.set(
      { prefixLength: 96 + length, address: parseAddress(address) },
      { identity, flags, tunnel: parseAddress(tunnel) },
    );
  }

  /** Gives a pod a policy set of its own, closed in the directions that rows or `closed` name. */
  policy(
    pod: PodName,
    set: number,
    rows: readonly PolicyRow[],
    more: { readonly open?: boolean; readonly flags?: number; readonly shape?: number } = {},
  ): void {
    for (const row of rows) {
      const { identity = 0, direction, protocol = 0, port = 0, deny = false, rule = 0 } = row;
      const portBits = row.bits ?? (row.port === undefined ? 0 : 16);
      this.maps.policy.set(
        { policy: set, identity, direction: DIRECTIONS[direction], protocol, portBits, port },
        { deny: deny ? 1 : 0, rule },
      );
    }
    const shape = (direction: PolicyRow["direction"]): number => {
      const own = rows.filter((row) => row.direction === direction);
      let bits = (own.length === 0 || more.open === true ? ALLOW : 0) | (more.shape ?? 0);
      for (const { protocol = 0, port, bits: length } of own) {
        bits |=
          protocol === 0
            ? PolicyShape.POLICY_SHAPE_ANY_PROTOCOL
            : 1 << (length ?? (port === undefined ? 0 : 16));
      }
      return bits >>> 0;
    };
    this.pod(pod, {
      policy: set,
      egressShape: shape("egress"),
      ingressShape: shape("ingress"),
      flags: more.flags ?? 0,
    });
  }

  /** A frontend with its backends, which get the numbers from `first` on; the table holds them in turn. */
  service(frontend: End, protocol: number, backends: readonly End[], more: ServiceOptions = {}): void {
    const { id = 5, first = 1, externalId = 0 } = more;
    for (const [at, backend] of backends.entries()) this.backend(first + at, backend, protocol);
    const table = new Uint16Array(Limits.MAGLEV_SLOTS);
    if (backends.length > 0) for (const slot of table.keys()) table[slot] = first + (slot % backends.length);
    this.maps.maglev.set(id, more.table ?? table);
    this.maps.services.set(
      { address: parseAddress(hostOf(frontend)), port: portOf(frontend), protocol },
      { id, backendCount: backends.length, externalId },
    );
  }

  backend(index: number, backend: End, protocol: number, state: number = BackendState.BACKEND_ACTIVE): void {
    this.maps.backends.set(index, {
      address: parseAddress(hostOf(backend)),
      port: portOf(backend),
      protocol,
      state,
    });
  }

  withoutService(frontend: End, protocol: number): void {
    this.maps.services.delete({
      address: parseAddress(hostOf(frontend)),
      port: portOf(frontend),
      protocol,
    });
  }

  /** The one entry of conntrack that a pass left, changed. */
  age(between: readonly [End, End], changes: Partial<CtValue>): void {
    const found = [...this.maps.conntrack.entries()].find(([key]) => sameEnds(key, between));
    if (found === undefined) throw new Error(`conntrack has nothing between ${between.join(" and ")}`);
    this.maps.conntrack.set(found[0], { ...found[1], ...changes });
  }

  /** Changes one mapping that a pass left: the way out, or the way back. */
  ageNat(direction: "egress" | "ingress", seconds: number): void {
    for (const [key, value] of [...this.maps.nat.entries()])
      if (key.direction === DIRECTIONS[direction])
        this.maps.nat.set(key, { ...value, expires: this.in(seconds) });
  }

  forgetNat(direction: "egress" | "ingress"): void {
    const keys: NatKey[] = [...this.maps.nat.entries()].map(([key]) => key);
    for (const key of keys) if (key.direction === DIRECTIONS[direction]) this.maps.nat.delete(key);
  }

  forgetNatOf(pod: string): void {
    for (const [key, value] of [...this.maps.nat.entries()])
      if (key.source.toString() === pod || value.address.toString() === pod) this.maps.nat.delete(key);
  }

  /** Ways back alone, from a peer to `host`, which uses these ports itself. */
  mappedBack(ports: readonly number[], host: string, peer: End, protocol: number): void {
    const back = { source: parseAddress(hostOf(peer)), destination: parseAddress(NODE), protocol };
    const expires = this.in(8000);
    this.maps.nat.setMany(
      ports.map((port) => [
        {
          ...back,
          sourcePort: portOf(peer),
          destinationPort: port,
          direction: Direction.DIRECTION_INGRESS,
        },
        { address: parseAddress(host), port, expires },
      ]),
    );
  }

  /** A mapping of a pod's, in both directions. */
  mapped(pod: End, peer: End, port: number, protocol: number, seconds = 60): void {
    const value = { expires: this.in(seconds) };
    this.maps.nat.set(
      {
        source: parseAddress(hostOf(pod)),
        destination: parseAddress(hostOf(peer)),
        sourcePort: portOf(pod),
        destinationPort: portOf(peer),
        protocol,
        direction: Direction.DIRECTION_EGRESS,
      },
      { address: parseAddress(NODE), port, ...value },
    );
    this.maps.nat.set(
      {
        source: parseAddress(hostOf(peer)),
        destination: parseAddress(NODE),
        sourcePort: portOf(peer),
        destinationPort: port,
        protocol,
        direction: Direction.DIRECTION_INGRESS,
      },
      { address: parseAddress(hostOf(pod)), port: portOf(pod), ...value },
    );
  }
}

const DIRECTIONS = { egress: Direction.DIRECTION_EGRESS, ingress: Direction.DIRECTION_INGRESS } as const;

function sameEnds(key: CtKey, [one, other]: readonly [End, End]): boolean {
  const ends = new Set([`${key.low.toString()}:${key.lowPort}`, `${key.high.toString()}:${key.highPort}`]);
  return ends.has(one) && ends.has(other);
}
