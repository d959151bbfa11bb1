import { BackendState } from "@netloom/core/backend";
import { FLAG, PROTOCOL, tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromPod, walks, type WalkCase } from "./case.ts";
import { WEB, DNS, client, ID, web, dns, entry, flow, opened, sent } from "./service-questions.ts";
import { A, B, C, type World } from "./world.ts";

const { ACK, FIN, RST } = FLAG;

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

export const serviceFlows: Suite = (runner, create) => walks(runner, create, "flows of services", lasting);
