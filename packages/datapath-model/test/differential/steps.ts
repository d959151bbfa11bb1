import { EventLevel, ReservedIdentity } from "@netloom/core/backend";
import * as fc from "fast-check";
import {
  BROADCAST,
  EXTERNAL,
  IDENTITY,
  MULTICAST,
  NATIVE,
  NATIVE_HOST,
  NATIVE_LOST,
  NATIVE_UNKNOWN,
  NOBODY,
  NODE,
  NODE_SOCKET,
  OTHER_NODE,
  OVERLAY_PORT,
  placeOf,
  PODS,
  RANGE,
  REMOTE,
  REMOTE_UNKNOWN,
  ROUTER,
  WORLD,
} from "./places.ts";
import {
  backendChoice,
  FRONTENDS,
  podState,
  serviceChoice,
  state,
  type BackendChoice,
  type PodState,
  type ServiceChoice,
  type State,
} from "./state.ts";

/** Two ends that talk, as the first one sees it. */
export interface Conversation {
  readonly client: string;
  readonly server: string;
  readonly protocol: number;
  readonly clientPort: number;
  readonly serverPort: number;
  /** What the tunnel says of a client behind it. */
  readonly vni: number;
}

/** Which packet of a conversation. */
export type Action =
  /** What the client sends. */
  | "forward"
  /** An answer to what last arrived at the server, as it arrived, */
  | "reply"
  /** and an answer to that one as it arrived at the client. */
  | "acknowledge"
  /** An ICMP error about what last arrived at the server, or at the client, from there, */
  | "error"
  | "client-error"
  /** or from somebody on the way; */
  | "router-error"
  /** what pretends to be an answer to the client's packet as it was sent, and an error about that. */
  | "impostor"
  | "impostor-error";

export interface Variation {
  /** TCP flags, or 0 for what fits. */
  readonly flags: number;
  readonly ttl: number;
  readonly fragment: "no" | "first" | "later";
  readonly noChecksum: boolean;
  /** The header's checksum is one that overflows as the time to live falls. */
  readonly carry: boolean;
  readonly options: number;
  /** Bytes of the frame, as long as it takes to fill an uplink's MTU, or one more; 0: as many as it has. */
  readonly length: number;
  /**
   * Where it comes in: by its sender's own device, by that of another, or by the uplink or the tunnel, whoever it says
   * it is from.
   */
  readonly device: "own" | "other" | "uplink" | "tunnel";
  readonly mark: number;
  readonly mangle: Mangle;
}

export type Mangle =
  | { readonly kind: "none" }
  | { readonly kind: "cut"; readonly length: number }
  | { readonly kind: "byte"; readonly at: number; readonly value: number };

export type Step =
  | {
      readonly kind: "packet";
      readonly conversation: number;
      readonly action: Action;
      readonly how: Variation;
    }
  | {
      readonly kind: "arp";
      readonly pod: number;
      readonly target: string;
      readonly operation: number;
      readonly length: number;
    }
  | { readonly kind: "age"; readonly seconds: number }
  | { readonly kind: "pod"; readonly pod: number; readonly state: PodState | undefined }
  | { readonly kind: "backend"; readonly at: number; readonly choice: BackendChoice }
  | { readonly kind: "service"; readonly at: number; readonly choice: ServiceChoice }
  | { readonly kind: "forget"; readonly table: "conntrack" | "nat"; readonly at: number }
  | { readonly kind: "events"; readonly level: number };

export interface Case {
  readonly state: State;
  readonly conversations: readonly Conversation[];
  readonly steps: readonly Step[];
}

const conversation: fc.Arbitrary<Conversation> = fc
  .record({
    client: fc.constantFrom(
      ...PODS,
      ...PODS,
      ...PODS,
      REMOTE,
      NATIVE,
      NATIVE,
      NATIVE_UNKNOWN,
      NATIVE_HOST,
      WORLD,
      WORLD,
      RANGE,
      NODE,
      ROUTER,
      NOBODY,
      OTHER_NODE,
    ),
    server: fc.constantFrom(
      ...PODS,
      ...PODS,
      ...PODS,
      ...[
        REMOTE,
        REMOTE,
        REMOTE_UNKNOWN,
        NATIVE,
        NATIVE,
        NATIVE_UNKNOWN,
        NATIVE_LOST,
        NATIVE_HOST,
        WORLD,
        WORLD,
        RANGE,
        NODE,
        ROUTER,
        NOBODY,
        MULTICAST,
        BROADCAST,
        EXTERNAL,
        OTHER_NODE,
      ],
    ),
    /** Whoever is not of the node rarely asks but for its pods. */
    serverOfOutside: fc.option(fc.constantFrom(...PODS, ...PODS, NODE), { freq: 6 }),
    asksFrontend: fc.boolean(),
    frontend: fc.option(fc.constantFrom(...FRONTENDS), { freq: 3 }),
    protocol: fc.constantFrom(6, 6, 6, 6, 17, 17, 17, 1, 1, 132, 47),
    clientPort: fc.constantFrom(40_000, 40_000, 40_000, NODE_SOCKET, 1024, 80),
    serverPort: fc.constantFrom(80, 80, 8080, 8080, 53, 443, OVERLAY_PORT),
    vni: fc.constantFrom(
      ...Array.from({ length: 9 }, () => IDENTITY.remote),
      ...[401, ReservedIdentity.IDENTITY_REMOTE_NODE],
      ...[ReservedIdentity.IDENTITY_UNKNOWN, ReservedIdentity.IDENTITY_HOST, ReservedIdentity.IDENTITY_WORLD],
    ),
  })
  .map(({ frontend, asksFrontend, serverOfOutside, ...rest }) => {
    const outside = placeOf(rest.client) !== "pod";
    if (outside && !asksFrontend) return { ...rest, server: serverOfOutside ?? rest.server };
    if (frontend === null || rest.protocol === 1) return rest;
    return { ...rest, server: frontend.address, serverPort: frontend.port, protocol: frontend.protocol };
  });

const mangle: fc.Arbitrary<Mangle> = fc.oneof(
  { weight: 30, arbitrary: fc.constant<Mangle>({ kind: "none" }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("cut" as const), length: fc.integer({ min: 14, max: 76 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("byte" as const),
      at: fc.constantFrom(12, 13, 14, 16, 20, 21, 22, 23, 24, 26, 30, 33, 34, 42, 46, 47, 50, 51),
      value: fc.nat(255),
    }),
  },
);

const variation: fc.Arbitrary<Variation> = fc.record({
  flags: fc.constantFrom(0, 0, 0, 0x02, 0x02, 0x10, 0x11, 0x04, 0x12, 0x18),
  ttl: fc.constantFrom(...Array.from({ length: 16 }, () => 64), 255, 255, 2, 1, 0),
  fragment: fc.constantFrom(...Array.from({ length: 18 }, () => "no" as const), "first", "first", "later"),
  noChecksum: fc.integer({ min: 0, max: 9 }).map((chance) => chance === 9),
  carry: fc.integer({ min: 0, max: 9 }).map((chance) => chance === 9),
  options: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 40),
  length: fc.constantFrom(...Array.from({ length: 40 }, () => 0), 1514, 1515),
  device: fc.constantFrom(...Array.from({ length: 28 }, () => "own" as const), "other", "uplink", "tunnel"),
  mark: fc.constantFrom(0, 0, 0, 0, 0x0300, 0xff00_0001),
  mangle,
});

const packet: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("packet" as const),
  conversation: fc.nat(3),
  action: fc.constantFrom<Action>(
    ...(["forward", "forward", "forward", "forward", "reply", "reply", "reply", "acknowledge"] as const),
    ...(["error", "client-error", "router-error", "impostor", "impostor-error"] as const),
  ),
  how: variation,
});

const change: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    // No sums of these are near to a lifetime.
    arbitrary: fc.record({
      kind: fc.constant("age" as const),
      seconds: fc.constantFrom(1.7, 6.3, 13.1, 67.3, 8107.9),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("pod" as const),
      pod: fc.nat(2),
      state: fc.option(podState, { nil: undefined, freq: 8 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("backend" as const), at: fc.nat(5), choice: backendChoice }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("service" as const),
      at: fc.nat(FRONTENDS.length - 1),
      choice: serviceChoice,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("forget" as const),
      table: fc.constantFrom("conntrack" as const, "nat" as const),
      at: fc.nat(7),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("events" as const),
      level: fc.constantFrom(...Object.values(EventLevel)),
    }),
  },
);

const arp: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("arp" as const),
  pod: fc.nat(2),
  target: fc.constantFrom(ROUTER, WORLD, ...PODS),
  operation: fc.constantFrom(1, 1, 1, 2),
  length: fc.constantFrom(42, 42, 42, 60, 41, 20),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: packet },
  { weight: 4, arbitrary: change },
  { weight: 1, arbitrary: arp },
);

export const generatedCase: fc.Arbitrary<Case> = fc.noBias(
  fc.record({
    state,
    conversations: fc.array(conversation, { minLength: 4, maxLength: 4 }),
    steps: fc.array(step, { minLength: 25, maxLength: 60, size: "max" }),
  }),
);
