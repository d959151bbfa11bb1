import assert from "node:assert/strict";
import { NatLimits } from "@netloom/core/backend";
import { dissect } from "../support/dissect.ts";
import { FLAG, PROTOCOL, tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromFabric, toFabric, walkOn, walks, type WalkCase } from "./case.ts";
import {
  client,
  other,
  peer,
  outside,
  random,
  leaves,
  passes,
  mapped,
  sent,
  entry,
  a,
  bElsewhere,
} from "./masquerade-questions.ts";
import { NODE, WORLD, type World } from "./world.ts";

const { ACK, FIN } = FLAG;

/** What b takes was a's. */
const bInstead = sent("b", FLAG.SYN, [entry(other)], outside, [
  `- nat out tcp ${client} > ${peer} as ${outside} 8000s`,
  `~ nat back tcp ${peer} > ${outside} to ${other} 8000s`,
  `+ nat out tcp ${other} > ${peer} as ${outside} 8000s`,
]);

const taken: readonly WalkCase[] = [
  {
    name: "gives two pods on one port towards one peer different ports, and each its own answers",
    walk: [
      ...a,
      ...bElsewhere,
      fromFabric((port) => tcp(peer, `${NODE}:${port}`, { flags: ACK }), {
        ...passes,
        to: other,
        changes: [`~ ct tcp ${other} > ${peer} 8000s S/- seen-reply outside egress=7/2`],
      }),
      fromFabric(tcp(peer, outside, { flags: ACK }), {
        ...passes,
        to: client,
        changes: [`~ ct tcp ${client} > ${peer} 8000s S/- seen-reply outside egress=7/2`],
      }),
    ],
  },
  {
    name: "gives two pods one port towards different peers, and for different protocols",
    walk: [
      ...a,
      toFabric(tcp(other, `${WORLD}:80`), {
        ...leaves,
        from: outside,
        changes: mapped(other, outside, "8000s", "tcp", `${WORLD}:80`),
      }),
      toFabric(udp(other, peer), { ...leaves, from: outside, changes: mapped(other, outside, "60s", "udp") }),
    ],
  },
  {
    name: "takes the port of a mapping that has expired",
    walk: [
      ...a,
      { ...bInstead[0]!, before: (world) => world.ageNat("ingress", -1) },
      {
        ...bInstead[1]!,
        expect: { ...bInstead[1]!.expect },
      },
    ],
  },
  {
    name: "takes the port of a connection that is over, though its mapping would last for hours",
    walk: [
      ...a,
      { ...bInstead[0]!, before: (world) => world.age([client, peer], { expires: world.in(-1) }) },
      bInstead[1]!,
    ],
  },
  {
    name: "does not take the port of a connection that ends until it has ended",
    walk: [
      ...a,
      ...sent(
        "a",
        FIN | ACK,
        [`~ ct tcp ${client} > ${peer} 8000s SF/- closing-origin outside egress=7/2`],
        outside,
        [],
      ),
      ...bElsewhere,
    ],
  },
];

/** Every port towards the peer is the node's own. */
function exhausted(world: World): void {
  const ports = Array.from(
    { length: NatLimits.NAT_PORT_MAX - NatLimits.NAT_PORT_MIN + 1 },
    (_, at) => NatLimits.NAT_PORT_MIN + at,
  );
  world.mappedBack(ports, NODE, peer, PROTOCOL.tcp);
}

const limits: readonly WalkCase[] = [
  {
    name: "drops a new flow where every port towards its peer is taken, and no other",
    options: { mappings: 131_072 },
    given: exhausted,
    walk: [
      toFabric(tcp(client, peer), { verdict: "drop", as: "no-nat-mapping", event: { endpoint: 1 } }),
      toFabric(tcp(client, `${WORLD}:80`), {
        ...leaves,
        from: outside,
        changes: mapped(client, outside, "8000s", "tcp", `${WORLD}:80`),
      }),
    ],
  },
];

export const masqueradePorts: Suite = (runner, create) => {
  walks(runner, create, "ports for masquerading", taken);
  walks(runner, create, "how many ports there are", limits);
  runner.describe("ports that the node itself uses", () => {
    for (const protocol of ["tcp", "udp"] as const) {
      runner.it(`are not given to a pod: ${protocol}`, async () => {
        await using bench = await create();
        await using _ = await bench.occupy(protocol, 40_000);
        await walkOn(bench, {
          name: "",
          walk: [
            toFabric(protocol === "tcp" ? tcp(client, peer) : udp(client, peer), {
              ...leaves,
              from: random,
              changes: mapped(client, random, protocol === "tcp" ? "8000s" : "60s", protocol),
              also: ({ packet }) => assert.notEqual(dissect(packet).sourcePort, 40_000),
            }),
          ],
        });
      });
    }
  });
};
