import { ICMP, icmp, ip, PROTOCOL, udp, udpFragments } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromFabric, fromPod, fromTunnel, toFabric, toPod, walks, type WalkCase } from "./case.ts";
import type { Told } from "./told.ts";
import { A, B, IDENTITY, NODE, OTHER_NODE, REMOTE, VIP, WORLD, type World } from "./world.ts";

const client = `${A}:40000`;
const server = `${B}:53`;
const passes = { verdict: "redirect", as: "to-endpoint" } as const;
const unknown = { verdict: "drop", as: "fragment-unknown" } as const;

/** Three fragments of a datagram. */
const cut = (from: string, to: string, id = 77): readonly [Uint8Array, Uint8Array, Uint8Array] => {
  const [first, second, third] = udpFragments(from, to, 2000, 800, id);
  return [first!, second!, third!];
};

const REMEMBERED = `+ fragment udp ${A} > ${B} #77 ports 40000 53`;
const FLOW = `ct udp ${client} > ${server} 60s egress=7/301 ingress=7/300`;
const [first, second, third] = cut(client, server);
const ports = (state: string): Partial<Told> => ({ state, from: client, to: server });

const cases: readonly WalkCase[] = [
  {
    name: "knows later fragments by the ports of the first",
    walk: [
      fromPod("a", first, { ...passes, changes: [REMEMBERED, `+ ${FLOW}`], event: ports("new") }),
      fromPod("a", second, { ...passes, event: ports("established") }),
      fromPod("a", third, { ...passes, event: ports("established") }),
    ],
  },
  {
    name: "holds later fragments to the policy of their ports",
    given: (world) =>
      world.policy("b", 20, [{ direction: "ingress", protocol: PROTOCOL.udp, port: 80, rule: 2 }]),
    walk: [
      fromPod("a", first, { verdict: "drop", as: "policy-denied", changes: [REMEMBERED] }),
      fromPod("a", second, { verdict: "drop", as: "policy-denied", event: ports("new") }),
    ],
  },
  {
    name: "drops a fragment whose first it has not seen: by its ends, its number and its protocol",
    walk: [
      fromPod("a", second, unknown),
      fromPod("a", first, { ...passes, changes: [REMEMBERED, `+ ${FLOW}`] }),
      fromPod("a", cut(client, server, 78)[1], unknown),
      fromPod("a", cut(client, `${A}:53`)[1], unknown),
      fromPod("b", cut(server, client)[1], unknown),
      fromPod("a", ip(A, B, PROTOCOL.tcp, new Uint8Array(64), { id: 77, fragmentOffset: 800 }), unknown),
      toPod("b", cut(`${NODE}:1`, server)[1], unknown),
      fromTunnel(IDENTITY.remote, OTHER_NODE, cut(`${REMOTE}:1`, server)[1], unknown),
    ],
  },
  {
    name: "leaves a fragment of the fabric's to the stack where it has not seen the first, and pods' own drop",
    walk: [
      fromFabric(cut(`${WORLD}:1`, server)[1], { verdict: "next" }),
      toFabric(cut(client, `${WORLD}:1`)[1], { ...unknown, event: { endpoint: 1 } }),
    ],
  },
  {
    name: "translates later fragments of a service's flow by their addresses alone, and back",
    given: (world) => world.service(`${VIP}:53`, PROTOCOL.udp, [`${B}:5353`]),
    walk: [
      fromPod("a", cut(client, `${VIP}:53`)[0], {
        ...passes,
        to: `${B}:5353`,
        changes: [
          `+ fragment udp ${A} > ${VIP} #77 ports 40000 53`,
          `+ ct udp ${client} > ${VIP}:53 60s service nat=${B}:5353 backend=1`,
          `+ ct udp ${client} > ${B}:5353 60s translated nat=${VIP}:53 egress=7/301 ingress=7/300`,
        ],
      }),
      fromPod("a", cut(client, `${VIP}:53`)[1], {
        ...passes,
        to: `${B}:0`,
        event: { from: client, to: `${VIP}:53`, newTo: `${B}:5353`, state: "established" },
      }),
      fromPod("b", cut(`${B}:5353`, client)[0], {
        ...passes,
        from: `${VIP}:53`,
        changes: [
          `+ fragment udp ${B} > ${A} #77 ports 5353 40000`,
          `~ ct udp ${client} > ${B}:5353 60s seen-reply translated nat=${VIP}:53 egress=7/301 ingress=7/300`,
        ],
      }),
      fromPod("b", cut(`${B}:5353`, client)[2], {
        ...passes,
        from: `${VIP}:0`,
        event: { newFrom: `${VIP}:53` },
      }),
    ],
  },
  {
    name: "masquerades later fragments as the first, and restores them",
    walk: [
      toFabric(cut(client, `${WORLD}:53`)[0], {
        verdict: "next",
        as: "to-netdev",
        from: `${NODE}:40000`,
        changes: [
          `+ fragment udp ${A} > ${WORLD} #77 ports 40000 53`,
          `+ nat out udp ${client} > ${WORLD}:53 as ${NODE}:40000 60s`,
          `+ nat back udp ${WORLD}:53 > ${NODE}:40000 to ${client} 60s`,
        ],
      }),
      toFabric(cut(client, `${WORLD}:53`)[1], { verdict: "next", as: "to-netdev", from: `${NODE}:0` }),
      fromFabric(cut(`${WORLD}:53`, `${NODE}:40000`)[0], {
        ...passes,
        to: client,
        changes: [
          `+ fragment udp ${WORLD} > ${NODE} #77 ports 53 40000`,
          `+ ct udp ${WORLD}:53 > ${client} 60s ingress=7/2`,
        ],
      }),
      fromFabric(cut(`${WORLD}:53`, `${NODE}:40000`)[2], {
        ...passes,
        to: `${A}:0`,
        event: { to: `${NODE}:40000`, newTo: client, state: "established" },
      }),
    ],
  },
  {
    name: "does not masquerade a fragment whose flow has no mapping",
    walk: [
      fromPod("a", cut(client, `${WORLD}:53`)[0], {
        verdict: "redirect",
        as: "to-netdev",
        changes: [
          `+ fragment udp ${A} > ${WORLD} #77 ports 40000 53`,
          `+ ct udp ${client} > ${WORLD}:53 60s outside egress=7/2`,
        ],
      }),
      toFabric(cut(client, `${WORLD}:53`)[1], { verdict: "drop", as: "no-nat-mapping" }),
    ],
  },
  {
    name: "knows later fragments of an echo by its identifier, and its type",
    given: (world: World) =>
      world.policy("b", 20, [{ direction: "ingress", protocol: PROTOCOL.icmp, port: ICMP.echo, rule: 2 }]),
    walk: [
      fromPod("a", icmp(A, B, { echoId: 9, id: 5, moreFragments: true }), {
        ...passes,
        changes: [
          `+ fragment icmp ${A} > ${B} #5 ports 9 0`,
          `+ ct icmp ${A}:9 > ${B}:0 60s egress=7/301 ingress=20/300`,
        ],
      }),
      fromPod(
        "a",
        ip(A, B, PROTOCOL.icmp, new Uint8Array(40), { id: 5, fragmentOffset: 16 }),
        {
          ...passes,
          changes: [`~ ct icmp ${A}:9 > ${B}:0 60s egress=7/301 ingress=21/300`],
          event: { flags: ICMP.echo, ingress: [21, 3, "l4"] },
        },
        {
          before: (world) =>
            world.policy("b", 21, [
              { direction: "ingress", protocol: PROTOCOL.icmp, port: ICMP.echo, rule: 3 },
            ]),
        },
      ),
    ],
  },
  {
    name: "drops the rest of other ICMP",
    walk: [
      fromPod("a", icmp(A, B, { type: ICMP.timestamp, id: 6, moreFragments: true }), passes),
      fromPod("a", ip(A, B, PROTOCOL.icmp, new Uint8Array(40), { id: 6, fragmentOffset: 16 }), unknown),
    ],
  },
  {
    name: "passes what may not be cut, and is not, as any other packet",
    walk: [fromPod("a", udp(client, server), { ...passes, changes: [`+ ${FLOW}`] })],
  },
];

export const fragments: Suite = (runner, create) => walks(runner, create, "fragments", cases);
