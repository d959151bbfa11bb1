import { maglevTable } from "@netloom/core";
import { BackendState, Limits } from "@netloom/core/backend";
import { FLAG, PROTOCOL, tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromPod, walks, type Expectation, type Step, type WalkCase } from "./case.ts";
import { flowHash } from "./flow-hash.ts";
import { A, B, C, IDENTITY, NODE, OTHER_NODE, REMOTE, VIP, WORLD, type World } from "./world.ts";

const { ACK, FIN, RST } = FLAG;
const WEB = `${VIP}:80`;
const DNS = `${VIP}:53`;
const client = `${A}:40000`;
const ID = 5;

const web =
  (...backends: string[]) =>
  (world: World) =>
    world.service(WEB, PROTOCOL.tcp, backends);
const dns =
  (...backends: string[]) =>
  (world: World) =>
    world.service(DNS, PROTOCOL.udp, backends);

/** The two entries of a client's connection: to the frontend, and to the backend. */
const entry = (backend: string, index: number, life = "8000s", flags = "S/-"): string =>
  `ct tcp ${client} > ${WEB} ${life} ${flags} service nat=${backend} backend=${index}`;
const flow = (backend: string, life = "60s S/-", allowed = "egress=7/301 ingress=7/300"): string =>
  `ct tcp ${client} > ${backend} ${life} translated nat=${WEB} ${allowed}`;

const opened = (backend: string, index: number): Step =>
  fromPod("a", tcp(client, WEB), {
    verdict: "redirect",
    as: "to-endpoint",
    to: backend,
    changes: [`+ ${entry(backend, index)}`, `+ ${flow(backend)}`],
    event: { service: ID, state: "new", identities: [IDENTITY.a, IDENTITY.b] },
  });

const sent = (flags: number, to: string, expect: Partial<Expectation> = {}): Step =>
  fromPod("a", tcp(client, WEB, { flags }), { verdict: "redirect", as: "to-endpoint", to, ...expect });

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

const noBackend = { verdict: "drop", as: "no-backend" } as const;
const [ONE, TWO] = [`${B}:8080`, `${B}:9090`];
const moved = (world: World): void => world.service(WEB, PROTOCOL.tcp, [TWO], { first: 2 });

const lasting: readonly WalkCase[] = [
  {
    name: "keeps a flow with its backend, whatever the table says now",
    given: web(ONE),
    walk: [
      opened(ONE, 1),
      {
        ...sent(ACK, ONE, {
          changes: [`~ ${flow(ONE, "8000s S/-")}`],
          event: { service: 0, state: "established" },
        }),
        before: moved,
      },
      fromPod("a", tcp(`${A}:40001`, WEB), {
        verdict: "redirect",
        as: "to-endpoint",
        to: TWO,
        changes: [
          `+ ct tcp ${A}:40001 > ${WEB} 8000s S/- service nat=${TWO} backend=2`,
          `+ ct tcp ${A}:40001 > ${TWO} 60s S/- translated nat=${WEB} egress=7/301 ingress=7/300`,
        ],
      }),
    ],
  },
  {
    name: "keeps a flow with a backend that terminates, and gives it new ones where nobody else is left",
    given: web(ONE),
    walk: [
      opened(ONE, 1),
      {
        ...sent(ACK, ONE, { changes: [`~ ${flow(ONE, "8000s S/-")}`] }),
        before: (world) => world.backend(1, ONE, PROTOCOL.tcp, BackendState.BACKEND_TERMINATING),
      },
      fromPod("a", tcp(`${A}:40001`, WEB), {
        verdict: "redirect",
        as: "to-endpoint",
        to: ONE,
        changes: [
          `+ ct tcp ${A}:40001 > ${WEB} 8000s S/- service nat=${ONE} backend=1`,
          `+ ct tcp ${A}:40001 > ${ONE} 60s S/- translated nat=${WEB} egress=7/301 ingress=7/300`,
        ],
      }),
    ],
  },
  ...[
    {
      what: "is gone",
      change: (world: World) => world.backend(1, ONE, PROTOCOL.tcp, BackendState.BACKEND_GONE),
    },
    { what: "is another now", change: (world: World) => world.backend(1, `${C}:8080`, PROTOCOL.tcp) },
  ].map(({ what, change }): WalkCase => ({
    name: `gives a flow another backend when its own ${what}`,
    given: web(ONE),
    walk: [
      opened(ONE, 1),
      {
        ...sent(ACK, TWO, {
          changes: [`~ ${entry(TWO, 2, "8000s", "-/-")}`, `+ ${flow(TWO, "8000s -/-")}`],
          event: { service: ID },
        }),
        before: (world) => {
          moved(world);
          change(world);
        },
      },
    ],
  })),
  {
    name: "drops a packet for a frontend without backends, and makes no entry",
    given: web(),
    walk: [
      fromPod("a", tcp(client, WEB), { ...noBackend, event: { service: ID } }),
      fromPod("a", tcp(client, WEB), noBackend, {
        before: (world) => {
          moved(world);
          world.backend(2, TWO, PROTOCOL.tcp, BackendState.BACKEND_GONE);
        },
      }),
      fromPod("a", tcp(client, WEB), noBackend, { before: ({ maps }) => maps.maglev.delete(ID) }),
    ],
  },
  {
    name: "lets a flow go on whose service is gone, as long as its backend is there",
    given: web(ONE),
    walk: [
      opened(ONE, 1),
      {
        ...sent(ACK, ONE, { changes: [`~ ${flow(ONE, "8000s S/-")}`] }),
        before: (world) => world.withoutService(WEB, PROTOCOL.tcp),
      },
      fromPod("a", tcp(client, WEB, { flags: ACK }), noBackend, {
        before: (world) => world.backend(1, ONE, PROTOCOL.tcp, BackendState.BACKEND_GONE),
      }),
    ],
  },
  {
    name: "chooses anew for a new connection on the ports of one that ends",
    given: web(ONE),
    walk: [
      opened(ONE, 1),
      sent(FIN | ACK, ONE, {
        changes: [
          `~ ${entry(ONE, 1, "60s", "SF/- closing-origin")}`,
          `~ ${flow(ONE, "8000s SF/- closing-origin")}`,
        ],
      }),
      {
        ...opened(TWO, 2),
        before: moved,
        expect: { ...opened(TWO, 2).expect, changes: [`~ ${entry(TWO, 2)}`, `+ ${flow(TWO)}`] },
      },
    ],
  },
  {
    name: "lets a connection that the client resets go soon",
    given: web(ONE),
    walk: [
      opened(ONE, 1),
      sent(RST, ONE, {
        changes: [
          `~ ${entry(ONE, 1, "10s", "SR/- closing-origin closing-reply")}`,
          `~ ${flow(ONE, "10s SR/- closing-origin closing-reply")}`,
        ],
      }),
    ],
  },
  {
    name: "forgets the backend of a datagram's flow a minute after its last packet",
    given: dns(`${B}:5353`),
    walk: [
      fromPod("a", udp(client, DNS), {
        verdict: "redirect",
        as: "to-endpoint",
        to: `${B}:5353`,
        changes: [
          `+ ct udp ${client} > ${DNS} 60s service nat=${B}:5353 backend=1`,
          `+ ct udp ${client} > ${B}:5353 60s translated nat=${DNS} egress=7/301 ingress=7/300`,
        ],
      }),
      fromPod(
        "a",
        udp(client, DNS),
        {
          verdict: "redirect",
          as: "to-endpoint",
          to: `${C}:5353`,
          changes: [
            `~ ct udp ${client} > ${DNS} 60s service nat=${C}:5353 backend=2`,
            `+ ct udp ${client} > ${C}:5353 60s translated nat=${DNS} egress=7/302 ingress=7/300`,
          ],
        },
        {
          before: (world) => {
            world.service(DNS, PROTOCOL.udp, [`${C}:5353`], { first: 2 });
            world.age([client, DNS], { expires: world.in(-1) });
          },
        },
      ),
    ],
  },
];

export const services: Suite = (runner, create) => {
  walks(runner, create, "services", choices);
  walks(runner, create, "flows of services", lasting);
};
