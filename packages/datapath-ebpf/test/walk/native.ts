import { IpcacheFlag } from "@netloom/core/backend";
import { FLAG, ICMP, icmp, icmpError, ip, PROTOCOL, tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromFabric, fromPod, fromTunnel, toFabric, toPod, walks, type Step, type WalkCase } from "./case.ts";
import { A, B, IDENTITY, NATIVE, NODE, OTHER_NODE, REMOTE, ROUTER, VIP, type World } from "./world.ts";

const { SYN, ACK } = FLAG;
const client = `${A}:40000`;
const server = `${NATIVE}:80`;
const FLOW = `tcp ${client} > ${server}`;
/** Of the neighbour's pod CIDR, and not known by itself. */
const UNKNOWN = "10.3.0.77";
/** Reached natively, says the plan, and no route says how. */
const LOST = "10.4.0.20";
/** In the data centre, on the node's link. */
const HOST = "192.168.50.100";
const MARKED = { mark: 0x5a0f_0b7f };
const leaves = { verdict: "redirect", as: "to-netdev", mark: 0x5a0f_037f } as const;
const passes = { verdict: "redirect", as: "to-endpoint" } as const;

const here = (world: World): void => {
  const { IPCACHE_NATIVE } = IpcacheFlag;
  world.address(NATIVE, IDENTITY.native, "::", IPCACHE_NATIVE);
  world.address(LOST, IDENTITY.native, "::", IPCACHE_NATIVE);
  world.prefix("10.3.0.0", 24, IDENTITY.unmanaged, "::", IPCACHE_NATIVE);
  world.prefix("192.168.50.96", 28, IDENTITY.world, "::", IPCACHE_NATIVE);
};

const opened: Step = fromPod(
  "a",
  tcp(client, server),
  {
    ...leaves,
    changes: [`+ ct ${FLOW} 60s S/- egress=7/500`],
    event: { identities: [IDENTITY.a, IDENTITY.native], tunnel: undefined, ingress: [0, 0, "none"] },
  },
  MARKED,
);
const answered: Step = fromFabric(tcp(server, client, { flags: SYN | ACK }), {
  ...passes,
  changes: [`~ ct ${FLOW} 8000s S/S seen-reply egress=7/500`],
  event: { state: "reply", identities: [IDENTITY.native, IDENTITY.a], endpoint: 1 },
});

const there: readonly WalkCase[] = [
  {
    name: "sends a packet for a pod of a neighbour out under its own address, and hands the answer in",
    given: here,
    walk: [
      opened,
      toFabric(tcp(client, server, { ttl: 63 }), { verdict: "next" }, { mark: 0x5a0f_037f }),
      answered,
      fromPod(
        "a",
        tcp(client, server, { flags: ACK }),
        {
          ...leaves,
          ...{ mark: 0x0000_0300, event: { state: "established", egress: [7, 0, "cached"] } },
        },
        { mark: 0 },
      ),
    ],
  },
  {
    name: "sends a protocol without ports, and an echo",
    given: here,
    walk: [
      fromPod(
        "a",
        ip(A, NATIVE, 47, new Uint8Array(8)),
        {
          ...leaves,
          changes: [`+ ct 47 ${A}:0 > ${NATIVE}:0 60s egress=7/500`],
        },
        MARKED,
      ),
      fromPod(
        "a",
        icmp(A, NATIVE, { echoId: 9 }),
        {
          ...leaves,
          changes: [`+ ct icmp ${A}:9 > ${NATIVE}:0 60s egress=7/500`],
        },
        MARKED,
      ),
    ],
  },
  {
    name: "sends a packet for an address it does not know of a neighbour's CIDR there too",
    given: here,
    walk: [
      fromPod(
        "a",
        udp(`${A}:1`, `${UNKNOWN}:53`),
        {
          ...leaves,
          changes: [`+ ct udp ${A}:1 > ${UNKNOWN}:53 60s outside egress=7/3`],
          event: { identities: [IDENTITY.a, IDENTITY.unmanaged] },
        },
        MARKED,
      ),
    ],
  },
  {
    name: "keeps a pod's address towards whoever knows the way back to it",
    given: here,
    walk: [
      fromPod(
        "a",
        udp(`${A}:1`, `${HOST}:53`),
        {
          ...leaves,
          changes: [`+ ct udp ${A}:1 > ${HOST}:53 60s outside egress=7/2`],
          event: { identities: [IDENTITY.a, IDENTITY.world] },
        },
        MARKED,
      ),
      fromFabric(udp(`${HOST}:53`, `${A}:1`), {
        ...passes,
        changes: [`~ ct udp ${A}:1 > ${HOST}:53 60s seen-reply outside egress=7/2`],
        event: { state: "reply" },
      }),
    ],
  },
  {
    name: "asks the sender's policy",
    given: (world) => {
      here(world);
      world.policy("a", 20, [{ direction: "egress", identity: 999 }]);
    },
    walk: [
      fromPod("a", tcp(client, server), {
        verdict: "drop",
        as: "policy-denied",
        event: { egress: [20, 0, "none"] },
      }),
    ],
  },
  {
    name: "sends to a backend of a service, and gives its answer the frontend's address back",
    given: (world) => {
      here(world);
      world.service(`${VIP}:80`, PROTOCOL.tcp, [server]);
    },
    walk: [
      fromPod(
        "a",
        tcp(client, `${VIP}:80`),
        {
          ...leaves,
          to: server,
          changes: [
            `+ ct tcp ${client} > ${VIP}:80 8000s S/- service nat=${server} backend=1`,
            `+ ct ${FLOW} 60s S/- translated nat=${VIP}:80 egress=7/500`,
          ],
        },
        MARKED,
      ),
      fromFabric(tcp(server, client, { flags: SYN | ACK }), {
        ...passes,
        from: `${VIP}:80`,
        changes: [`~ ct ${FLOW} 8000s S/S seen-reply translated nat=${VIP}:80 egress=7/500`],
      }),
    ],
  },
];

const nowhere: readonly WalkCase[] = [
  {
    name: "drops what no route is for, and remembers nothing of it",
    given: here,
    walk: [
      fromPod("a", tcp(client, `${LOST}:80`), {
        verdict: "drop",
        as: "no-route",
        event: { identities: [IDENTITY.a, IDENTITY.native] },
      }),
    ],
  },
  {
    name: "drops what is longer than the way carries, and remembers nothing of it",
    given: here,
    walk: [
      fromPod("a", udp(client, `${NATIVE}:53`, { payload: new Uint8Array(1473) }), {
        verdict: "drop",
        as: "frag-needed",
      }),
      fromPod(
        "a",
        udp(client, `${NATIVE}:53`, { payload: new Uint8Array(1472) }),
        {
          ...leaves,
          changes: [`+ ct udp ${client} > ${NATIVE}:53 60s egress=7/500`],
        },
        MARKED,
      ),
    ],
  },
  {
    name: "drops what would not live on",
    given: here,
    walk: [
      fromPod("a", tcp(client, server, { ttl: 1 }), { verdict: "drop", as: "ttl-exceeded" }),
      fromFabric(tcp(server, client, { ttl: 1 }), { verdict: "drop", as: "ttl-exceeded" }),
    ],
  },
  {
    name: "leaves what is here, or behind a tunnel, where it is, whatever range it is in",
    given: (world) => {
      const { IPCACHE_NATIVE } = IpcacheFlag;
      world.address(B, IDENTITY.b, "::", IPCACHE_NATIVE);
      world.address(ROUTER, IDENTITY.host, "::", IPCACHE_NATIVE);
      world.address(REMOTE, IDENTITY.remote, OTHER_NODE, IPCACHE_NATIVE);
    },
    walk: [
      fromPod("a", udp(`${A}:1`, `${B}:53`), {
        ...passes,
        changes: [`+ ct udp ${A}:1 > ${B}:53 60s egress=7/301 ingress=7/300`],
      }),
      fromPod("a", udp(`${A}:1`, `${ROUTER}:53`), {
        verdict: "accept",
        as: "to-stack",
        changes: [`+ ct udp ${A}:1 > ${ROUTER}:53 60s outside egress=7/1`],
      }),
      fromPod("a", udp(`${A}:1`, `${REMOTE}:53`), {
        verdict: "redirect",
        as: "to-overlay",
        changes: [`+ ct udp ${A}:1 > ${REMOTE}:53 60s egress=7/400`],
      }),
    ],
  },
];

const unknown = { verdict: "drop", as: "unknown-identity" } as const;

const back: readonly WalkCase[] = [
  {
    name: "asks the pod's policy of a neighbour's pod, by its identity",
    given: (world) => {
      here(world);
      world.policy("a", 20, [{ direction: "ingress", identity: IDENTITY.native, rule: 3 }]);
    },
    walk: [
      fromFabric(udp(`${NATIVE}:1`, `${A}:53`), {
        ...passes,
        changes: [`+ ct udp ${NATIVE}:1 > ${A}:53 60s ingress=20/500`],
        event: { identities: [IDENTITY.native, IDENTITY.a], ingress: [20, 3, "l3"] },
      }),
      fromFabric(udp(`${HOST}:1`, `${A}:53`), {
        verdict: "drop",
        as: "policy-denied",
        event: { identities: [IDENTITY.world, IDENTITY.a] },
      }),
    ],
  },
  {
    name: "sends a pod's answer back as it is",
    given: here,
    walk: [
      fromFabric(tcp(server, `${A}:80`), {
        ...passes,
        changes: [`+ ct tcp ${server} > ${A}:80 60s S/- ingress=7/500`],
      }),
      fromPod(
        "a",
        tcp(`${A}:80`, server, { flags: SYN | ACK }),
        {
          ...leaves,
          changes: [`~ ct tcp ${server} > ${A}:80 8000s S/S seen-reply ingress=7/500`],
          event: { state: "reply" },
        },
        MARKED,
      ),
    ],
  },
  {
    name: "refuses a pod that it does not know yet, which policy might deny, but not its answers",
    given: here,
    walk: [
      fromFabric(udp(`${UNKNOWN}:53`, `${A}:1`), {
        ...unknown,
        event: { identities: [IDENTITY.unmanaged, IDENTITY.a], state: "new" },
      }),
      fromPod(
        "a",
        udp(`${A}:1`, `${UNKNOWN}:53`),
        {
          ...leaves,
          changes: [`+ ct udp ${A}:1 > ${UNKNOWN}:53 60s outside egress=7/3`],
        },
        MARKED,
      ),
      fromFabric(udp(`${UNKNOWN}:53`, `${A}:1`), {
        ...passes,
        changes: [`~ ct udp ${A}:1 > ${UNKNOWN}:53 60s seen-reply outside egress=7/3`],
        event: { state: "reply" },
      }),
      fromFabric(icmpError(UNKNOWN, A, udp(`${A}:1`, `${UNKNOWN}:53`)), {
        ...passes,
        event: { state: "related" },
      }),
      fromFabric(icmpError(UNKNOWN, A, udp(`${A}:2`, `${UNKNOWN}:53`)), unknown),
    ],
  },
  {
    name: "hands an error of a router on the way to the pod whose packet it is about",
    given: here,
    walk: [
      opened,
      fromFabric(icmpError(HOST, A, tcp(client, server), { type: ICMP.timeExceeded }), {
        ...passes,
        event: { state: "related" },
      }),
    ],
  },
  {
    name: "takes a neighbour's pod for itself, too, where the stack or the tunnel brings it",
    given: here,
    walk: [
      toPod("a", udp(`${NATIVE}:1`, `${A}:53`), {
        verdict: "accept",
        as: "to-endpoint",
        changes: [`+ ct udp ${NATIVE}:1 > ${A}:53 60s ingress=7/500`],
      }),
      fromTunnel(IDENTITY.native, OTHER_NODE, udp(`${NATIVE}:2`, `${A}:53`), {
        ...passes,
        changes: [`+ ct udp ${NATIVE}:2 > ${A}:53 60s ingress=7/500`],
      }),
    ],
  },
  {
    name: "leaves what is for the node to its stack",
    given: here,
    walk: [NODE, ROUTER].map((node) => fromFabric(tcp(server, `${node}:22`), { verdict: "next" })),
  },
];

export const native: Suite = (runner, create) => {
  walks(runner, create, "native forwarding", there);
  walks(runner, create, "where there is no native way", nowhere);
  walks(runner, create, "what comes natively", back);
};
