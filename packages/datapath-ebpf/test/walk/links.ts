import assert from "node:assert/strict";
import { formatMac, parseAddress } from "@netloom/core";
import { arp, frame, icmp, icmpError, ip, PROTOCOL, tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromFabric, fromPod, toFabric, toPod, walks, type WalkCase } from "./case.ts";
import { A, B, C, NODE, REMOTE, ROUTER, WORLD } from "./world.ts";

const MAC = "02:00:00:00:00:0a";
const silent = (reason: string) => ({ verdict: "drop", as: reason, silent: true }) as const;

const arps: readonly WalkCase[] = [
  ...[ROUTER, WORLD, B].map((target): WalkCase => ({
    name: `answers a pod that asks for ${target} with its gateway's address`,
    walk: [
      fromPod("a", arp({ mac: MAC, address: A }, target), {
        verdict: "redirect",
        also: ({ packet }, { bench }) => {
          const gateway = formatMac(bench.pods.a.gatewayMac);
          const answer = arp({ mac: gateway, address: target }, A, 2, MAC);
          assert.deepEqual(packet, answer);
        },
      }),
    ],
  })),
  {
    name: "says nothing to a pod that announces itself",
    walk: [fromPod("a", arp({ mac: MAC, address: A }, A), silent("invalid-source-ip"))],
  },
  {
    name: "says nothing to a pod that probes whether an address is taken",
    walk: [fromPod("a", arp({ mac: MAC, address: "0.0.0.0" }, A), silent("invalid-source-ip"))],
  },
  {
    name: "says nothing to a pod that asks in another's name",
    walk: [
      fromPod("a", arp({ mac: MAC, address: B }, ROUTER), silent("invalid-source-ip")),
      fromPod("a", arp({ mac: MAC, address: WORLD }, ROUTER), silent("invalid-source-ip")),
    ],
  },
  {
    name: "lets no pod answer",
    walk: [fromPod("a", arp({ mac: MAC, address: A }, ROUTER, 2), silent("unsupported-l2"))],
  },
  {
    name: "drops ARP that is cut off",
    walk: [fromPod("a", arp({ mac: MAC, address: A }, ROUTER).slice(0, 41), silent("invalid-packet"))],
  },
  {
    name: "lets the answer reach the pod",
    walk: [toPod("a", arp({ mac: MAC, address: ROUTER }, A, 2), { verdict: "accept" })],
  },
];

const others: readonly WalkCase[] = [
  { name: "IPv6", ethertype: 0x86dd },
  { name: "a VLAN tag", ethertype: 0x8100 },
  { name: "LLDP", ethertype: 0x88cc },
].flatMap(({ name, ethertype }): WalkCase[] => [
  {
    name: `drops ${name} from and to pods`,
    walk: [
      fromPod("a", frame(ethertype), silent("unsupported-l2")),
      toPod("a", frame(ethertype), silent("unsupported-l2")),
    ],
  },
  {
    name: `leaves ${name} of the uplink alone`,
    walk: [
      fromFabric(frame(ethertype), { verdict: "next" }),
      toFabric(frame(ethertype), { verdict: "next" }),
    ],
  },
]);

const refused = { verdict: "drop", as: "invalid-source-ip" } as const;

const sources: readonly WalkCase[] = [
  {
    name: "refuses a pod that takes a neighbour's address",
    walk: [fromPod("b", tcp(`${A}:1`, `${C}:80`), refused)],
  },
  ...[REMOTE, WORLD, NODE, ROUTER, "127.0.0.1", "0.0.0.0", "169.254.42.1"].map((source): WalkCase => ({
    name: `refuses ${source} as the source of a pod's packet`,
    walk: [fromPod("a", udp(`${source}:1`, `${B}:80`), { ...refused, event: { endpoint: 0 } })],
  })),
  {
    name: "refuses a pod that is no endpoint any more",
    given: ({ maps }) => maps.endpoints.delete({ address: parseAddress(A) }),
    walk: [fromPod("a", tcp(`${A}:1`, `${B}:80`), refused)],
  },
];

const bad = { verdict: "drop", as: "invalid-packet" } as const;
const cut = (packet: Uint8Array, length: number): Uint8Array => packet.slice(0, length);

/** Each from the Ethernet header on. */
const malformed: readonly (readonly [name: string, packet: Uint8Array])[] = [
  ["a version that is not 4", ip(A, B, PROTOCOL.udp, new Uint8Array(8), { version: 6 })],
  ["a header of less than 20 bytes", patched(tcp(`${A}:1`, `${B}:80`), 14, 0x44)],
  ["options that are cut off", patched(cut(tcp(`${A}:1`, `${B}:80`), 42), 14, 0x4f)],
  ["a TCP header that is cut off", cut(tcp(`${A}:1`, `${B}:80`), 14 + 20 + 19)],
  ["no more of TCP's header than its flags", cut(tcp(`${A}:1`, `${B}:80`), 14 + 20 + 14)],
  ["a UDP header that is cut off", cut(udp(`${A}:1`, `${B}:80`), 14 + 20 + 7)],
  ["an ICMP header that is cut off", cut(icmp(A, B), 14 + 20 + 7)],
  ["no transport header", ip(A, B, PROTOCOL.sctp, new Uint8Array(0))],
  ["an ICMP error that quotes too little", icmpError(A, B, udp(`${B}:1`, `${A}:80`), { quoted: 27 })],
  [
    "an ICMP error about a packet with options",
    icmpError(A, B, udp(`${B}:1`, `${A}:80`, { options: new Uint8Array(4) })),
  ],
];

const headers: readonly WalkCase[] = malformed.flatMap(([name, packet]): WalkCase[] => [
  {
    name: `drops ${name}, of pods and to pods`,
    walk: [fromPod("a", packet, bad), toPod("b", packet, bad)],
  },
  { name: `leaves ${name} from the uplink to the stack`, walk: [fromFabric(packet, { verdict: "next" })] },
]);

const unmapped: readonly WalkCase[] = [
  {
    name: "maps no port for a header that is cut off",
    walk: [toFabric(cut(tcp(`${A}:40000`, `${WORLD}:80`), 14 + 20 + 19), bad)],
  },
];

function patched(packet: Uint8Array, at: number, byte: number): Uint8Array {
  const changed = packet.slice();
  changed[at] = byte;
  return changed;
}

export const links: Suite = (runner, create) => {
  walks(runner, create, "ARP", arps);
  walks(runner, create, "what is not IPv4", others);
  walks(runner, create, "the source check", sources);
  walks(runner, create, "headers that cannot be read", [...headers, ...unmapped]);
};
