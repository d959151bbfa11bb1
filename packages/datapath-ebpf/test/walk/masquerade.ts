import { FLAG, ICMP, icmp, icmpError, ip, PROTOCOL, sctp, tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromFabric, fromPod, toFabric, walks, type Step, type WalkCase } from "./case.ts";
import { A, B, IDENTITY, NODE, OTHER_NODE, REMOTE, VIP, WORLD } from "./world.ts";

const { SYN, ACK } = FLAG;
const client = `${A}:40000`;
const peer = `${WORLD}:443`;
const outside = `${NODE}:40000`;
const leaves = { verdict: "next", as: "to-netdev" } as const;
const passes = { verdict: "redirect", as: "to-endpoint" } as const;
const next = { verdict: "next" } as const;

const mapped = (protocol: string, from: string, to: string, as: string, life: string): string[] => [
  `+ nat out ${protocol} ${from} > ${to} as ${as} ${life}`,
  `+ nat back ${protocol} ${to} > ${as} to ${from} ${life}`,
];

/** On its way out, twice: from the pod, and by the uplink. */
const out: readonly Step[] = [
  fromPod("a", tcp(client, peer), {
    verdict: "redirect",
    as: "to-netdev",
    changes: [`+ ct tcp ${client} > ${peer} 60s S/- outside egress=7/2`],
  }),
  toFabric(tcp(client, peer), {
    ...leaves,
    from: outside,
    changes: mapped("tcp", client, peer, outside, "8000s"),
    event: { endpoint: 1, identities: [IDENTITY.a, IDENTITY.world], state: "new" },
  }),
];

const both: readonly WalkCase[] = [
  {
    name: "sends a pod's packet out under the node's address and its own port, and restores the answer",
    walk: [
      ...out,
      fromFabric(tcp(peer, outside, { flags: SYN | ACK }), {
        ...passes,
        to: client,
        changes: [`~ ct tcp ${client} > ${peer} 8000s S/S seen-reply outside egress=7/2`],
        event: {
          endpoint: 1,
          state: "reply",
          identities: [IDENTITY.world, IDENTITY.a],
          ingress: [0, 0, "none"],
        },
      }),
      toFabric(tcp(client, peer, { flags: ACK }), { ...leaves, from: outside }),
    ],
  },
  {
    name: "gives a port below the range another, and keeps to it",
    walk: [
      toFabric(udp(`${A}:53`, `${WORLD}:53`), {
        ...leaves,
        from: `${NODE}:<port>`,
        changes: mapped("udp", `${A}:53`, `${WORLD}:53`, `${NODE}:<port>`, "60s"),
      }),
      toFabric(udp(`${A}:53`, `${WORLD}:53`), { ...leaves, from: `${NODE}:<port>` }),
      fromFabric((port) => udp(`${WORLD}:53`, `${NODE}:${port}`), {
        ...passes,
        to: `${A}:53`,
        changes: [`+ ct udp ${WORLD}:53 > ${A}:53 60s ingress=7/2`],
      }),
    ],
  },
  {
    name: "leaves a UDP checksum of 0 what it is",
    walk: [
      toFabric(udp(client, peer, { checksum: false }), {
        ...leaves,
        from: outside,
        changes: mapped("udp", client, peer, outside, "60s"),
      }),
    ],
  },
  {
    name: "restores an answer before a service's: the frontend's address for the world's backend",
    given: (world) => world.service(`${VIP}:80`, PROTOCOL.tcp, [peer]),
    walk: [
      fromPod("a", tcp(client, `${VIP}:80`), {
        verdict: "redirect",
        as: "to-netdev",
        to: peer,
        changes: [
          `+ ct tcp ${client} > ${VIP}:80 8000s S/- service nat=${peer} backend=1`,
          `+ ct tcp ${client} > ${peer} 60s S/- translated outside nat=${VIP}:80 egress=7/2`,
        ],
      }),
      out[1]!,
      fromFabric(tcp(peer, outside, { flags: SYN | ACK }), {
        ...passes,
        from: `${VIP}:80`,
        to: client,
        changes: [
          `~ ct tcp ${client} > ${peer} 8000s S/S seen-reply translated outside nat=${VIP}:80 egress=7/2`,
        ],
      }),
      fromFabric(icmpError("198.51.100.1", NODE, tcp(outside, peer), { type: ICMP.timeExceeded }), {
        ...passes,
        to: `${A}:0`,
        inner: [client, `${VIP}:80`],
        event: { state: "related" },
      }),
    ],
  },
  {
    name: "drops an answer to a pod that is gone",
    walk: [
      fromFabric(
        udp(peer, outside),
        { verdict: "drop", as: "unroutable" },
        {
          before: (world) => world.mapped("10.1.0.77:40000", peer, 40_000, PROTOCOL.udp),
        },
      ),
    ],
  },
  {
    name: "asks the pod's policy where conntrack has forgotten the flow",
    given: (world) => {
      world.mapped(client, peer, 40_000, PROTOCOL.udp);
      world.policy("a", 20, [{ direction: "ingress", identity: 999 }]);
    },
    walk: [
      fromFabric(udp(peer, outside), { verdict: "drop", as: "policy-denied", event: { newTo: client } }),
    ],
  },
];

const untouched: readonly WalkCase[] = [
  { name: "the node's own", packet: tcp(`${NODE}:40000`, peer) },
  { name: "the tunnel's outside", packet: udp(`${NODE}:40000`, `${OTHER_NODE}:8472`) },
  { name: "that of nobody here", packet: tcp(`${REMOTE}:40000`, peer) },
  { name: "that of the node which cannot be read", packet: udp(`${NODE}:1`, peer).slice(0, 41) },
].map(({ name, packet }): WalkCase => ({ name: `leaves ${name} alone`, walk: [toFabric(packet, next)] }));

const alone: readonly WalkCase[] = [
  ...untouched,
  {
    name: "leaves a packet alone that bears the mark of a pod's own address",
    walk: [toFabric(tcp(client, peer), next, { mark: 0x5a00_0380 }), { ...out[1]!, mark: 0x0380_0c80 }],
  },
  {
    name: "leaves everything alone where it is told to",
    options: { masquerade: false },
    walk: [toFabric(tcp(client, peer), next), toFabric(ip(A, WORLD, 47, new Uint8Array(8)), next)],
  },
  {
    name: "drops a pod's packet that it cannot read",
    walk: [toFabric(udp(client, peer).slice(0, 41), { verdict: "drop", as: "invalid-packet" })],
  },
  ...[
    { what: "a protocol without ports", packet: ip(A, WORLD, 47, new Uint8Array(8)) },
    { what: "ICMP that is no echo", packet: icmp(A, WORLD, { type: ICMP.timestamp }) },
    {
      what: "an answer to an echo that nobody sent",
      packet: icmp(A, WORLD, { type: ICMP.echoReply, echoId: 40_000 }),
    },
  ].map(({ what, packet }): WalkCase => ({
    name: `drops ${what}: no answer would find back`,
    walk: [toFabric(packet, { verdict: "drop", as: "unknown-l4" })],
  })),
  {
    name: "keeps SCTP's port, which its checksum covers, or drops it",
    walk: [
      fromPod("a", sctp(client, peer), {
        verdict: "redirect",
        as: "to-netdev",
        changes: [`+ ct sctp ${client} > ${peer} 60s outside egress=7/2`],
      }),
      toFabric(sctp(client, peer), {
        ...leaves,
        from: outside,
        changes: mapped("sctp", client, peer, outside, "60s"),
      }),
      toFabric(sctp(`${B}:40000`, peer), { verdict: "drop", as: "no-nat-mapping" }),
      toFabric(sctp(`${A}:5000`, peer), { verdict: "drop", as: "no-nat-mapping" }),
    ],
  },
];

const ping = icmp(A, WORLD, { echoId: 40_000 });

const echo: readonly WalkCase[] = [
  {
    name: "masquerades an echo by its identifier, and restores its answer",
    walk: [
      fromPod("a", ping, {
        verdict: "redirect",
        as: "to-netdev",
        changes: [`+ ct icmp ${A}:40000 > ${WORLD}:0 60s outside egress=7/2`],
      }),
      toFabric(ping, {
        ...leaves,
        from: `${NODE}:40000`,
        to: `${WORLD}:40000`,
        changes: mapped("icmp", `${A}:40000`, `${WORLD}:0`, `${NODE}:40000`, "60s"),
      }),
      fromFabric(icmp(WORLD, NODE, { type: ICMP.echoReply, echoId: 40_000 }), {
        ...passes,
        to: `${A}:40000`,
        changes: [`~ ct icmp ${A}:40000 > ${WORLD}:0 60s seen-reply outside egress=7/2`],
        event: { state: "reply", to: `${NODE}:40000`, newTo: `${A}:40000` },
      }),
      // Not for the pod, though it bears the same number.
      fromFabric(icmp(WORLD, NODE, { echoId: 40_000 }), next),
    ],
  },
  {
    name: "gives an identifier below the range another",
    walk: [
      toFabric(icmp(A, WORLD, { echoId: 7 }), {
        ...leaves,
        from: `${NODE}:<port>`,
        to: `${WORLD}:<port>`,
        changes: mapped("icmp", `${A}:7`, `${WORLD}:0`, `${NODE}:<port>`, "60s"),
      }),
      fromFabric((port) => icmp(WORLD, NODE, { type: ICMP.echoReply, echoId: port }), {
        ...passes,
        from: `${WORLD}:7`,
        to: `${A}:7`,
        changes: [`+ ct icmp ${WORLD}:0 > ${A}:7 60s ingress=7/2`],
      }),
    ],
  },
];

const router = "198.51.100.1";

const errors: readonly WalkCase[] = [
  ...[ICMP.unreachable, ICMP.timeExceeded].map((type): WalkCase => ({
    name: `restores an error of type ${type} about a pod's packet, inside and outside`,
    walk: [
      ...out,
      fromFabric(icmpError(router, NODE, tcp(outside, peer), { type, quoted: 28 }), {
        ...passes,
        to: `${A}:0`,
        inner: [client, peer],
        event: { state: "related", ingress: [0, 0, "none"] },
      }),
    ],
  })),
  {
    name: "restores an error about an echo",
    walk: [
      toFabric(icmp(A, WORLD, { echoId: 7 }), {
        ...leaves,
        from: `${NODE}:<port>`,
        to: `${WORLD}:<port>`,
        changes: mapped("icmp", `${A}:7`, `${WORLD}:0`, `${NODE}:<port>`, "60s"),
      }),
      fromFabric((port) => icmpError(router, NODE, icmp(NODE, WORLD, { echoId: port })), {
        ...passes,
        to: `${A}:0`,
        inner: [`${A}:7`, `${WORLD}:7`],
        // Conntrack does not know it here: the pod's policy is asked.
        event: { state: "new" },
      }),
    ],
  },
  {
    name: "leaves an error about the node's own packet, or about nobody's, to the stack",
    walk: [
      ...out,
      fromFabric(icmpError(router, NODE, tcp(`${NODE}:40001`, peer)), next),
      fromFabric(icmpError(router, NODE, tcp("192.0.2.1:40000", peer)), next),
    ],
  },
  {
    name: "sends a pod's error about an answer out as the node's, about what the node sent",
    walk: [
      ...out,
      fromPod("a", icmpError(A, WORLD, tcp(peer, client)), {
        verdict: "redirect",
        as: "to-netdev",
        event: { state: "related" },
      }),
      toFabric(icmpError(A, WORLD, tcp(peer, client)), {
        ...leaves,
        from: `${NODE}:0`,
        inner: [peer, outside],
      }),
    ],
  },
  {
    name: "sends a pod's error about what the world began out as the pod's",
    walk: [toFabric(icmpError(A, WORLD, tcp(peer, client)), { ...leaves, inner: [peer, client] })],
  },
];

export const masquerade: Suite = (runner, create) => {
  walks(runner, create, "masquerading", both);
  walks(runner, create, "what is not masqueraded", alone);
  walks(runner, create, "masquerading of echoes", echo);
  walks(runner, create, "ICMP errors about masqueraded flows", errors);
};
