import { parseAddress, type Attachment, type DatapathMaps } from "@netloom/core";
import {
  BackendState,
  Direction,
  EndpointFlag,
  EventLevel,
  IpcacheFlag,
  Limits,
  PolicyShape,
  ReservedIdentity,
  routeTableOf,
  type BackendValue,
  type EndpointValue,
} from "@netloom/core/backend";
import * as fc from "fast-check";
import {
  EXTERNAL,
  IDENTITY,
  INTERFACE,
  NATIVE,
  NATIVE_LOST,
  NODE,
  NODE_PORT,
  OTHER_NODE,
  PODS,
  REMOTE,
  ROUTER,
  VIP,
  WORLD,
} from "./places.ts";

/** A row of a policy set. */
export interface PolicyRow {
  readonly identity: number;
  readonly direction: number;
  readonly protocol: number;
  readonly port: number;
  readonly bits: number;
  readonly deny: boolean;
}

export interface PolicySet {
  readonly rows: readonly PolicyRow[];
  readonly defaultAllow: readonly [egress: boolean, ingress: boolean];
  readonly deniesPeers: boolean;
}

export interface PodState {
  /** Index into the sets; -1: the open one. */
  readonly set: number;
  readonly lockdown: boolean;
  /** Of the interface that its address belongs to; 0: of none. */
  readonly table: number;
}

export interface BackendChoice {
  readonly target: number;
  readonly state: number;
}

/** A frontend's. */
export interface ServiceChoice {
  /** Of its Maglev table; 0: no such service. */
  readonly id: number;
  /** To whom outside it is served. */
  readonly outside: "nobody" | "cluster" | "local";
}

/** The state that a case begins with. */
export interface State {
  readonly sets: readonly PolicySet[];
  readonly pods: readonly PodState[];
  readonly backends: readonly BackendChoice[];
  readonly services: readonly ServiceChoice[];
  /** Which identities are marked as known. */
  readonly known: readonly boolean[];
  readonly events: number;
}

const OPEN_SET = 7;
const FIRST_SET = 20;

/** What backends are, by number. */
const TARGETS: readonly { readonly address: string; readonly port: number }[] = [
  { address: PODS[0], port: 8080 },
  { address: PODS[1], port: 8080 },
  { address: PODS[2], port: 80 },
  { address: REMOTE, port: 8080 },
  { address: WORLD, port: 80 },
  { address: NODE, port: 80 },
  { address: NATIVE, port: 8080 },
];

export const FRONTENDS: readonly {
  readonly address: string;
  readonly port: number;
  readonly protocol: number;
}[] = [
  { address: VIP, port: 80, protocol: 6 },
  { address: VIP, port: 53, protocol: 17 },
  { address: EXTERNAL, port: 443, protocol: 6 },
  { address: EXTERNAL, port: 80, protocol: 17 },
  { address: VIP, port: 80, protocol: 132 },
  // Of the node itself, whose backend may be the node.
  { address: NODE, port: NODE_PORT, protocol: 6 },
  // That may be its own backend.
  { address: NODE, port: 80, protocol: 6 },
];

/** Slots of each Maglev table, in turn. They cannot be changed often: replacing one waits for all CPUs. */
const MAGLEV: Readonly<Record<number, readonly number[]>> = {
  1: [1, 2],
  2: [1, 2, 3, 4],
  3: [5],
  4: [0],
  5: [6, 1],
};

/** Instead of the service's own table. */
const EXTERNAL_ID: Readonly<Record<string, number>> = { nobody: 0, local: 1 };

const MARKED = [...IDENTITY.pods, IDENTITY.remote, IDENTITY.native];

const policyRow: fc.Arbitrary<PolicyRow> = fc
  .record({
    identity: fc.constantFrom(
      0,
      0,
      0,
      0,
      ...MARKED,
      ...MARKED,
      ReservedIdentity.IDENTITY_WORLD,
      IDENTITY.range,
    ),
    direction: fc.constantFrom(Direction.DIRECTION_EGRESS, Direction.DIRECTION_INGRESS),
    protocol: fc.constantFrom(0, 6, 6, 17, 1, 132, 47),
    port: fc.constantFrom(80, 80, 8080, 8080, 53, 443, 8, 0),
    bits: fc.constantFrom(16, 16, 12, 5, 0),
    deny: fc.constantFrom(false, false, true),
  })
  .map(({ protocol, port, bits, ...rest }) => {
    const kept = protocol === 0 ? 0 : bits;
    return { ...rest, protocol, bits: kept, port: port & (0xffff0000 >> kept) & 0xffff };
  });

/** True three times in four. */
const mostly: fc.Arbitrary<boolean> = fc.constantFrom(true, true, true, false);

const policySet: fc.Arbitrary<PolicySet> = fc.record({
  rows: fc.array(policyRow, { maxLength: 18, size: "max" }),
  defaultAllow: fc.tuple(mostly, mostly),
  deniesPeers: fc.boolean(),
});

export const podState: fc.Arbitrary<PodState> = fc.record({
  set: fc.constantFrom(0, 1, 2, 0, 1, 2, -1),
  lockdown: fc.integer({ min: 0, max: 24 }).map((chance) => chance === 24),
  // The last has no routes.
  table: fc.constantFrom(0, 0, 0, routeTableOf(INTERFACE), routeTableOf(INTERFACE), 5),
});

export const backendChoice: fc.Arbitrary<BackendChoice> = fc.record({
  target: fc.nat(TARGETS.length - 1),
  state: fc.constantFrom(
    ...Array.from({ length: 5 }, () => BackendState.BACKEND_ACTIVE),
    BackendState.BACKEND_TERMINATING,
    BackendState.BACKEND_GONE,
  ),
});

export const serviceChoice: fc.Arbitrary<ServiceChoice> = fc.record({
  id: fc.constantFrom(1, 2, 2, 2, 3, 5, 4, 0),
  outside: fc.constantFrom("cluster" as const, "cluster" as const, "local" as const, "nobody" as const),
});

export const state: fc.Arbitrary<State> = fc.record({
  sets: fc.array(policySet, { minLength: 3, maxLength: 3 }),
  pods: fc.tuple(podState, podState, podState),
  backends: fc.array(backendChoice, { minLength: 6, maxLength: 6 }),
  services: fc.array(serviceChoice, { minLength: FRONTENDS.length, maxLength: FRONTENDS.length }),
  known: fc.array(fc.boolean(), { minLength: MARKED.length, maxLength: MARKED.length }),
  events: fc.constantFrom(
    EventLevel.EVENTS_ALL,
    EventLevel.EVENTS_ALL,
    EventLevel.EVENTS_FLOWS,
    EventLevel.EVENTS_FLOWS,
    EventLevel.EVENTS_DROPS,
    EventLevel.EVENTS_NONE,
  ),
});

/** Writes what a state says into the tables of one datapath, and changes it. */
export class StateWriter {
  readonly #maps: DatapathMaps;
  readonly #pods: readonly Attachment[];

  /** Addresses never change: they are written once. */
  constructor(maps: DatapathMaps, pods: readonly Attachment[]) {
    this.#maps = maps;
    this.#pods = pods;
    const ipcache = (address: string, identity: number, tunnel = "::", flags = 0): void =>
      maps.ipcache.set({ address: parseAddress(address) }, { identity, flags, tunnel: parseAddress(tunnel) });
    const prefix = (address: string, length: number, identity: number, tunnel = "::", flags = 0): void =>
      maps.ipcachePrefixes.set(
        { prefixLength: 96 + length, address: parseAddress(address) },
        { identity, flags, tunnel: parseAddress(tunnel) },
      );
    const native = ["::", IpcacheFlag.IPCACHE_NATIVE] as const;
    for (const [at, address] of PODS.entries()) ipcache(address, IDENTITY.pods[at]!);
    ipcache(REMOTE, IDENTITY.remote, OTHER_NODE);
    ipcache(NODE, ReservedIdentity.IDENTITY_HOST);
    ipcache(ROUTER, ReservedIdentity.IDENTITY_HOST);
    ipcache(OTHER_NODE, ReservedIdentity.IDENTITY_REMOTE_NODE);
    prefix("10.1.0.0", 24, ReservedIdentity.IDENTITY_UNMANAGED);
    prefix("10.2.0.0", 24, ReservedIdentity.IDENTITY_UNMANAGED, OTHER_NODE);
    for (const address of [NATIVE, NATIVE_LOST]) ipcache(address, IDENTITY.native, ...native);
    prefix("10.3.0.0", 24, ReservedIdentity.IDENTITY_UNMANAGED, ...native);
    prefix("192.168.50.96", 28, ReservedIdentity.IDENTITY_WORLD, ...native);
    prefix("198.51.0.0", 16, ReservedIdentity.IDENTITY_LOCAL_FIRST);
    prefix("198.51.100.0", 24, IDENTITY.range);
    for (const [id, slots] of Object.entries(MAGLEV)) {
      const table = new Uint16Array(Limits.MAGLEV_SLOTS).map((_, slot) => slots[slot % slots.length]!);
      maps.maglev.set(Number(id), table);
    }
  }

  write(state: State): void {
    const marks = MARKED.filter((_, at) => state.known[at] === true);
    this.#maps.policy.setMany([
      ...state.sets.flatMap(({ rows }, set) => rows.map((row, at) => this.#row(set, row, at))),
      ...marks.map((identity) => [mark(identity), { deny: 0, rule: 0 }] as const),
    ]);
    for (const at of state.pods.keys()) this.pod(state, at, state.pods[at]);
    for (const at of state.backends.keys()) this.backend(at, state.backends[at]!);
    for (const [at, choice] of state.services.entries()) this.service(at, choice);
    this.#maps.settings.set(0, { events: state.events });
  }

  /** @param pod - `undefined`: it is gone. */
  pod(state: State, at: number, pod: PodState | undefined): void {
    const key = { address: parseAddress(PODS[at]!) };
    if (pod === undefined) {
      this.#maps.endpoints.delete(key);
      return;
    }
    const { ifindex, mac, gatewayMac } = this.#pods[at]!;
    const open = pod.set < 0;
    const set = open ? undefined : state.sets[pod.set];
    const value: EndpointValue = {
      ifindex,
      identity: IDENTITY.pods[at]!,
      policy: open ? OPEN_SET : FIRST_SET + pod.set,
      egressShape: shapeOf(set, Direction.DIRECTION_EGRESS),
      ingressShape: shapeOf(set, Direction.DIRECTION_INGRESS),
      table: pod.table,
      id: at + 1,
      flags: pod.lockdown ? EndpointFlag.ENDPOINT_LOCKDOWN : 0,
      mac,
      gatewayMac,
    };
    this.#maps.endpoints.set(key, value);
  }

  backend(at: number, { target, state }: BackendChoice): void {
    const { address, port } = TARGETS[target]!;
    const value: BackendValue = { address: parseAddress(address), port, protocol: 0, state };
    this.#maps.backends.set(at + 1, value);
  }

  service(at: number, { id, outside }: ServiceChoice): void {
    const { address, port, protocol } = FRONTENDS[at]!;
    const key = { address: parseAddress(address), port, protocol };
    if (id === 0) this.#maps.services.delete(key);
    else this.#maps.services.set(key, { id, backendCount: 1, externalId: EXTERNAL_ID[outside] ?? id });
  }

  /** Takes away what {@link StateWriter.write} wrote under keys of its own. */
  erase(state: State): void {
    const rows = state.sets.flatMap(({ rows }, set) => rows.map((row, at) => this.#row(set, row, at)[0]));
    this.#maps.policy.deleteMany([...rows, ...MARKED.map(mark)]);
  }

  #row(set: number, row: PolicyRow, at: number): Parameters<DatapathMaps["policy"]["setMany"]>[0][number] {
    const { bits: portBits, deny, ...key } = row;
    return [
      { policy: FIRST_SET + set, portBits, ...key },
      { deny: deny ? 1 : 0, rule: set * 100 + at + 1 },
    ];
  }
}

function shapeOf(set: PolicySet | undefined, direction: number): number {
  if (set === undefined) return PolicyShape.POLICY_SHAPE_DEFAULT_ALLOW;
  let shape = set.defaultAllow[direction]! ? PolicyShape.POLICY_SHAPE_DEFAULT_ALLOW : 0;
  if (set.deniesPeers) shape |= PolicyShape.POLICY_SHAPE_DENIES_PEERS;
  for (const row of set.rows) {
    if (row.direction !== direction) continue;
    shape |= row.protocol === 0 ? PolicyShape.POLICY_SHAPE_ANY_PROTOCOL : 1 << row.bits;
  }
  return shape >>> 0;
}

function mark(identity: number): Parameters<DatapathMaps["policy"]["get"]>[0] {
  return { policy: 0, identity, direction: 0, protocol: 0, portBits: 0, port: 0 };
}
