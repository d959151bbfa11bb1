import { FLAG, ICMP, icmp, icmpError, PROTOCOL, tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromFabric, fromPod, fromTunnel, toPod, walks, type WalkCase } from "./case.ts";
import { A, B, C, IDENTITY, NODE, OTHER_NODE, REMOTE, WORLD, type World } from "./world.ts";

const passes = { verdict: "redirect", as: "to-endpoint" } as const;
const denied = { verdict: "drop", as: "policy-denied" } as const;
const ping = icmp(A, B, { echoId: 7 });
const pong = icmp(B, A, { type: ICMP.echoReply, echoId: 7 });
const PINGED = `ct icmp ${A}:7 > ${B}:0 60s`;

/** Only so much may reach `pod`. */
const only =
  (pod: "a" | "b", types: readonly number[], set = 20) =>
  (world: World): void =>
    world.policy(
      pod,
      set,
      types.length === 0
        ? [{ direction: "ingress", identity: 999 }]
        : types.map((port) => ({ direction: "ingress", protocol: PROTOCOL.icmp, port, rule: port })),
    );

const echo: readonly WalkCase[] = [
  {
    name: "knows the answer to an echo by its identifier",
    given: only("a", []),
    walk: [
      fromPod("a", ping, {
        ...passes,
        changes: [`+ ${PINGED} egress=20/301 ingress=7/300`],
        event: { from: `${A}:7`, to: `${B}:0`, state: "new", flags: ICMP.echo },
      }),
      fromPod("b", pong, {
        ...passes,
        changes: [`~ ${PINGED} seen-reply egress=20/301 ingress=7/300`],
        event: { from: `${B}:0`, to: `${A}:7`, state: "reply", flags: ICMP.echoReply },
      }),
      fromPod("b", icmp(B, A, { type: ICMP.echoReply, echoId: 8 }), { ...denied, event: { state: "new" } }),
    ],
  },
  {
    name: "takes no echo for the answer to one, though it has the same identifier",
    given: only("a", []),
    walk: [
      fromPod("a", ping, { ...passes, changes: [`+ ${PINGED} egress=20/301 ingress=7/300`] }),
      fromPod("b", icmp(B, A, { echoId: 7 }), { ...denied, event: { state: "new" } }),
    ],
  },
  {
    name: "allows a type, and no other",
    given: only("b", [ICMP.echo]),
    walk: [
      fromPod("a", ping, {
        ...passes,
        changes: [`+ ${PINGED} egress=7/301 ingress=20/300`],
        event: { ingress: [20, ICMP.echo, "l4"] },
      }),
      fromPod("a", icmp(A, B, { type: ICMP.echoReply, echoId: 7 }), denied),
      fromPod("a", icmp(A, B, { type: ICMP.timestamp }), denied),
    ],
  },
  {
    name: "asks of each message that belongs to no echo, and remembers none",
    given: only("b", [ICMP.timestamp]),
    walk: [
      fromPod("a", icmp(A, B, { type: ICMP.timestamp }), {
        ...passes,
        event: { state: "new", ingress: [20, ICMP.timestamp, "l4"], flags: ICMP.timestamp },
      }),
      fromPod("a", icmp(A, B, { type: 5 }), denied),
      fromPod("a", icmp(A, B, { type: ICMP.timestamp, echoId: 0 }), passes),
      // Nor is it one back.
      fromPod("b", icmp(B, A, { type: ICMP.timestamp }), denied, { before: only("a", [], 21) }),
    ],
  },
];

const FLOW = `ct udp ${A}:40000 > ${B}:53 60s`;
const query = udp(`${A}:40000`, `${B}:53`);
const asked = fromPod("a", query, { ...passes, changes: [`+ ${FLOW} egress=7/301 ingress=7/300`] });

const errors: readonly WalkCase[] = [
  ...[ICMP.unreachable, ICMP.timeExceeded].map((type): WalkCase => ({
    name: `lets an error of type ${type} about a known flow pass without asking`,
    walk: [
      asked,
      fromPod(
        "b",
        icmpError(B, A, query, { type }),
        {
          ...passes,
          event: { state: "related", egress: [0, 0, "none"], ingress: [0, 0, "none"], flags: type },
        },
        { before: only("a", []) },
      ),
    ],
  })),
  {
    name: "lets the client tell of an answer that it cannot take",
    walk: [
      asked,
      fromPod(
        "a",
        icmpError(A, B, udp(`${B}:53`, `${A}:40000`)),
        { ...passes, event: { state: "related" } },
        {
          before: only("b", []),
        },
      ),
    ],
  },
  {
    name: "asks of an error about no known flow, and makes no entry",
    given: only("a", []),
    walk: [
      fromPod("b", icmpError(B, A, query), { ...denied, event: { state: "new" } }),
      fromPod(
        "b",
        icmpError(B, A, query),
        {
          ...passes,
          event: { state: "new", ingress: [21, ICMP.unreachable, "l4"] },
        },
        { before: only("a", [ICMP.unreachable], 21) },
      ),
    ],
  },
  {
    name: "takes an error about a flow that has expired for one about none",
    given: only("a", []),
    walk: [
      { ...asked, expect: { ...asked.expect, changes: [`+ ${FLOW} egress=20/301 ingress=7/300`] } },
      fromPod("b", icmpError(B, A, query), denied, {
        before: (world) => world.age([`${A}:40000`, `${B}:53`], { expires: world.in(-1) }),
      }),
    ],
  },
  {
    name: "asks of an error sent to somebody who did not send its subject",
    given: only("b", [], 20),
    walk: [
      fromPod("a", udp(`${A}:40000`, `${C}:53`), {
        ...passes,
        changes: [`+ ct udp ${A}:40000 > ${C}:53 60s egress=7/302 ingress=7/300`],
      }),
      // a's own flow with c as a key to b's door.
      fromPod("a", icmpError(A, B, udp(`${C}:53`, `${A}:40000`)), { ...denied, event: { state: "new" } }),
      fromPod("a", icmpError(A, B, udp(`${A}:40000`, `${C}:53`)), { ...denied, event: { state: "new" } }),
    ],
  },
  {
    name: "asks of an error by a pod that is no end of its subject",
    given: only("a", [], 20),
    walk: [
      { ...asked, expect: { ...asked.expect, changes: [`+ ${FLOW} egress=20/301 ingress=7/300`] } },
      fromPod("c", icmpError(C, A, query), { ...denied, event: { state: "new" } }),
    ],
  },
  {
    name: "lets an error about a flow through the tunnel pass, from wherever it comes",
    given: only("a", [], 20),
    walk: [
      fromPod("a", udp(`${A}:40000`, `${REMOTE}:53`), {
        verdict: "redirect",
        as: "to-overlay",
        changes: [`+ ct udp ${A}:40000 > ${REMOTE}:53 60s egress=20/400`],
      }),
      fromTunnel(
        IDENTITY.remoteNode,
        OTHER_NODE,
        icmpError(OTHER_NODE, A, udp(`${A}:40000`, `${REMOTE}:53`)),
        {
          ...passes,
          event: { state: "related", identities: [IDENTITY.remoteNode, IDENTITY.a] },
        },
      ),
    ],
  },
  {
    name: "lets the node tell of a packet that it could not take",
    options: { allowLocalHost: false },
    given: only("a", [], 20),
    walk: [
      fromPod("a", tcp(`${A}:40000`, `${NODE}:22`, { flags: FLAG.SYN }), {
        verdict: "accept",
        as: "to-stack",
        changes: [`+ ct tcp ${A}:40000 > ${NODE}:22 60s S/- outside egress=20/1`],
      }),
      toPod("a", icmpError(NODE, A, tcp(`${A}:40000`, `${NODE}:22`)), {
        verdict: "accept",
        as: "to-endpoint",
        event: { state: "related" },
      }),
      toPod("a", icmpError(NODE, A, tcp(`${A}:40001`, `${NODE}:22`)), denied),
    ],
  },
  {
    name: "lets a pod tell the world that it cannot take what the world sent",
    walk: [
      fromFabric(udp(`${WORLD}:53`, `${A}:9`), {
        ...passes,
        changes: [`+ ct udp ${WORLD}:53 > ${A}:9 60s ingress=7/2`],
      }),
      fromPod(
        "a",
        icmpError(A, WORLD, udp(`${WORLD}:53`, `${A}:9`)),
        {
          verdict: "redirect",
          as: "to-netdev",
          event: { state: "related" },
        },
        { before: (world) => world.policy("a", 20, [{ direction: "egress", identity: 999 }]) },
      ),
    ],
  },
];

export const icmpWalks: Suite = (runner, create) => {
  walks(runner, create, "ICMP", echo);
  walks(runner, create, "ICMP errors", errors);
};
