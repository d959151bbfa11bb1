import { FLAG, icmp, tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromFabric, fromPod, fromTunnel, toPod, walks, type Expectation, type WalkCase } from "./case.ts";
import { A, B, IDENTITY, NOBODY, NODE, OTHER_NODE, REMOTE, ROUTER, VIP, WORLD } from "./world.ts";

const next = { verdict: "next" } as const;
const denied = { verdict: "drop", as: "policy-denied" } as const;
const forged = { verdict: "drop", as: "invalid-source-ip" } as const;
const passes = { verdict: "redirect", as: "to-endpoint" } as const;

const untouched: readonly WalkCase[] = [
  ...[NODE, ROUTER, NOBODY, REMOTE, VIP, "198.51.100.1", "224.0.0.1"].map((destination): WalkCase => ({
    name: `lets a packet for ${destination} pass untouched`,
    walk: [
      fromFabric(tcp(`${WORLD}:1`, `${destination}:80`), next),
      fromFabric(udp(`${WORLD}:1`, `${destination}:80`, { ttl: 1 }), next),
      fromFabric(icmp(WORLD, destination), next),
    ],
  })),
  {
    name: "lets the tunnel's outside pass",
    walk: [fromFabric(udp(`${OTHER_NODE}:50000`, `${NODE}:8472`), next)],
  },
];

const admitted: readonly WalkCase[] = [
  {
    name: "hands what the world sends a pod to the pod, and its answer out under its own address",
    walk: [
      fromFabric(tcp(`${WORLD}:40000`, `${A}:80`), {
        ...passes,
        changes: [`+ ct tcp ${WORLD}:40000 > ${A}:80 60s S/- ingress=7/2`],
        event: { endpoint: 1, identities: [IDENTITY.world, IDENTITY.a], state: "new" },
      }),
      fromPod(
        "a",
        tcp(`${A}:80`, `${WORLD}:40000`, { flags: FLAG.SYN | FLAG.ACK }),
        {
          verdict: "redirect",
          as: "to-netdev",
          mark: 0x5a0f_037f,
          changes: [`~ ct tcp ${WORLD}:40000 > ${A}:80 8000s S/S seen-reply ingress=7/2`],
          event: { state: "reply" },
        },
        { mark: 0x5a0f_0b7f },
      ),
    ],
  },
  {
    name: "asks the pod's policy, by what is known of the sender",
    given: (world) => {
      world.prefix("203.0.113.0", 24, 0x0100_0002);
      world.policy("a", 20, [{ direction: "ingress", identity: 0x0100_0002, rule: 3 }]);
    },
    walk: [
      fromFabric(udp("198.51.100.7:1", `${A}:53`), {
        ...denied,
        event: { identities: [IDENTITY.world, IDENTITY.a], ingress: [20, 0, "none"] },
      }),
      fromFabric(udp(`${WORLD}:1`, `${A}:53`), {
        ...passes,
        changes: [`+ ct udp ${WORLD}:1 > ${A}:53 60s ingress=20/16777218`],
        event: { ingress: [20, 3, "l3"] },
      }),
    ],
  },
  {
    name: "knows another node by its address",
    walk: [
      fromFabric(udp(`${OTHER_NODE}:1`, `${A}:53`), {
        ...passes,
        changes: [`+ ct udp ${OTHER_NODE}:1 > ${A}:53 60s ingress=7/6`],
        event: { identities: [IDENTITY.remoteNode, IDENTITY.a] },
      }),
    ],
  },
  {
    name: "drops what would not live on",
    walk: [
      fromFabric(udp(`${WORLD}:1`, `${A}:53`, { ttl: 1 }), {
        verdict: "drop",
        as: "ttl-exceeded",
      }),
    ],
  },
  ...[B, A, REMOTE, "10.2.0.77", NOBODY, NODE, ROUTER].map((source): WalkCase => ({
    name: `refuses ${source} as the source of what the fabric brings a pod`,
    walk: [fromFabric(udp(`${source}:1`, `${A}:53`), forged)],
  })),
];

const unroutable = { verdict: "drop", as: "unroutable" } as const;
const fromNode2 = (packet: Uint8Array, expect: Expectation, vni: number = IDENTITY.remote) =>
  fromTunnel(vni, OTHER_NODE, packet, expect);

const overlay: readonly WalkCase[] = [
  ...[
    { vni: 0, who: "nobody" },
    { vni: 1, who: "this node" },
  ].map(({ vni, who }): WalkCase => ({
    name: `refuses a packet that the tunnel says is ${who}'s`,
    walk: [
      fromNode2(
        tcp(`${REMOTE}:1`, `${A}:80`),
        {
          verdict: "drop",
          as: "invalid-identity",
          event: { identities: [vni, 0], tunnel: OTHER_NODE },
        },
        vni,
      ),
    ],
  })),
  {
    name: "drops a packet that came through no tunnel",
    walk: [
      {
        packet: tcp(`${REMOTE}:1`, `${A}:80`),
        at: "from-overlay",
        device: "overlay",
        expect: { verdict: "drop", as: "no-tunnel-endpoint", event: { tunnel: undefined } },
      },
    ],
  },
  {
    name: "takes the sender's identity from the tunnel, not from its address",
    given: (world) => world.policy("a", 20, [{ direction: "ingress", identity: IDENTITY.remote, rule: 3 }]),
    walk: [
      fromNode2(udp(`${REMOTE}:1`, `${A}:53`), denied, 0xff_ffff),
      fromNode2(udp("10.2.0.77:1", `${A}:53`), {
        ...passes,
        changes: [`+ ct udp 10.2.0.77:1 > ${A}:53 60s ingress=20/400`],
        event: { identities: [IDENTITY.remote, IDENTITY.a], ingress: [20, 3, "l3"] },
      }),
    ],
  },
  ...[NOBODY, REMOTE, WORLD, VIP].map((destination): WalkCase => ({
    name: `drops a packet for ${destination}: no pod of this node`,
    walk: [fromNode2(udp(`${REMOTE}:1`, `${destination}:53`), unroutable)],
  })),
  ...[NODE, ROUTER].map((destination): WalkCase => ({
    name: `hands a packet for ${destination} to the node's own stack`,
    walk: [
      fromNode2(tcp(`${REMOTE}:1`, `${destination}:22`, { ttl: 1 }), {
        verdict: "accept",
        as: "to-stack",
        event: { identities: [IDENTITY.remote, IDENTITY.host], tunnel: OTHER_NODE },
      }),
    ],
  })),
  {
    name: "drops what would not live on",
    walk: [
      fromNode2(udp(`${REMOTE}:1`, `${A}:53`, { ttl: 1 }), {
        verdict: "drop",
        as: "ttl-exceeded",
      }),
    ],
  },
];

const stack: readonly WalkCase[] = [
  {
    name: "lets what the stack forwards reach a pod as its sender's, and its MACs alone",
    given: (world) => world.policy("a", 20, [{ direction: "ingress", identity: IDENTITY.world, rule: 3 }]),
    walk: [
      toPod("a", udp(`${WORLD}:1`, `${A}:53`), {
        verdict: "accept",
        as: "to-endpoint",
        changes: [`+ ct udp ${WORLD}:1 > ${A}:53 60s ingress=20/2`],
        event: { endpoint: 1, identities: [IDENTITY.world, IDENTITY.a], ingress: [20, 3, "l3"] },
      }),
      toPod("a", udp(`${OTHER_NODE}:1`, `${A}:53`), denied),
    ],
  },
  {
    name: "drops what is for another pod, or for none",
    walk: [
      toPod("a", udp(`${NODE}:1`, `${B}:53`), unroutable),
      toPod("a", udp(`${NODE}:1`, `${WORLD}:53`), unroutable),
    ],
  },
];

export const arrivals: Suite = (runner, create) => {
  walks(runner, create, "what the fabric brings and is no pod's", untouched);
  walks(runner, create, "what the fabric brings a pod", admitted);
  walks(runner, create, "what the tunnel brings", overlay);
  walks(runner, create, "what the node's stack sends a pod", stack);
};
