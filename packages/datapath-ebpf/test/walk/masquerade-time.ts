import { FLAG, PROTOCOL, tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromFabric, toFabric, walks, type WalkCase } from "./case.ts";
import { client, peer, outside, random, leaves, passes, mapped, a } from "./masquerade-questions.ts";
import { A, IDENTITY, NODE } from "./world.ts";

const { ACK } = FLAG;

const time: readonly WalkCase[] = [
  {
    name: "keeps the way back of a flow that goes one way only",
    walk: [
      toFabric(udp(client, peer), {
        ...leaves,
        from: outside,
        changes: mapped(client, outside, "60s", "udp"),
      }),
      toFabric(
        udp(client, peer),
        {
          ...leaves,
          from: outside,
          changes: [
            `~ nat out udp ${client} > ${peer} as ${outside} 60s`,
            `~ nat back udp ${peer} > ${outside} to ${client} 60s`,
          ],
        },
        {
          before: (world) => {
            world.ageNat("egress", 20);
            world.ageNat("ingress", 20);
          },
        },
      ),
    ],
  },
  {
    name: "writes a way back again that was evicted",
    walk: [
      toFabric(udp(client, peer), {
        ...leaves,
        from: outside,
        changes: mapped(client, outside, "60s", "udp"),
      }),
      toFabric(
        udp(client, peer),
        {
          ...leaves,
          from: outside,
          changes: [
            `~ nat out udp ${client} > ${peer} as ${outside} 60s`,
            `+ nat back udp ${peer} > ${outside} to ${client} 60s`,
          ],
        },
        {
          before: (world) => {
            world.ageNat("egress", 20);
            world.forgetNat("ingress");
          },
        },
      ),
    ],
  },
  {
    name: "keeps the port of a flow that only listens, and writes the way out again",
    walk: [
      toFabric(udp(client, peer), {
        ...leaves,
        from: outside,
        changes: mapped(client, outside, "60s", "udp"),
      }),
      fromFabric(
        udp(peer, outside),
        {
          ...passes,
          to: client,
          changes: [
            `+ nat out udp ${client} > ${peer} as ${outside} 60s`,
            `~ nat back udp ${peer} > ${outside} to ${client} 60s`,
            `+ ct udp ${peer} > ${client} 60s ingress=7/2`,
          ],
        },
        {
          before: (world) => {
            world.ageNat("ingress", 20);
            world.forgetNat("egress");
          },
        },
      ),
      toFabric(udp(client, peer), { ...leaves, from: outside }),
    ],
  },
  {
    name: "takes its own port again where only the way out was forgotten",
    walk: [
      ...a,
      toFabric(
        tcp(client, peer, { flags: ACK }),
        { ...leaves, from: outside, changes: [`+ nat out tcp ${client} > ${peer} as ${outside} 8000s`] },
        { before: (world) => world.forgetNat("egress") },
      ),
    ],
  },
  {
    name: "takes another port where another flow has got its own meanwhile",
    walk: [
      ...a,
      toFabric(
        tcp(client, peer, { flags: ACK }),
        {
          ...leaves,
          from: random,
          changes: [
            `~ nat out tcp ${client} > ${peer} as ${random} 8000s`,
            `+ nat back tcp ${peer} > ${random} to ${client} 8000s`,
          ],
        },
        {
          before: (world) => {
            world.ageNat("egress", 20);
            world.forgetNat("ingress");
            world.mappedBack([40_000], NODE, peer, PROTOCOL.tcp);
          },
        },
      ),
    ],
  },
  {
    name: "leaves an answer to the stack that comes too late",
    walk: [
      toFabric(udp(client, peer), {
        ...leaves,
        from: outside,
        changes: mapped(client, outside, "60s", "udp"),
      }),
      fromFabric(udp(peer, outside), { verdict: "next" }, { before: (world) => world.ageNat("ingress", -1) }),
    ],
  },
];

const node: readonly WalkCase[] = [
  {
    name: "moves the node's own flow out of the way of a pod's, restores its answers, and lets it stay there",
    walk: [
      ...a,
      toFabric(tcp(outside, peer), {
        ...leaves,
        from: random,
        changes: mapped(outside, random),
        event: { endpoint: 0, identities: [IDENTITY.host, IDENTITY.world] },
      }),
      fromFabric((port) => tcp(peer, `${NODE}:${port}`), { verdict: "next", restored: outside }),
      // The pod's mapping is gone; the node's connection goes on.
      toFabric(
        tcp(outside, peer, { flags: ACK }),
        { ...leaves, from: random },
        {
          before: (world) => world.forgetNatOf(A),
        },
      ),
    ],
  },
  {
    name: "lets the node have a port that was a pod's",
    walk: [
      ...a,
      toFabric(tcp(outside, peer), { verdict: "next" }, { before: (world) => world.ageNat("ingress", -1) }),
    ],
  },
];

export const masqueradeTime: Suite = (runner, create) => {
  walks(runner, create, "how long mappings last", time);
  walks(runner, create, "the node's own flows beside masqueraded ones", node);
};
