import { EndpointFlag, PolicyShape } from "@netloom/core/backend";
import { tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromPod, fromTunnel, toPod, walks, type WalkCase } from "./case.ts";
import { asked, ingress, SET, syn, tcpRow, to } from "./policy-questions.ts";
import { A, B, IDENTITY, NODE, OTHER_NODE, REMOTE, ROUTER, WORLD, type World } from "./world.ts";

const DENIES = PolicyShape.POLICY_SHAPE_DENIES_PEERS;

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
  {
    name: "takes identities for endpoints' from the first of the cluster's to the last before the node's own",
    given: (world) => {
      world.policy("b", SET, [{ direction: "ingress", identity: 999, deny: true }], {
        open: true,
        shape: DENIES,
      });
    },
    walk: [
      [255, false],
      [256, true],
      [0xff_ffff, true],
      [0x0100_0000, false],
    ].map(([identity, ofEndpoints], at) =>
      fromPod(
        "a",
        tcp(`${A}:${at + 1}`, `${B}:80`),
        ofEndpoints === true
          ? { verdict: "drop", as: "unknown-identity" }
          : {
              verdict: "redirect",
              as: "to-endpoint",
              changes: [`+ ct tcp ${A}:${at + 1} > ${B}:80 60s S/- egress=7/301 ingress=${SET}/${identity}`],
            },
        { before: (world) => world.pod("a", { identity: Number(identity) }) },
      ),
    ),
  },
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

export const policyDirections: Suite = (runner, create) => {
  walks(runner, create, "policy in both directions", directions);
  walks(runner, create, "policy's special cases", special);
};
