import { FLAG, tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromPod, fromTunnel, toPod, walks, type Expectation, type Step, type WalkCase } from "./case.ts";
import { A, B, IDENTITY, NODE, OTHER_NODE, REMOTE } from "./world.ts";

const { SYN, ACK, FIN, RST, PSH } = FLAG;
const FLOW = `tcp ${A}:40000 > ${B}:80`;
const BOTH = "egress=7/301 ingress=7/300";
const client = `${A}:40000`;
const server = `${B}:80`;

const ended = { verdict: "drop", as: "ttl-exceeded" } as const;

/** Of the connection between a and b. */
const there = (flags: number, changes: readonly string[], event: Expectation["event"] = {}): Step =>
  fromPod("a", tcp(client, server, { flags }), { verdict: "redirect", as: "to-endpoint", changes, event });

const back = (flags: number, changes: readonly string[], event: Expectation["event"] = {}): Step =>
  fromPod("b", tcp(server, client, { flags }), { verdict: "redirect", as: "to-endpoint", changes, event });

const opened: readonly Step[] = [
  there(SYN, [`+ ct ${FLOW} 60s S/- ${BOTH}`], { state: "new" }),
  back(SYN | ACK, [`~ ct ${FLOW} 8000s S/S seen-reply ${BOTH}`], { state: "reply" }),
  there(ACK, [], { state: "established", egress: [7, 0, "cached"], ingress: [7, 0, "cached"] }),
];

const lives: readonly WalkCase[] = [
  { name: "gives a connection one entry, and a long life once it is answered", walk: opened },
  {
    name: "keeps a connection's ends apart where the low end answers",
    walk: [
      fromPod("b", tcp(`${B}:40000`, `${A}:80`), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`+ ct tcp ${B}:40000 > ${A}:80 60s S/- egress=7/300 ingress=7/301`],
      }),
      fromPod("a", tcp(`${A}:80`, `${B}:40000`, { flags: SYN | ACK }), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`~ ct tcp ${B}:40000 > ${A}:80 8000s S/S seen-reply egress=7/300 ingress=7/301`],
        event: { state: "reply" },
      }),
    ],
  },
  {
    name: "tells connections apart by each of their ports, and protocols",
    walk: [
      there(SYN, [`+ ct ${FLOW} 60s S/- ${BOTH}`], { state: "new" }),
      fromPod("a", tcp(`${A}:40001`, server), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`+ ct tcp ${A}:40001 > ${server} 60s S/- ${BOTH}`],
      }),
      fromPod("a", udp(client, server), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`+ ct udp ${client} > ${server} 60s ${BOTH}`],
      }),
      // The same numbers, crossed: no answer to anything.
      fromPod("b", tcp(`${B}:40000`, `${A}:80`), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`+ ct tcp ${B}:40000 > ${A}:80 60s S/- egress=7/300 ingress=7/301`],
        event: { state: "new" },
      }),
    ],
  },
  {
    name: "takes up a connection in the middle, with a long life",
    walk: [there(ACK | PSH, [`+ ct ${FLOW} 8000s -/- ${BOTH}`], { state: "new" })],
  },
  {
    name: "gives a datagram's flow a minute, and another with each packet",
    walk: [
      fromPod("a", udp(client, server), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`+ ct udp ${client} > ${server} 60s ${BOTH}`],
      }),
      fromPod(
        "a",
        udp(client, server),
        {
          verdict: "redirect",
          as: "to-endpoint",
          changes: [`~ ct udp ${client} > ${server} 60s ${BOTH}`],
          event: { state: "established" },
        },
        { before: (world) => world.age([client, server], { expires: world.in(20) }) },
      ),
      fromPod("b", udp(server, client), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`~ ct udp ${client} > ${server} 60s seen-reply ${BOTH}`],
        event: { state: "reply" },
      }),
    ],
  },
  {
    name: "notes no packet that goes no further",
    walk: [
      there(SYN, [`+ ct ${FLOW} 60s S/- ${BOTH}`]),
      fromPod("b", tcp(server, client, { flags: SYN | ACK, ttl: 1 }), ended),
      fromPod("a", tcp(client, server, { flags: FIN | ACK, ttl: 1 }), ended),
      fromTunnel(IDENTITY.remote, OTHER_NODE, tcp(`${REMOTE}:40000`, `${A}:80`), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`+ ct tcp ${REMOTE}:40000 > ${A}:80 60s S/- ingress=7/400`],
      }),
      fromTunnel(
        IDENTITY.remote,
        OTHER_NODE,
        tcp(`${REMOTE}:40000`, `${A}:80`, { flags: RST, ttl: 1 }),
        ended,
      ),
      toPod("a", tcp(`${NODE}:40000`, `${A}:80`, { ttl: 1 }), {
        verdict: "accept",
        as: "to-endpoint",
        changes: [`+ ct tcp ${NODE}:40000 > ${A}:80 60s S/- ingress=7/1`],
      }),
    ],
  },
  {
    name: "takes an entry that has expired for none, and replaces it",
    walk: [
      ...opened,
      {
        ...back(ACK, [`~ ct tcp ${server} > ${client} 8000s -/- egress=7/300 ingress=7/301`], {
          state: "new",
        }),
        before: (world) => world.age([client, server], { expires: world.in(-1) }),
      },
    ],
  },
];

const CLOSING = "seen-reply closing-origin";
const CLOSED = `${CLOSING} closing-reply`;

const ends: readonly WalkCase[] = [
  {
    name: "lets a connection that both ends close go soon",
    walk: [
      ...opened,
      there(FIN | ACK, [`~ ct ${FLOW} 8000s SF/S ${CLOSING} ${BOTH}`]),
      back(ACK, []),
      back(FIN | ACK, [`~ ct ${FLOW} 10s SF/SF ${CLOSED} ${BOTH}`], { state: "reply" }),
      there(ACK, [], { state: "established" }),
    ],
  },
  {
    name: "lets the other end speak on for as long as it likes",
    walk: [
      ...opened,
      back(FIN | ACK, [`~ ct ${FLOW} 8000s S/SF seen-reply closing-reply ${BOTH}`]),
      there(ACK | PSH, [], { state: "established" }),
    ],
  },
  {
    name: "lets a connection go soon that either end resets",
    walk: [...opened, back(RST, [`~ ct ${FLOW} 10s S/SR ${CLOSED} ${BOTH}`])],
  },
  {
    name: "lets a refused connection go soon",
    walk: [opened[0]!, back(RST | ACK, [`~ ct ${FLOW} 10s S/R ${CLOSED} ${BOTH}`], { state: "reply" })],
  },
  {
    name: "takes a new connection on the ports of one that ends for a new one",
    walk: [
      ...opened,
      there(RST, [`~ ct ${FLOW} 10s SR/S ${CLOSED} ${BOTH}`]),
      there(SYN, [`~ ct ${FLOW} 60s S/- ${BOTH}`], { state: "new", egress: [7, 0, "none"] }),
    ],
  },
  {
    name: "also where the other end opens it",
    walk: [
      ...opened,
      there(FIN | ACK, [`~ ct ${FLOW} 8000s SF/S ${CLOSING} ${BOTH}`]),
      back(SYN, [`~ ct tcp ${server} > ${client} 60s S/- egress=7/300 ingress=7/301`], { state: "new" }),
    ],
  },
  {
    name: "asks policy of a new connection on the ports of one that ends",
    walk: [
      ...opened,
      there(FIN | ACK, [`~ ct ${FLOW} 8000s SF/S ${CLOSING} ${BOTH}`]),
      fromPod(
        "a",
        tcp(client, server),
        { verdict: "drop", as: "policy-denied", event: { state: "new", ingress: [20, 0, "none"] } },
        { before: (world) => world.policy("b", 20, [{ direction: "ingress", identity: 999 }]) },
      ),
    ],
  },
  {
    name: "takes a SYN that comes again on a live connection for part of it",
    walk: [...opened, there(SYN, [], { state: "established" })],
  },
];

const others: readonly WalkCase[] = [
  {
    name: "knows flows of other nodes' pods",
    walk: [
      fromTunnel(IDENTITY.remote, OTHER_NODE, tcp(`${REMOTE}:40000`, `${A}:80`), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`+ ct tcp ${REMOTE}:40000 > ${A}:80 60s S/- ingress=7/400`],
        event: { state: "new", endpoint: 1, identities: [IDENTITY.remote, IDENTITY.a], tunnel: OTHER_NODE },
      }),
      fromPod("a", tcp(`${A}:80`, `${REMOTE}:40000`, { flags: SYN | ACK }), {
        verdict: "redirect",
        as: "to-overlay",
        changes: [`~ ct tcp ${REMOTE}:40000 > ${A}:80 8000s S/S seen-reply ingress=7/400`],
        event: { state: "reply", egress: [0, 0, "none"] },
      }),
      fromTunnel(IDENTITY.remote, OTHER_NODE, tcp(`${REMOTE}:40000`, `${A}:80`, { flags: ACK }), {
        verdict: "redirect",
        as: "to-endpoint",
        event: { state: "established", ingress: [7, 0, "cached"] },
      }),
    ],
  },
  {
    name: "knows flows of the node's own stack",
    walk: [
      toPod("a", tcp(`${NODE}:40000`, `${A}:80`), {
        verdict: "accept",
        as: "to-endpoint",
        changes: [`+ ct tcp ${NODE}:40000 > ${A}:80 60s S/- ingress=7/1`],
        event: { state: "new" },
      }),
      fromPod("a", tcp(`${A}:80`, `${NODE}:40000`, { flags: SYN | ACK }), {
        verdict: "accept",
        as: "to-stack",
        changes: [`~ ct tcp ${NODE}:40000 > ${A}:80 8000s S/S seen-reply ingress=7/1`],
        event: { state: "reply" },
      }),
    ],
  },
];

export const conntrack: Suite = (runner, create) => {
  walks(runner, create, "conntrack", lives);
  walks(runner, create, "the end of a connection", ends);
  walks(runner, create, "conntrack beyond the node's pods", others);
};
