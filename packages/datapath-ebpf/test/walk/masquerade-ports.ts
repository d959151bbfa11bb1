import { NatLimits } from "@netloom/core/backend";
import { FLAG, PROTOCOL, tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromFabric, fromPod, toFabric, walkOn, walks, type Step, type WalkCase } from "./case.ts";
import { A, B, IDENTITY, NODE, WORLD, type World } from "./world.ts";

const { ACK, FIN } = FLAG;
const client = `${A}:40000`;
const other = `${B}:40000`;
const peer = `${WORLD}:443`;
const outside = `${NODE}:40000`;
const random = `${NODE}:<port>`;
const leaves = { verdict: "next", as: "to-netdev" } as const;
const passes = { verdict: "redirect", as: "to-endpoint" } as const;

const mapped = (from: string, as: string, life = "8000s", protocol = "tcp", to = peer): string[] => [
  `+ nat out ${protocol} ${from} > ${to} as ${as} ${life}`,
  `+ nat back ${protocol} ${to} > ${as} to ${from} ${life}`,
];

/** A pod's packet, from the pod and by the uplink. */
const sent = (
  pod: "a" | "b",
  flags: number,
  entry: readonly string[],
  from: string,
  nat: readonly string[],
): Step[] => {
  const packet = tcp(pod === "a" ? client : other, peer, { flags });
  return [
    fromPod(pod, packet, { verdict: "redirect", as: "to-netdev", changes: entry }),
    toFabric(packet, { ...leaves, from, changes: nat }),
  ];
};

const entry = (from: string): string => `+ ct tcp ${from} > ${peer} 60s S/- outside egress=7/2`;
const a = sent("a", FLAG.SYN, [entry(client)], outside, mapped(client, outside));
const bElsewhere = sent("b", FLAG.SYN, [entry(other)], random, mapped(other, random));

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

export const masqueradePorts: Suite = (runner, create) => {
  walks(runner, create, "ports for masquerading", taken);
  walks(runner, create, "how many ports there are", limits);
  walks(runner, create, "how long mappings last", time);
  walks(runner, create, "the node's own flows beside masqueraded ones", node);
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
            }),
          ],
        });
      });
    }
  });
};
