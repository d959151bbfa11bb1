import { maglevTable } from "@netloom/core";
import { BackendState, Limits } from "@netloom/core/backend";
import { FLAG, PROTOCOL, tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromPod, toPod, walks, type Step, type WalkCase } from "./case.ts";
import { flowHash } from "./flow-hash.ts";
import { A, B, C, NOBODY, NODE, OTHER_NODE, REMOTE, WORLD } from "./world.ts";
import { WEB, DNS, client, ID, web, entry, flow } from "./service-questions.ts";

const { ACK } = FLAG;
/** A frontend of the node's own address. */
const NODE_WEB = `${NODE}:30080`;
const taken = { verdict: "accept", as: "to-stack" } as const;
const NOBODY_LISTENS = `${NOBODY}:8080`;
const POOL = [`${B}:1001`, `${B}:1002`, `${B}:1003`];

const choices: readonly WalkCase[] = [
  {
    name: "sends a packet for a frontend to a backend, and asks policy about the backend",
    given: (world) => {
      web(`${B}:8080`)(world);
      world.policy("b", 20, [
        { direction: "ingress", identity: 300, protocol: PROTOCOL.tcp, port: 8080, rule: 3 },
      ]);
    },
    walk: [
      fromPod("a", tcp(client, WEB), {
        verdict: "redirect",
        as: "to-endpoint",
        to: `${B}:8080`,
        changes: [
          `+ ${entry(`${B}:8080`, 1)}`,
          `+ ${flow(`${B}:8080`, "60s S/-", "egress=7/301 ingress=20/300")}`,
        ],
        event: { service: ID, ingress: [20, 3, "l3-l4"] },
      }),
    ],
  },
  {
    name: "makes no entry for what policy refuses",
    given: (world) => {
      web(`${B}:8080`)(world);
      world.policy("b", 20, [{ direction: "ingress", identity: 999 }]);
    },
    walk: [
      fromPod("a", tcp(client, WEB), {
        verdict: "drop",
        as: "policy-denied",
        event: { service: ID, newTo: `${B}:8080`, ingress: [20, 0, "none"] },
      }),
    ],
  },
  {
    name: "makes no entry for what goes nowhere",
    given: web(NOBODY_LISTENS),
    walk: [
      fromPod("a", tcp(client, WEB), {
        verdict: "drop",
        as: "unroutable",
        event: { service: ID, newTo: NOBODY_LISTENS },
      }),
    ],
  },
  {
    name: "chooses as core's Maglev table says, for any flow",
    given: (world) => {
      const names = ["x", "y", "z"].map((name) => ({ name, weight: 1 }));
      const table = Uint16Array.from(maglevTable(names, Limits.MAGLEV_SLOTS), (at) => at + 1);
      world.service(DNS, PROTOCOL.udp, POOL, { table });
    },
    walk: Array.from({ length: 24 }, (_, at) => chosenByTable(40_000 + at * 977)),
  },
  {
    name: "tells frontends apart by protocol and port",
    given: (world) => {
      web(`${B}:8080`)(world);
      world.service(DNS, PROTOCOL.udp, [`${C}:5353`], { id: 6, first: 2 });
    },
    walk: [
      fromPod("a", udp(client, DNS), {
        verdict: "redirect",
        as: "to-endpoint",
        to: `${C}:5353`,
        changes: [
          `+ ct udp ${client} > ${DNS} 60s service nat=${C}:5353 backend=2`,
          `+ ct udp ${client} > ${C}:5353 60s translated nat=${DNS} egress=7/302 ingress=7/300`,
        ],
        event: { service: 6 },
      }),
      fromPod("a", udp(client, WEB), {
        verdict: "redirect",
        as: "to-netdev",
        changes: [`+ ct udp ${client} > ${WEB} 60s outside egress=7/2`],
        event: { service: 0 },
      }),
    ],
  },
  ...[
    {
      where: "another node's pod",
      backend: `${REMOTE}:8080`,
      as: "to-overlay",
      allowed: "egress=7/400",
      flag: "",
    },
    {
      where: "the world",
      backend: `${WORLD}:8080`,
      as: "to-netdev",
      allowed: "egress=7/2",
      flag: " outside",
    },
    { where: "the node", backend: `${NODE}:8080`, as: "to-stack", allowed: "egress=7/1", flag: " outside" },
  ].map(({ where, backend, as, allowed, flag }): WalkCase => ({
    name: `sends a packet for a frontend to ${where}`,
    given: web(backend),
    walk: [
      fromPod("a", tcp(client, WEB), {
        verdict: as === "to-stack" ? "accept" : "redirect",
        as,
        to: backend,
        changes: [
          `+ ${entry(backend, 1)}`,
          `+ ct tcp ${client} > ${backend} 60s S/- translated${flag} nat=${WEB} ${allowed}`,
        ],
        event: { tunnel: as === "to-overlay" ? OTHER_NODE : undefined },
      }),
    ],
  })),
  {
    name: "tells a frontend of the node's from its backend there by the port alone",
    given: (world) => world.service(NODE_WEB, PROTOCOL.tcp, [`${NODE}:80`]),
    walk: [
      fromPod("a", tcp(client, NODE_WEB), {
        ...taken,
        to: `${NODE}:80`,
        changes: [
          `+ ct tcp ${client} > ${NODE_WEB} 8000s S/- service nat=${NODE}:80 backend=1`,
          `+ ct tcp ${client} > ${NODE}:80 60s S/- translated outside nat=${NODE_WEB} egress=7/1`,
        ],
      }),
      fromPod("a", tcp(client, NODE_WEB, { flags: ACK }), {
        ...taken,
        to: `${NODE}:80`,
        changes: [`~ ct tcp ${client} > ${NODE}:80 8000s S/- translated outside nat=${NODE_WEB} egress=7/1`],
        event: { state: "established", egress: [7, 0, "cached"] },
      }),
    ],
  },
  {
    name: "takes a frontend that is its own backend for none",
    given: (world) => world.service(`${NODE}:80`, PROTOCOL.tcp, [`${NODE}:80`]),
    walk: [
      fromPod("a", tcp(client, `${NODE}:80`), {
        ...taken,
        changes: [`+ ct tcp ${client} > ${NODE}:80 60s S/- outside egress=7/1`],
        event: { service: ID },
      }),
    ],
  },
  {
    name: "takes one for none that becomes its own backend, and knows its answers",
    given: (world) => world.service(`${NODE}:80`, PROTOCOL.tcp, [`${B}:8080`]),
    walk: [
      fromPod("a", tcp(client, `${NODE}:80`), {
        verdict: "redirect",
        as: "to-endpoint",
        to: `${B}:8080`,
        changes: [
          `+ ct tcp ${client} > ${NODE}:80 8000s S/- service nat=${B}:8080 backend=1`,
          `+ ct tcp ${client} > ${B}:8080 60s S/- translated nat=${NODE}:80 egress=7/301 ingress=7/300`,
        ],
      }),
      fromPod(
        "a",
        tcp(client, `${NODE}:80`, { flags: ACK }),
        {
          ...taken,
          changes: [`~ ct tcp ${client} > ${NODE}:80 8000s -/- outside egress=7/1`],
          event: { state: "new", egress: [7, 0, "none"] },
        },
        {
          before: (world) => {
            world.service(`${NODE}:80`, PROTOCOL.tcp, [`${NODE}:80`], { first: 2 });
            world.backend(1, `${B}:8080`, PROTOCOL.tcp, BackendState.BACKEND_GONE);
          },
        },
      ),
      toPod("a", tcp(`${NODE}:80`, client, { flags: ACK }), {
        verdict: "accept",
        as: "to-endpoint",
        changes: [`~ ct tcp ${client} > ${NODE}:80 8000s -/- seen-reply outside egress=7/1`],
        event: { state: "reply" },
      }),
    ],
  },
  {
    name: "takes up an address that becomes a frontend while a flow to it lasts",
    walk: [
      fromPod("a", tcp(client, WEB), {
        verdict: "redirect",
        as: "to-netdev",
        changes: [`+ ct tcp ${client} > ${WEB} 60s S/- outside egress=7/2`],
      }),
      fromPod(
        "a",
        tcp(client, WEB),
        {
          verdict: "redirect",
          as: "to-endpoint",
          to: `${B}:8080`,
          changes: [`~ ${entry(`${B}:8080`, 1)}`, `+ ${flow(`${B}:8080`)}`],
        },
        { before: web(`${B}:8080`) },
      ),
    ],
  },
];

function chosenByTable(port: number): Step {
  const names = ["x", "y", "z"].map((name) => ({ name, weight: 1 }));
  const table = maglevTable(names, Limits.MAGLEV_SLOTS);
  const from = `${A}:${port}`;
  const hash = flowHash(from, DNS, PROTOCOL.udp);
  const backend = table[Math.floor((hash * Limits.MAGLEV_SLOTS) / 2 ** 32)]!;
  const to = POOL[backend]!;
  return fromPod("a", udp(from, DNS), {
    verdict: "redirect",
    as: "to-endpoint",
    to,
    changes: [
      `+ ct udp ${from} > ${DNS} 60s service nat=${to} backend=${backend + 1}`,
      `+ ct udp ${from} > ${to} 60s translated nat=${DNS} egress=7/301 ingress=7/300`,
    ],
  });
}

export const services: Suite = (runner, create) => walks(runner, create, "services", choices);
