import assert from "node:assert/strict";
import { FLAG, icmp, ip, tcp, udp, withHeaderSum } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromPod, walks, type WalkCase } from "./case.ts";
import { A, B, IDENTITY, NOBODY, NODE, OPEN_SET, OTHER_NODE, REMOTE, ROUTER, VIP, WORLD } from "./world.ts";

const local: readonly WalkCase[] = [
  {
    name: "hands a packet to a pod of the same node, having asked both",
    walk: [
      fromPod("a", tcp(`${A}:40000`, `${B}:80`), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`+ ct tcp ${A}:40000 > ${B}:80 60s S/- egress=7/301 ingress=7/300`],
        event: {
          identities: [IDENTITY.a, IDENTITY.b],
          endpoint: 1,
          state: "new",
          egress: [OPEN_SET, 0, "none"],
          ingress: [OPEN_SET, 0, "none"],
          tunnel: undefined,
          service: 0,
          protocol: 6,
          flags: FLAG.SYN,
        },
      }),
    ],
  },
  {
    name: "hands on IP options as they are",
    walk: [
      fromPod("a", udp(`${A}:1`, `${B}:53`, { options: new Uint8Array(40).fill(1) }), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`+ ct udp ${A}:1 > ${B}:53 60s egress=7/301 ingress=7/300`],
      }),
    ],
  },
  {
    name: "hands on a protocol without ports",
    walk: [
      fromPod("a", ip(A, B, 47, new Uint8Array([0x20, 0, 8, 0, 1, 2, 3, 4])), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`+ ct 47 ${A}:0 > ${B}:0 60s egress=7/301 ingress=7/300`],
        event: { protocol: 47 },
      }),
    ],
  },
  {
    name: "keeps the header's checksum right at every time to live",
    walk: [2, 3, 64, 128, 255].map((ttl, at) =>
      fromPod("a", udp(`${A}:1`, `${B}:53`, { ttl, id: 0xfff0 + at }), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: at > 0 ? [] : [`+ ct udp ${A}:1 > ${B}:53 60s egress=7/301 ingress=7/300`],
      }),
    ),
  },
  {
    name: "carries where the header's checksum overflows as the time to live falls",
    walk: [
      fromPod("a", withHeaderSum(udp(`${A}:1`, `${B}:53`), 0xfeff), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`+ ct udp ${A}:1 > ${B}:53 60s egress=7/301 ingress=7/300`],
        also: ({ packet }) => assert.deepEqual([...packet.subarray(24, 26)], [0, 0]),
      }),
    ],
  },
  {
    name: "drops what may not live on",
    walk: [0, 1].map((ttl) =>
      fromPod("a", udp(`${A}:1`, `${B}:53`, { ttl }), {
        verdict: "drop",
        as: "ttl-exceeded",
      }),
    ),
  },
  {
    name: "lets a pod reach itself, whatever its policy",
    given: (world) =>
      world.policy("a", 20, [
        { direction: "egress", deny: true },
        { direction: "ingress", deny: true },
      ]),
    walk: [
      fromPod("a", udp(`${A}:1`, `${A}:53`), {
        verdict: "redirect",
        as: "to-endpoint",
        changes: [`+ ct udp ${A}:1 > ${A}:53 60s`],
        event: { egress: [0, 0, "self"], ingress: [0, 0, "self"] },
      }),
    ],
  },
];

const overlay: readonly WalkCase[] = [
  {
    name: "sends a packet for another node's pod through the tunnel, untouched",
    walk: [
      fromPod("a", tcp(`${A}:40000`, `${REMOTE}:80`), {
        verdict: "redirect",
        as: "to-overlay",
        changes: [`+ ct tcp ${A}:40000 > ${REMOTE}:80 60s S/- egress=7/400`],
        event: { identities: [IDENTITY.a, IDENTITY.remote], tunnel: OTHER_NODE, ingress: [0, 0, "none"] },
      }),
    ],
  },
  {
    name: "sends a packet for an address it does not know of another node's CIDR there too",
    walk: [
      fromPod("a", udp(`${A}:1`, "10.2.0.77:53"), {
        verdict: "redirect",
        as: "to-overlay",
        changes: [`+ ct udp ${A}:1 > 10.2.0.77:53 60s egress=7/3`],
        event: { identities: [IDENTITY.a, IDENTITY.unmanaged], tunnel: OTHER_NODE },
      }),
    ],
  },
  {
    name: "drops what needs a tunnel where there is none",
    options: { overlay: false },
    walk: [
      fromPod("a", udp(`${A}:1`, `${REMOTE}:53`), {
        verdict: "drop",
        as: "no-tunnel-endpoint",
      }),
    ],
  },
];

const outside: readonly WalkCase[] = [
  {
    name: "sends a packet for the world to the uplink",
    walk: [
      fromPod("a", tcp(`${A}:40000`, `${WORLD}:443`), {
        verdict: "redirect",
        as: "to-netdev",
        changes: [`+ ct tcp ${A}:40000 > ${WORLD}:443 60s S/- outside egress=7/2`],
        event: { identities: [IDENTITY.a, IDENTITY.world], tunnel: undefined },
      }),
    ],
  },
  {
    name: "names the longest prefix around an address of the world",
    given: (world) => {
      world.prefix("203.0.0.0", 8, 0x0100_0001);
      world.prefix("203.0.113.0", 24, 0x0100_0002);
      world.prefix("203.0.113.8", 32, 0x0100_0003);
    },
    walk: [
      fromPod("a", udp(`${A}:1`, `${WORLD}:53`), {
        verdict: "redirect",
        as: "to-netdev",
        changes: [`+ ct udp ${A}:1 > ${WORLD}:53 60s outside egress=7/16777218`],
        event: { identities: [IDENTITY.a, 0x0100_0002] },
      }),
    ],
  },
  {
    name: "sends a packet for another node to the uplink",
    walk: [
      fromPod("a", icmp(A, OTHER_NODE, { echoId: 9 }), {
        verdict: "redirect",
        as: "to-netdev",
        changes: [`+ ct icmp ${A}:9 > ${OTHER_NODE}:0 60s outside egress=7/6`],
        event: { identities: [IDENTITY.a, IDENTITY.remoteNode], flags: 8 },
      }),
    ],
  },
  ...[NODE, ROUTER].map((address): WalkCase => ({
    name: `hands a packet for ${address} to the node's own stack`,
    walk: [
      fromPod("a", tcp(`${A}:40000`, `${address}:22`, { ttl: 1 }), {
        verdict: "accept",
        as: "to-stack",
        changes: [`+ ct tcp ${A}:40000 > ${address}:22 60s S/- outside egress=7/1`],
        event: { identities: [IDENTITY.a, IDENTITY.host] },
      }),
    ],
  })),
  {
    name: "drops a packet for an address of its pod CIDR that nobody has",
    walk: [
      fromPod("a", udp(`${A}:1`, `${NOBODY}:53`), {
        verdict: "drop",
        as: "unroutable",
        event: { identities: [IDENTITY.a, IDENTITY.unmanaged] },
      }),
    ],
  },
  {
    name: "drops what would not live on, towards the world",
    walk: [
      fromPod("a", udp(`${A}:1`, `${VIP}:53`, { ttl: 1 }), {
        verdict: "drop",
        as: "ttl-exceeded",
      }),
    ],
  },
  ...["224.0.0.251", "239.255.255.250", "255.255.255.255"].map((group): WalkCase => ({
    name: `keeps what is for ${group} in the pod`,
    walk: [
      fromPod("a", udp(`${A}:5353`, `${group}:5353`), { verdict: "drop", as: "unroutable", silent: true }),
    ],
  })),
];

export const delivery: Suite = (runner, create) => {
  walks(runner, create, "delivery on the node", local);
  walks(runner, create, "delivery to other nodes", overlay);
  walks(runner, create, "delivery outside", outside);
};
