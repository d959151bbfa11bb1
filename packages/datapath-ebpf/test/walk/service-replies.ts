import assert from "node:assert/strict";
import { FLAG, icmpError, ICMP, PROTOCOL, tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromFabric, fromPod, fromTunnel, toPod, walks, type Step, type WalkCase } from "./case.ts";
import { A, B, C, IDENTITY, LOOPBACK, NODE, OTHER_NODE, REMOTE, VIP, WORLD, type World } from "./world.ts";

const { SYN, ACK } = FLAG;
const DNS = `${VIP}:53`;
const client = `${A}:40000`;
const backend = `${B}:5353`;
const passes = { verdict: "redirect", as: "to-endpoint" } as const;

const dns =
  (...backends: string[]) =>
  (world: World) =>
    world.service(DNS, PROTOCOL.udp, backends);

const SERVICE = `ct udp ${client} > ${DNS} 60s service nat=${backend} backend=1`;
const flow = (flags = "", frontend = DNS): string =>
  `ct udp ${client} > ${backend} 60s${flags} translated nat=${frontend} egress=7/301 ingress=7/300`;
const DIRECT = `ct udp ${client} > ${backend} 60s egress=7/301 ingress=7/300`;

const asked: Step = fromPod("a", udp(client, DNS), {
  ...passes,
  to: backend,
  changes: [`+ ${SERVICE}`, `+ ${flow()}`],
});
const answered: Step = fromPod("b", udp(backend, client), {
  ...passes,
  from: DNS,
  changes: [`~ ${flow(" seen-reply")}`],
  event: { state: "reply", identities: [IDENTITY.b, IDENTITY.a], service: 0 },
});

const replies: readonly WalkCase[] = [
  { name: "gives an answer the frontend's address back", given: dns(backend), walk: [asked, answered] },
  {
    name: "leaves a UDP checksum of 0 what it is, both ways",
    given: dns(backend),
    walk: [
      { ...asked, packet: udp(client, DNS, { checksum: false }) },
      { ...answered, packet: udp(backend, client, { checksum: false }) },
    ],
  },
  {
    name: "writes a UDP checksum that comes out as 0 as 0xffff, for 0 says that there is none",
    given: dns(backend),
    walk: [
      asked,
      answered,
      {
        ...answered,
        packet: udp(backend, client, { payload: zeroSum() }),
        expect: {
          ...answered.expect,
          changes: [],
          also: ({ packet }) => assert.deepEqual([...packet.slice(14 + 20 + 6, 14 + 20 + 8)], [0xff, 0xff]),
        },
      },
    ],
  },
  {
    name: "gives an answer through the tunnel the frontend's address back",
    given: (world) => world.service(`${VIP}:80`, PROTOCOL.tcp, [`${REMOTE}:8080`]),
    walk: [
      fromPod("a", tcp(client, `${VIP}:80`), {
        verdict: "redirect",
        as: "to-overlay",
        to: `${REMOTE}:8080`,
        changes: [
          `+ ct tcp ${client} > ${VIP}:80 8000s S/- service nat=${REMOTE}:8080 backend=1`,
          `+ ct tcp ${client} > ${REMOTE}:8080 60s S/- translated nat=${VIP}:80 egress=7/400`,
        ],
      }),
      fromTunnel(IDENTITY.remote, OTHER_NODE, tcp(`${REMOTE}:8080`, client, { flags: SYN | ACK }), {
        ...passes,
        from: `${VIP}:80`,
        changes: [
          `~ ct tcp ${client} > ${REMOTE}:8080 8000s S/S seen-reply translated nat=${VIP}:80 egress=7/400`,
        ],
        event: { state: "reply", ingress: [0, 0, "none"] },
      }),
    ],
  },
  {
    name: "leaves answers alone where a pod asks the backend itself, on the ports it asked the frontend from",
    given: dns(backend),
    walk: [
      asked,
      fromPod("a", udp(client, backend), {
        ...passes,
        changes: [`~ ${DIRECT}`],
        event: { state: "established" },
      }),
      fromPod("b", udp(backend, client), {
        ...passes,
        changes: [`~ ct udp ${client} > ${backend} 60s seen-reply egress=7/301 ingress=7/300`],
      }),
    ],
  },
  {
    name: "gives answers the frontend's address where a pod asks it on the ports it asked the backend from",
    given: dns(backend),
    walk: [
      fromPod("a", udp(client, backend), { ...passes, changes: [`+ ${DIRECT}`] }),
      { ...asked, expect: { ...asked.expect, changes: [`+ ${SERVICE}`, `~ ${flow()}`] } },
      answered,
    ],
  },
  {
    name: "gives answers the address of the frontend that was asked last, of two with one backend",
    given: (world) => {
      dns(backend)(world);
      world.service("10.96.0.11:53", PROTOCOL.udp, [backend], { id: 6 });
    },
    walk: [
      asked,
      fromPod("a", udp(client, "10.96.0.11:53"), {
        ...passes,
        to: backend,
        changes: [
          `+ ct udp ${client} > 10.96.0.11:53 60s service nat=${backend} backend=1`,
          `~ ${flow("", "10.96.0.11:53")}`,
        ],
      }),
      fromPod("b", udp(backend, client), {
        ...passes,
        from: "10.96.0.11:53",
        changes: [`~ ${flow(" seen-reply", "10.96.0.11:53")}`],
      }),
    ],
  },
];

/** A payload that brings the datagram's checksum to 0 on its way from the frontend to the client (RFC 768). */
function zeroSum(): Uint8Array {
  const datagram = udp(DNS, client, { payload: new Uint8Array(2) });
  return datagram.slice(14 + 20 + 6, 14 + 20 + 8);
}

const inner = [client, DNS] as const;

const errors: readonly WalkCase[] = [
  ...[ICMP.unreachable, ICMP.timeExceeded].map((type): WalkCase => ({
    name: `names the frontend in a backend's error of type ${type}`,
    given: dns(backend),
    walk: [
      asked,
      fromPod("b", icmpError(B, A, udp(client, backend), { type }), {
        ...passes,
        inner,
        event: { state: "related" },
      }),
    ],
  })),
  {
    name: "names it in an error that quotes no more than eight bytes, and in one by a router behind the tunnel",
    given: (world) => world.service(`${VIP}:80`, PROTOCOL.tcp, [`${REMOTE}:8080`]),
    walk: [
      fromPod("a", tcp(client, `${VIP}:80`), {
        verdict: "redirect",
        as: "to-overlay",
        to: `${REMOTE}:8080`,
        changes: [
          `+ ct tcp ${client} > ${VIP}:80 8000s S/- service nat=${REMOTE}:8080 backend=1`,
          `+ ct tcp ${client} > ${REMOTE}:8080 60s S/- translated nat=${VIP}:80 egress=7/400`,
        ],
      }),
      fromTunnel(
        IDENTITY.remoteNode,
        OTHER_NODE,
        icmpError(OTHER_NODE, A, tcp(client, `${REMOTE}:8080`), { quoted: 28 }),
        {
          ...passes,
          inner: [client, `${VIP}:80`],
          event: { state: "related" },
        },
      ),
    ],
  },
  {
    name: "sends a client's error about a frontend's answer to the backend, as about its own",
    given: dns(backend),
    walk: [
      asked,
      answered,
      fromPod("a", icmpError(A, VIP, udp(DNS, client)), {
        ...passes,
        to: `${B}:0`,
        inner: [backend, client],
        event: { state: "related", identities: [IDENTITY.a, IDENTITY.b] },
      }),
    ],
  },
];

const forged = { verdict: "drop", as: "invalid-source-ip" } as const;

const impostors: readonly WalkCase[] = [
  {
    name: "lets nobody answer from a frontend's address, wherever that comes from",
    given: dns(backend),
    walk: [
      asked,
      fromFabric(udp(DNS, client), { ...forged, event: { state: "reply" } }),
      fromTunnel(IDENTITY.remote, OTHER_NODE, udp(DNS, client), forged),
      toPod("a", udp(DNS, client), forged),
      // The client knows nothing of it.
      answered,
    ],
  },
  {
    name: "lets nobody tell of a packet to a frontend, which never was on the way",
    given: dns(backend),
    walk: [
      asked,
      fromFabric(icmpError(WORLD, A, udp(client, DNS)), { ...forged, event: { state: "related" } }),
      fromTunnel(IDENTITY.remote, OTHER_NODE, icmpError(REMOTE, A, udp(client, DNS)), forged),
      toPod("a", icmpError(NODE, A, udp(client, DNS)), forged),
    ],
  },
  {
    name: "lets no pod answer whose address is a frontend's, nor tell of a packet to it",
    given: (world) => world.service(`${B}:53`, PROTOCOL.udp, [`${C}:5353`]),
    walk: [
      fromPod("a", udp(client, `${B}:53`), {
        ...passes,
        to: `${C}:5353`,
        changes: [
          `+ ct udp ${client} > ${B}:53 60s service nat=${C}:5353 backend=1`,
          `+ ct udp ${client} > ${C}:5353 60s translated nat=${B}:53 egress=7/302 ingress=7/300`,
        ],
      }),
      fromPod("b", udp(`${B}:53`, client), forged),
      fromPod("b", icmpError(B, A, udp(client, `${B}:53`)), forged),
    ],
  },
];

const own = `${A}:5353`;
const looped = `${LOOPBACK}:40000`;
const LOOP = (flags = ""): string => `ct udp ${looped} > ${own} 60s${flags} translated loopback nat=${DNS}`;

const self: Step = fromPod("a", udp(client, DNS), {
  ...passes,
  from: looped,
  to: own,
  changes: [`+ ct udp ${client} > ${DNS} 60s service nat=${own} backend=1`, `+ ${LOOP()}`],
  event: {
    identities: [IDENTITY.a, IDENTITY.a],
    egress: [0, 0, "self"],
    ingress: [0, 0, "self"],
    state: "new",
  },
});

const loops: readonly WalkCase[] = [
  {
    name: "shows a pod that a service sends to itself another address, and itself the frontend's",
    given: (world) => {
      dns(own)(world);
      world.policy("a", 20, [
        { direction: "egress", deny: true },
        { direction: "ingress", deny: true },
      ]);
    },
    walk: [
      self,
      fromPod("a", udp(own, looped), {
        ...passes,
        from: DNS,
        to: client,
        changes: [`~ ${LOOP(" seen-reply")}`],
        event: { state: "reply" },
      }),
      { ...self, expect: { ...self.expect, changes: [], event: { state: "established" } } },
    ],
  },
  {
    name: "tells a pod of an error about its own packet to itself",
    given: dns(own),
    walk: [
      self,
      fromPod("a", icmpError(A, LOOPBACK, udp(looped, own)), {
        ...passes,
        from: `${VIP}:0`,
        to: `${A}:0`,
        inner,
        event: { state: "related" },
      }),
    ],
  },
];

export const serviceReplies: Suite = (runner, create) => {
  walks(runner, create, "answers of services", replies);
  walks(runner, create, "ICMP errors about flows of services", errors);
  walks(runner, create, "answers that no service gives", impostors);
  walks(runner, create, "a pod's services to itself", loops);
};
