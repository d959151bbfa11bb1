import { EndpointFlag, PolicyShape } from "@netloom/core/backend";
import { icmp, ip, PROTOCOL, sctp, tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromPod, fromTunnel, toPod, walks, type Expectation, type WalkCase } from "./case.ts";
import {
  A,
  B,
  IDENTITY,
  NODE,
  OTHER_NODE,
  REMOTE,
  ROUTER,
  WORLD,
  type PolicyRow,
  type World,
} from "./world.ts";

const { DENIES } = { DENIES: PolicyShape.POLICY_SHAPE_DENIES_PEERS };
const SET = 20;
const to = (port: number, protocol = "tcp"): string => `${protocol} ${A}:40000 > ${B}:${port}`;
const syn = (port: number): Uint8Array => tcp(`${A}:40000`, `${B}:${port}`);

const client = `${A}:40000`;

type Answer = readonly [rule: number, match: string, reason?: string];

/** b's ingress policy, packets of a's to it, and the answer to each. */
function asked(
  name: string,
  rows: readonly Omit<PolicyRow, "direction">[],
  answers: readonly (readonly [packet: Uint8Array, flow: string, answer: Answer])[],
  more: Parameters<World["policy"]>[3] = {},
): WalkCase {
  return {
    name,
    given: (world) => {
      const own = rows.map((row) => ({ ...row, direction: "ingress" }) as const);
      world.policy("b", SET, own.length > 0 ? own : [{ direction: "ingress", identity: 999 }], more);
    },
    walk: answers.map(([packet, flow, answer]) => fromPod("a", packet, ingress(flow, answer))),
  };
}

function ingress(flow: string, [rule, match, reason]: Answer): Expectation {
  const event = { egress: [7, 0, "none"], ingress: [SET, rule, match] } as const;
  if (reason !== undefined) return { verdict: "drop", as: reason, event };
  const life = flow.startsWith("tcp") ? "60s S/-" : "60s";
  const changes = [`+ ct ${flow} ${life} egress=7/301 ingress=${SET}/300`];
  return { verdict: "redirect", as: "to-endpoint", changes, event };
}

const DENIED: Answer = [0, "none", "policy-denied"];
const tcpRow = { protocol: PROTOCOL.tcp };
const datagram = (port: number): readonly [Uint8Array, string] => [
  udp(`${A}:40000`, `${B}:${port}`),
  to(port, "udp"),
];

const probes: readonly WalkCase[] = [
  asked(
    "refuses everything where nothing is allowed",
    [],
    [
      [syn(80), to(80), DENIED],
      [...datagram(53), DENIED],
      [icmp(A, B, { echoId: 3 }), "", DENIED],
      [ip(A, B, 47, new Uint8Array(8)), "", DENIED],
    ],
  ),
  asked(
    "allows a peer one port",
    [{ ...tcpRow, identity: 300, port: 80, rule: 4 }],
    [
      [syn(80), to(80), [4, "l3-l4"]],
      [syn(81), to(81), DENIED],
      [...datagram(80), DENIED],
    ],
  ),
  asked(
    "allows anyone one port",
    [{ ...tcpRow, port: 80, rule: 4 }],
    [
      [syn(80), to(80), [4, "l4"]],
      [syn(8080), to(8080), DENIED],
    ],
  ),
  asked(
    "allows a block of ports, and not the ports around it",
    [{ ...tcpRow, port: 8192, bits: 10, rule: 5 }],
    [
      [syn(8192), to(8192), [5, "l4"]],
      [syn(8255), to(8255), [5, "l4"]],
      [syn(8256), to(8256), DENIED],
      [syn(8191), to(8191), DENIED],
    ],
  ),
  asked(
    "allows half of all ports",
    [{ ...tcpRow, identity: 300, port: 32768, bits: 1, rule: 6 }],
    [
      [syn(65535), to(65535), [6, "l3-l4"]],
      [syn(32767), to(32767), DENIED],
    ],
  ),
  asked(
    "allows a protocol",
    [
      { ...tcpRow, rule: 7 },
      { protocol: PROTOCOL.udp, identity: 300, rule: 8 },
    ],
    [
      [syn(1), to(1), [7, "protocol"]],
      [...datagram(1), [8, "l3-protocol"]],
      [icmp(A, B), "", DENIED],
    ],
  ),
  asked(
    "allows a peer everything",
    [{ identity: 300, rule: 9 }],
    [
      [syn(1), to(1), [9, "l3"]],
      [ip(A, B, 47, new Uint8Array(8)), `47 ${A}:0 > ${B}:0`, [9, "l3"]],
    ],
  ),
  asked("allows anyone everything", [{ rule: 10 }], [[syn(1), to(1), [10, "all"]]]),
  asked(
    "allows nothing to another peer",
    [{ identity: 301 }, { ...tcpRow, identity: 400, port: 80 }],
    [[syn(80), to(80), DENIED]],
  ),
  asked(
    "tells SCTP by its ports",
    [{ protocol: PROTOCOL.sctp, port: 5000, rule: 3 }],
    [
      [sctp(client, `${B}:5000`), to(5000, "sctp"), [3, "l4"]],
      [sctp(client, `${B}:5001`), to(5001, "sctp"), DENIED],
    ],
  ),
];

const order: readonly WalkCase[] = [
  asked(
    "lets the longer block decide",
    [
      { ...tcpRow, port: 80, rule: 1 },
      { ...tcpRow, port: 0, bits: 9, deny: true, rule: 2 },
      { ...tcpRow, rule: 3 },
    ],
    [
      [syn(80), to(80), [1, "l4"]],
      [syn(81), to(81), [2, "l4", "policy-deny-rule"]],
      [syn(128), to(128), [3, "protocol"]],
    ],
  ),
  asked(
    "lets the peer's own entry decide before anyone's of the same length",
    [
      { ...tcpRow, port: 80, rule: 1 },
      { ...tcpRow, port: 80, identity: 300, deny: true, rule: 2 },
      { identity: 300, rule: 3 },
      { deny: true, rule: 4 },
    ],
    [
      [syn(80), to(80), [2, "l3-l4", "policy-deny-rule"]],
      [syn(81), to(81), [3, "l3"]],
    ],
  ),
  asked(
    "lets a protocol decide before any protocol",
    [
      { protocol: PROTOCOL.udp, rule: 1 },
      { identity: 300, deny: true, rule: 2 },
    ],
    [
      [...datagram(9), [1, "protocol"]],
      [syn(9), to(9), [2, "l3", "policy-deny-rule"]],
    ],
  ),
  asked(
    "lets a deny stand out of an open direction",
    [{ ...tcpRow, port: 80, deny: true, rule: 1 }],
    [
      [syn(80), to(80), [1, "l4", "policy-deny-rule"]],
      [syn(81), to(81), [0, "none"]],
    ],
    { open: true },
  ),
  {
    name: "skips what a set's shape does not ask for",
    given: (world) => {
      world.policy("b", SET, [{ ...tcpRow, direction: "ingress", port: 80, rule: 1 }]);
      world.pod("b", { policy: SET, ingressShape: 1 });
    },
    walk: [fromPod("a", syn(80), ingress(to(80), DENIED))],
  },
];

const denied = { verdict: "drop", as: "policy-denied" } as const;

const directions: readonly WalkCase[] = [
  {
    name: "asks the sender first, and the receiver not at all where the sender may not",
    given: (world) =>
      world.policy("a", SET, [{ ...tcpRow, direction: "egress", identity: 301, port: 80, rule: 2 }]),
    walk: [
      fromPod("a", syn(81), { ...denied, event: { egress: [SET, 0, "none"], ingress: [0, 0, "none"] } }),
      fromPod("a", syn(80), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`+ ct ${to(80)} 60s S/- egress=${SET}/301 ingress=7/300`],
        event: { egress: [SET, 2, "l3-l4"], ingress: [7, 0, "none"] },
      }),
    ],
  },
  {
    name: "keeps directions apart: what may be received may not be sent",
    given: (world) =>
      world.policy("a", SET, [
        { direction: "ingress", rule: 1 },
        { direction: "egress", identity: 999 },
      ]),
    walk: [
      fromPod("a", syn(80), { ...denied, event: { egress: [SET, 0, "none"] } }),
      fromPod("b", tcp(`${B}:1`, `${A}:80`), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`+ ct tcp ${B}:1 > ${A}:80 60s S/- egress=7/300 ingress=${SET}/301`],
        event: { ingress: [SET, 1, "all"] },
      }),
      fromPod("a", tcp(`${A}:80`, `${B}:1`, { flags: 0x12 }), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`~ ct tcp ${B}:1 > ${A}:80 8000s S/S seen-reply egress=7/300 ingress=${SET}/301`],
        event: { state: "reply", egress: [0, 0, "none"] },
      }),
    ],
  },
  ...[
    { peer: REMOTE, identity: IDENTITY.remote, as: "to-overlay", flag: "" },
    { peer: WORLD, identity: IDENTITY.world, as: "to-netdev", flag: " outside" },
  ].map(({ peer, identity, as, flag }): WalkCase => ({
    name: `asks only the sender on the way ${as}`,
    given: (world) =>
      world.policy("a", SET, [{ ...tcpRow, direction: "egress", identity, port: 443, rule: 2 }]),
    walk: [
      fromPod("a", tcp(`${A}:1`, `${peer}:80`), denied),
      fromPod("a", tcp(`${A}:1`, `${peer}:443`), {
        verdict: "redirect",
        as,
        changes: [`+ ct tcp ${A}:1 > ${peer}:443 60s S/-${flag} egress=${SET}/${identity}`],
        event: { egress: [SET, 2, "l3-l4"] },
      }),
    ],
  })),
  {
    name: "asks the receiver of what comes through the tunnel",
    given: (world) => world.policy("a", SET, [{ direction: "ingress", identity: IDENTITY.remote, rule: 2 }]),
    walk: [
      fromTunnel(401, OTHER_NODE, tcp(`${REMOTE}:1`, `${A}:80`), denied),
      fromTunnel(IDENTITY.remote, OTHER_NODE, tcp(`${REMOTE}:1`, `${A}:80`), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`+ ct tcp ${REMOTE}:1 > ${A}:80 60s S/- ingress=${SET}/400`],
        event: { ingress: [SET, 2, "l3"] },
      }),
    ],
  },
];

const closed = (world: World): void => world.policy("a", SET, [{ direction: "ingress", identity: 999 }]);

const special: readonly WalkCase[] = [
  ...[NODE, ROUTER].map((source): WalkCase => ({
    name: `lets the node reach its pods from ${source}, whatever their policy`,
    given: closed,
    walk: [
      toPod("a", tcp(`${source}:1`, `${A}:80`), {
        verdict: "accept",
        as: "to-endpoint",
        changes: [`+ ct tcp ${source}:1 > ${A}:80 60s S/- ingress=${SET}/1`],
        event: { identities: [IDENTITY.host, IDENTITY.a], ingress: [SET, 0, "local-host"] },
      }),
    ],
  })),
  {
    name: "asks of the node as of anyone else where it is told to",
    options: { allowLocalHost: false },
    given: closed,
    walk: [toPod("a", tcp(`${NODE}:1`, `${A}:80`), { ...denied, event: { ingress: [SET, 0, "none"] } })],
  },
  asked(
    "refuses an identity that may have to be denied, where only a wider entry allows it",
    [{ identity: 999, deny: true }, { rule: 3 }],
    [[syn(80), to(80), [3, "all", "unknown-identity"]]],
    { shape: DENIES },
  ),
  asked(
    "refuses it where only the default allows it",
    [{ identity: 999, deny: true }],
    [[syn(80), to(80), [0, "none", "unknown-identity"]]],
    { shape: DENIES, open: true },
  ),
  asked(
    "lets an entry of its own decide",
    [
      { identity: 999, deny: true },
      { identity: 300, rule: 3 },
    ],
    [[syn(80), to(80), [3, "l3"]]],
    { shape: DENIES },
  ),
  {
    name: "lets it pass once it is known",
    given: (world) => {
      world.policy("b", SET, [{ direction: "ingress", rule: 3 }], { shape: DENIES });
      world.maps.policy.set(
        { policy: 0, identity: 300, direction: 0, protocol: 0, portBits: 0, port: 0 },
        { deny: 0, rule: 0 },
      );
    },
    walk: [fromPod("a", syn(80), ingress(to(80), [3, "all"]))],
  },
  {
    name: "does not hold the world for an identity that is still to come",
    given: (world) => world.policy("a", SET, [{ direction: "egress", rule: 3 }], { shape: DENIES }),
    walk: [
      fromPod("a", udp(`${A}:1`, `${WORLD}:53`), {
        verdict: "redirect",
        as: "to-netdev",
        changes: [`+ ct udp ${A}:1 > ${WORLD}:53 60s outside egress=${SET}/2`],
        event: { egress: [SET, 3, "all"] },
      }),
    ],
  },
  {
    name: "refuses new flows in lockdown, either way",
    given: (world) => world.pod("b", { flags: EndpointFlag.ENDPOINT_LOCKDOWN }),
    walk: [
      fromPod("a", syn(80), { verdict: "drop", as: "policy-lockdown", event: { ingress: [7, 0, "none"] } }),
      fromPod("b", tcp(`${B}:1`, `${A}:80`), { verdict: "drop", as: "policy-lockdown" }),
      fromTunnel(IDENTITY.remote, OTHER_NODE, udp(`${REMOTE}:1`, `${B}:53`), {
        verdict: "drop",
        as: "policy-lockdown",
      }),
    ],
  },
];

export const policy: Suite = (runner, create) => {
  walks(runner, create, "policy", probes);
  walks(runner, create, "the order of a policy set's entries", order);
  walks(runner, create, "policy in both directions", directions);
  walks(runner, create, "policy's special cases", special);
};
