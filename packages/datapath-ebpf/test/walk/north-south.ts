import { IpcacheFlag, Limits } from "@netloom/core/backend";
import { PROTOCOL, icmp, tcp, udp, udpFragments } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromFabric, fromPod, fromTunnel, toFabric, walks, type Step, type WalkCase } from "./case.ts";
import {
  ACK,
  client,
  entry,
  flow,
  here,
  inside,
  LB,
  mapping,
  onTheLink,
  servedHere,
  servedThere,
  SYN,
  there,
  WEB,
  web,
} from "./north-south-questions.ts";
import { A, B, C, IDENTITY, NATIVE, NOBODY, NODE, OTHER_NODE, REMOTE, ROUTER, VIP, WORLD } from "./world.ts";

const passes = { verdict: "redirect", as: "to-endpoint" } as const;
const UNMARKED = { mark: 0 };
const leaves = { verdict: "redirect", as: "to-netdev", mark: 0x0300 } as const;
const dropped = (as: string): { readonly verdict: "drop"; readonly as: string } => ({ verdict: "drop", as });
const onLink = `${NATIVE}:8080`;

const near: readonly WalkCase[] = [
  {
    name: "brings a client's packet to a pod of the node as it is, and the answer out from the frontend",
    given: web(here),
    walk: [
      servedHere,
      fromPod(
        "a",
        tcp(here, client, { flags: SYN | ACK }),
        {
          ...leaves,
          from: WEB,
          changes: [`~ ${flow(here, "8000s S/S seen-reply", " ingress=7/2")}`],
          event: { state: "reply", identities: [IDENTITY.a, IDENTITY.world] },
        },
        UNMARKED,
      ),
      toFabric(tcp(WEB, client, { flags: SYN | ACK, ttl: 63 }), { verdict: "next" }, { mark: 0x0300 }),
      fromFabric(tcp(client, WEB, { flags: ACK }), {
        ...passes,
        to: here,
        event: { state: "established", service: 0, ingress: [7, 0, "cached"] },
      }),
    ],
  },
  {
    name: "asks the pod's policy about the client",
    given: (world) => {
      web(here)(world);
      world.policy("a", 20, [
        { direction: "ingress", identity: IDENTITY.world, protocol: PROTOCOL.tcp, port: 8080, rule: 4 },
      ]);
    },
    walk: [
      {
        ...servedHere,
        expect: {
          ...servedHere.expect,
          changes: [`+ ${entry(here)}`, `+ ${flow(here, "60s S/-", " ingress=20/2")}`],
          event: { ingress: [20, 4, "l3-l4"] },
        },
      },
      fromFabric(udp(client, WEB), {
        ...dropped("policy-denied"),
        event: { service: 5, newTo: here, ingress: [20, 0, "none"] },
      }),
    ],
  },
  {
    name: "asks it of a client by the range that it is in",
    given: (world) => {
      web(here)(world);
      world.prefix("203.0.113.0", 24, 0x0100_0007);
      world.policy("a", 20, [{ direction: "ingress", identity: 0x0100_0007, deny: true, rule: 9 }], {
        open: true,
      });
    },
    walk: [
      fromFabric(tcp(client, WEB), { ...dropped("policy-deny-rule"), event: { ingress: [20, 9, "l3"] } }),
    ],
  },
  {
    name: "remembers nothing of what would not live on",
    given: web(here),
    walk: [fromFabric(tcp(client, WEB, { ttl: 1 }), dropped("ttl-exceeded"))],
  },
  {
    name: "brings the fragments of a datagram where the first one went",
    given: web(here),
    walk: udpFragments(client, WEB, 2000, 1480, 77).map((packet, at): Step =>
      fromFabric(packet, {
        ...passes,
        to: at === 0 ? here : `${A}:0`,
        changes:
          at === 0
            ? [
                `+ ct udp ${client} > ${WEB} 60s service from-outside nat=${here} backend=1`,
                `+ ct udp ${client} > ${here} 60s translated from-outside nat=${WEB} ingress=7/2`,
                `+ fragment udp ${WORLD} > ${LB} #77 ports 50000 443`,
              ]
            : [],
      }),
    ),
  },
  {
    name: "keeps to a backend that the service has lost but another has, and finds another for one that is gone",
    given: web(here),
    walk: [
      servedHere,
      {
        ...fromFabric(tcp(client, WEB, { flags: ACK }), { ...passes, to: here }),
        before: (world) => world.service(WEB, PROTOCOL.tcp, [`${B}:8080`], { first: 2, externalId: 5 }),
        expect: {
          ...passes,
          to: here,
          changes: [`~ ${flow(here, "8000s S/-", " ingress=7/2")}`],
        },
      },
      {
        ...fromFabric(tcp(client, WEB, { flags: ACK }), passes),
        before: (world) => world.backend(1, `${C}:1`, PROTOCOL.tcp),
        expect: {
          ...passes,
          to: `${B}:8080`,
          changes: [
            `~ ct tcp ${client} > ${WEB} 8000s -/- service from-outside nat=${B}:8080 backend=2`,
            `+ ${flow(`${B}:8080`, "8000s -/-", " ingress=7/2")}`,
          ],
          event: { service: 5, state: "new" },
        },
      },
    ],
  },
  {
    name: "takes for another flow what asks the backend itself, on the ports that the frontend was asked from",
    given: web(here),
    walk: [
      servedHere,
      fromFabric(tcp(client, here), {
        ...passes,
        changes: [`~ ct tcp ${client} > ${here} 60s S/- ingress=7/2`],
        event: { state: "established", ingress: [7, 0, "cached"] },
      }),
      fromPod(
        "a",
        tcp(here, client, { flags: SYN | ACK }),
        { ...leaves, changes: [`~ ct tcp ${client} > ${here} 8000s S/S seen-reply ingress=7/2`] },
        UNMARKED,
      ),
      fromFabric(tcp(client, WEB, { flags: ACK }), {
        ...passes,
        to: here,
        changes: [`~ ${flow(here, "8000s -/-", " ingress=7/2")}`],
      }),
    ],
  },
  {
    name: "begins anew where the backend had a flow of its own between the very ends",
    given: web(here),
    walk: [
      fromPod("a", tcp(here, client), {
        verdict: "redirect",
        as: "to-netdev",
        changes: [`+ ct tcp ${here} > ${client} 60s S/- outside egress=7/2`],
      }),
      {
        ...servedHere,
        expect: {
          ...servedHere.expect,
          changes: [`+ ${entry(here)}`, `~ ${flow(here, "60s S/-", " ingress=7/2")}`],
        },
      },
    ],
  },
];

const far: readonly WalkCase[] = [
  {
    name: "sends a client's packet through the tunnel as this node's, and the answer out from the frontend",
    given: web(there),
    walk: [
      servedThere,
      fromTunnel(
        IDENTITY.remote,
        OTHER_NODE,
        tcp(there, inside, { flags: SYN | ACK }),
        {
          ...leaves,
          ...{ from: WEB, to: client },
          changes: [`~ ${flow(there, "8000s S/S seen-reply")}`],
          event: { state: "reply", identities: [IDENTITY.remote, IDENTITY.world], tunnel: OTHER_NODE },
        },
        UNMARKED,
      ),
      fromFabric(tcp(client, WEB, { flags: ACK }), {
        ...{ verdict: "redirect", as: "to-overlay", from: inside, to: there },
        event: { state: "established", service: 0 },
      }),
    ],
  },
  {
    name: "sends it natively as this node's, and the answer out from the frontend",
    given: (world) => {
      web(onLink)(world);
      world.address(NATIVE, IDENTITY.native, "::", IpcacheFlag.IPCACHE_NATIVE);
    },
    walk: [
      fromFabric(
        tcp(client, WEB),
        {
          ...leaves,
          ...{ from: onTheLink, to: onLink },
          changes: [`+ ${entry(onLink)}`, `+ ${flow(onLink)}`, ...mapping(onLink, onTheLink)],
          event: { identities: [IDENTITY.world, IDENTITY.native], tunnel: undefined },
        },
        UNMARKED,
      ),
      fromFabric(
        tcp(onLink, onTheLink, { flags: SYN | ACK }),
        {
          ...leaves,
          ...{ from: WEB, to: client },
          changes: [`~ ${flow(onLink, "8000s S/S seen-reply")}`],
          event: { state: "reply", identities: [IDENTITY.native, IDENTITY.world] },
        },
        UNMARKED,
      ),
    ],
  },
  {
    name: "tells the other node of a client what the whole cluster knows",
    given: (world) => {
      web(there)(world);
      world.prefix("203.0.113.0", 24, 0x0100_0007);
      world.address("203.0.113.10", IDENTITY.remoteNode);
    },
    walk: [
      servedThere,
      fromFabric(tcp("203.0.113.10:50000", WEB), {
        ...{ verdict: "redirect", as: "to-overlay", from: `${ROUTER}:<port>`, to: there },
        changes: [
          `+ ct tcp 203.0.113.10:50000 > ${WEB} 8000s S/- service from-outside nat=${there} backend=1`,
          `+ ct tcp 203.0.113.10:50000 > ${there} 60s S/- translated from-outside nat=${WEB}`,
          `+ nat out tcp 203.0.113.10:50000 > ${there} as ${ROUTER}:<port> 8000s`,
          `+ nat back tcp ${there} > ${ROUTER}:<port> to 203.0.113.10:50000 8000s`,
        ],
        event: { identities: [IDENTITY.remoteNode, IDENTITY.remote] },
      }),
    ],
  },
  {
    name: "drops what goes nowhere",
    given: (world) => {
      web(there)(world);
      world.service(`${LB}:80`, PROTOCOL.tcp, [`${NOBODY}:80`], { id: 6, first: 2, externalId: 6 });
      world.service(`${LB}:81`, PROTOCOL.tcp, [`${NODE}:80`], { id: 7, first: 3, externalId: 7 });
      world.service(`${LB}:82`, PROTOCOL.tcp, [`192.0.2.1:80`], { id: 8, first: 4, externalId: 8 });
    },
    walk: [
      fromFabric(tcp(client, `${LB}:80`), dropped("unroutable")),
      fromFabric(tcp(client, `${LB}:81`), dropped("unroutable")),
      fromFabric(tcp(client, `${LB}:82`), dropped("no-route")),
    ],
  },
  {
    name: "drops an answer whose client is forgotten",
    given: web(there),
    walk: [
      servedThere,
      {
        ...fromTunnel(IDENTITY.remote, OTHER_NODE, tcp(there, inside, { flags: ACK }), dropped("unroutable")),
        before: (world) => world.age([client, there], { expires: 0n }),
      },
    ],
  },
  {
    name: "leaves to the node what is its own, through the tunnel too",
    given: web(there),
    walk: [
      servedThere,
      fromTunnel(IDENTITY.remote, OTHER_NODE, tcp(`${REMOTE}:8081`, inside), {
        verdict: "accept",
        as: "to-stack",
      }),
      // To the node's other address nothing was promised.
      fromFabric(tcp(there, onTheLink, { flags: ACK }), { verdict: "next" }),
    ],
  },
];

const LOCAL = 6;
const onlyB = new Uint16Array(Limits.MAGLEV_SLOTS).fill(2);

const whom: readonly WalkCase[] = [
  {
    name: "serves the outside from its own table, pods from the other",
    given: (world) => {
      world.service(WEB, PROTOCOL.tcp, [there, `${B}:8080`], { externalId: LOCAL });
      world.maps.maglev.set(5, new Uint16Array(Limits.MAGLEV_SLOTS).fill(1));
      world.maps.maglev.set(LOCAL, onlyB);
    },
    walk: [
      fromFabric(tcp(client, WEB), {
        ...passes,
        to: `${B}:8080`,
        changes: [
          `+ ct tcp ${client} > ${WEB} 8000s S/- service from-outside nat=${B}:8080 backend=2`,
          `+ ${flow(`${B}:8080`, "60s S/-", " ingress=7/2")}`,
        ],
        event: { service: LOCAL },
      }),
      fromPod("a", tcp(`${A}:1`, WEB), {
        ...{ verdict: "redirect", as: "to-overlay", to: there },
        changes: [
          `+ ct tcp ${A}:1 > ${WEB} 8000s S/- service nat=${there} backend=1`,
          `+ ct tcp ${A}:1 > ${there} 60s S/- translated nat=${WEB} egress=7/400`,
        ],
        event: { service: 5 },
      }),
    ],
  },
  {
    name: "drops what comes to a node without a backend of its own",
    given: (world) => {
      world.service(WEB, PROTOCOL.tcp, [there], { externalId: LOCAL });
      world.maps.maglev.set(LOCAL, new Uint16Array(Limits.MAGLEV_SLOTS));
    },
    walk: [fromFabric(tcp(client, WEB), { ...dropped("no-backend"), event: { service: LOCAL } })],
  },
  {
    name: "refuses the outside a cluster IP",
    given: (world) => world.service(`${VIP}:80`, PROTOCOL.tcp, [here]),
    walk: [fromFabric(tcp(client, `${VIP}:80`), dropped("is-cluster-ip"))],
  },
  {
    name: "leaves to the stack what asks a frontend's address for no service, and for an echo",
    given: web(here),
    walk: [
      fromFabric(tcp(client, `${LB}:22`), { verdict: "next" }),
      fromFabric(icmp(WORLD, LB), { verdict: "next" }),
    ],
  },
  {
    name: "refuses whoever cannot come by the uplink, and whom it does not know yet",
    given: (world) => {
      web(here)(world);
      world.prefix("10.3.0.0", 24, IDENTITY.unmanaged, "::", IpcacheFlag.IPCACHE_NATIVE);
    },
    walk: [
      ...[NODE, ROUTER, B, REMOTE, NOBODY].map((forger) =>
        fromFabric(tcp(`${forger}:1`, WEB), dropped("invalid-source-ip")),
      ),
      fromFabric(tcp("10.3.0.77:1", WEB), dropped("unknown-identity")),
    ],
  },
];

export const northSouth: Suite = (runner, create) => {
  walks(runner, create, "a frontend whose backend is of the node", near);
  walks(runner, create, "a frontend whose backend is elsewhere", far);
  walks(runner, create, "whom a frontend serves", whom);
};
