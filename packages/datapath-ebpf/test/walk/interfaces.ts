import { IpcacheFlag } from "@netloom/core/backend";
import { FLAG, PROTOCOL, tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromFabric, fromPod, walks, type Step, type WalkCase } from "./case.ts";
import { A, B, IDENTITY, NATIVE, NODE, REMOTE, ROUTER, WORLD, type World } from "./world.ts";

const { SYN, ACK } = FLAG;
const client = `${WORLD}:50000`;
/** A frontend for clients outside. */
const WEB = "203.0.113.50:443";
const lost = { verdict: "drop", as: "no-route" } as const;
const leaves = { verdict: "redirect", as: "to-netdev" } as const;
const passes = { verdict: "redirect", as: "to-endpoint" } as const;

/** The pod's address belongs to an interface whose table has no route: what asks it goes nowhere, all else on. */
const here = (world: World): void => {
  world.pod("a", { table: 0x0a00_0032 });
  world.address(NATIVE, IDENTITY.native, "::", IpcacheFlag.IPCACHE_NATIVE);
};

const asked: Step = fromFabric(tcp(client, `${A}:80`), {
  ...passes,
  changes: [`+ ct tcp ${client} > ${A}:80 60s S/- ingress=7/2`],
});

const own: readonly WalkCase[] = [
  {
    name: "are asked about what keeps the pod's address, and nothing is remembered of what they know no way for",
    given: here,
    walk: [
      fromPod("a", tcp(`${A}:1`, `${NATIVE}:80`), {
        ...lost,
        event: { identities: [IDENTITY.a, IDENTITY.native] },
      }),
    ],
  },
  {
    name: "are asked about answers, whoever is answered",
    given: here,
    walk: [
      asked,
      fromPod("a", tcp(`${A}:80`, client, { flags: SYN | ACK }), { ...lost, event: { state: "reply" } }),
    ],
  },
  {
    name: "are asked about everything where nothing is masqueraded",
    options: { masquerade: false },
    given: here,
    walk: [fromPod("a", udp(`${A}:1`, `${WORLD}:53`), lost)],
  },
];

const others: readonly WalkCase[] = [
  {
    name: "are not asked about what is masqueraded",
    given: here,
    walk: [
      fromPod("a", udp(`${A}:1`, `${WORLD}:53`), {
        ...leaves,
        changes: [`+ ct udp ${A}:1 > ${WORLD}:53 60s outside egress=7/2`],
      }),
    ],
  },
  {
    name: "are not asked about what a frontend answers: that is the node's to say",
    given: (world) => {
      here(world);
      world.service(WEB, PROTOCOL.tcp, [`${A}:8080`], { externalId: 5, id: 5 });
    },
    walk: [
      fromFabric(tcp(client, WEB), {
        ...passes,
        to: `${A}:8080`,
        changes: [
          `+ ct tcp ${client} > ${WEB} 8000s S/- service from-outside nat=${A}:8080 backend=1`,
          `+ ct tcp ${client} > ${A}:8080 60s S/- translated from-outside nat=${WEB} ingress=7/2`,
        ],
      }),
      fromPod("a", tcp(`${A}:8080`, client, { flags: SYN | ACK }), {
        ...leaves,
        from: WEB,
        changes: [
          `~ ct tcp ${client} > ${A}:8080 8000s S/S seen-reply translated from-outside nat=${WEB} ingress=7/2`,
        ],
      }),
    ],
  },
  {
    name: "are not asked about what stays on the node, or is behind a tunnel",
    given: here,
    walk: [
      fromPod("a", udp(`${A}:1`, `${B}:53`), {
        ...passes,
        changes: [`+ ct udp ${A}:1 > ${B}:53 60s egress=7/301 ingress=7/300`],
      }),
      fromPod("b", udp(`${B}:53`, `${A}:1`), {
        ...passes,
        changes: [`~ ct udp ${A}:1 > ${B}:53 60s seen-reply egress=7/301 ingress=7/300`],
      }),
      ...[NODE, ROUTER].map((node) =>
        fromPod("a", udp(`${A}:1`, `${node}:53`), {
          verdict: "accept",
          as: "to-stack",
          changes: [`+ ct udp ${A}:1 > ${node}:53 60s outside egress=7/1`],
        }),
      ),
      fromPod("a", udp(`${A}:1`, `${REMOTE}:53`), {
        verdict: "redirect",
        as: "to-overlay",
        changes: [`+ ct udp ${A}:1 > ${REMOTE}:53 60s egress=7/400`],
      }),
    ],
  },
  {
    name: "of one pod say nothing of another's packets",
    given: here,
    walk: [
      fromPod("b", tcp(`${B}:1`, `${NATIVE}:80`), {
        ...leaves,
        changes: [`+ ct tcp ${B}:1 > ${NATIVE}:80 60s S/- egress=7/500`],
      }),
    ],
  },
];

export const interfaces: Suite = (runner, create) => {
  walks(runner, create, "the routes of a pod's interface", own);
  walks(runner, create, "where another way is meant, the routes of a pod's interface", others);
};
