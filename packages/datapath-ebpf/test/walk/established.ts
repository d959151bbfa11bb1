import { EndpointFlag } from "@netloom/core/backend";
import { FLAG, PROTOCOL, tcp, udp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromPod, fromTunnel, walks, type Step, type WalkCase } from "./case.ts";
import { A, B, C, IDENTITY, OTHER_NODE, REMOTE, type World } from "./world.ts";

const { SYN, ACK } = FLAG;
const client = `${A}:40000`;
const server = `${B}:80`;
const FLOW = `ct tcp ${client} > ${server}`;

const opened: readonly Step[] = [
  fromPod("a", tcp(client, server), {
    verdict: "redirect",
    as: "to-endpoint",
    changes: [`+ ${FLOW} 60s S/- egress=7/301 ingress=7/300`],
  }),
  fromPod("b", tcp(server, client, { flags: SYN | ACK }), {
    verdict: "redirect",
    as: "to-endpoint",
    changes: [`~ ${FLOW} 8000s S/S seen-reply egress=7/301 ingress=7/300`],
  }),
];

const data = tcp(client, server, { flags: ACK });
const answer = tcp(server, client, { flags: ACK });
const passes = { verdict: "redirect", as: "to-endpoint" } as const;
const denied = { verdict: "drop", as: "policy-denied" } as const;

const closed = (pod: "a" | "b", direction: "egress" | "ingress", set: number) => (world: World) =>
  world.policy(pod, set, [{ direction, identity: 999 }]);

const cases: readonly WalkCase[] = [
  {
    name: "stops what the receiver does not allow any more, and leaves the entry",
    walk: [
      ...opened,
      fromPod(
        "a",
        data,
        { ...denied, event: { state: "established", egress: [7, 0, "cached"], ingress: [20, 0, "none"] } },
        { before: closed("b", "ingress", 20) },
      ),
      fromPod("a", data, denied),
    ],
  },
  {
    name: "stops what the sender may not send any more",
    walk: [
      ...opened,
      fromPod(
        "a",
        data,
        { ...denied, event: { state: "established", egress: [20, 0, "none"] } },
        {
          before: closed("a", "egress", 20),
        },
      ),
    ],
  },
  {
    name: "does not ask of answers, whatever has changed",
    walk: [
      ...opened,
      fromPod(
        "b",
        answer,
        { ...passes, event: { state: "reply", egress: [0, 0, "none"], ingress: [0, 0, "none"] } },
        {
          before: (world) => {
            closed("b", "egress", 20)(world);
            closed("a", "ingress", 21)(world);
          },
        },
      ),
    ],
  },
  {
    name: "asks once under a new set, and remembers",
    walk: [
      ...opened,
      fromPod(
        "a",
        data,
        {
          ...passes,
          changes: [`~ ${FLOW} 8000s S/S seen-reply egress=7/301 ingress=20/300`],
          event: { egress: [7, 0, "cached"], ingress: [20, 4, "l3-l4"] },
        },
        {
          before: (world) =>
            world.policy("b", 20, [
              { direction: "ingress", identity: 300, protocol: PROTOCOL.tcp, port: 80, rule: 4 },
            ]),
        },
      ),
      fromPod("a", data, { ...passes, event: { ingress: [20, 0, "cached"] } }),
    ],
  },
  {
    name: "asks again when the receiver is somebody else",
    walk: [
      ...opened,
      fromPod(
        "a",
        data,
        {
          ...passes,
          changes: [`~ ${FLOW} 8000s S/S seen-reply egress=7/555 ingress=7/300`],
          event: { egress: [7, 0, "none"], ingress: [7, 0, "cached"] },
        },
        { before: (world) => world.pod("b", { identity: 555 }) },
      ),
    ],
  },
  {
    name: "asks again when the sender is somebody else",
    given: (world) => world.policy("b", 20, [{ direction: "ingress", identity: IDENTITY.a }]),
    walk: [
      fromPod("a", udp(client, `${B}:53`), {
        ...passes,
        changes: [`+ ct udp ${client} > ${B}:53 60s egress=7/301 ingress=20/300`],
      }),
      fromPod(
        "a",
        udp(client, `${B}:53`),
        { ...denied, event: { state: "established" } },
        {
          before: (world) => world.pod("a", { identity: 555 }),
        },
      ),
    ],
  },
  {
    name: "asks again of another node's pod that is somebody else",
    given: (world) => world.policy("a", 20, [{ direction: "ingress", identity: IDENTITY.remote }]),
    walk: [
      fromTunnel(IDENTITY.remote, OTHER_NODE, udp(`${REMOTE}:1`, `${A}:53`), {
        ...passes,
        changes: [`+ ct udp ${REMOTE}:1 > ${A}:53 60s ingress=20/400`],
      }),
      fromTunnel(401, OTHER_NODE, udp(`${REMOTE}:1`, `${A}:53`), {
        ...denied,
        event: { state: "established" },
      }),
    ],
  },
  {
    name: "asks of a flow that nobody was asked about, also under set 0 and of identity 0",
    walk: [
      opened[0]!,
      fromPod(
        "a",
        data,
        { ...denied, event: { state: "established", ingress: [0, 0, "none"] } },
        {
          before: (world) => {
            world.age([client, server], { ingressAllowed: 0n });
            world.pod("a", { identity: 0 });
            world.pod("b", { policy: 0, ingressShape: 0 });
          },
        },
      ),
      fromPod(
        "a",
        data,
        { ...denied, event: { state: "established", egress: [0, 0, "none"] } },
        {
          before: (world) => {
            world.age([client, server], { egressAllowed: 0n });
            world.pod("a", { policy: 0, egressShape: 0 });
            world.pod("b", { identity: 0 });
          },
        },
      ),
    ],
  },
  {
    name: "never makes an entry for what it refuses, however often it comes",
    given: closed("b", "ingress", 20),
    walk: [
      fromPod("a", data, { ...denied, event: { state: "new" } }),
      fromPod("a", data, { ...denied, event: { state: "new" } }),
      fromPod("a", udp(client, server), { ...denied, event: { state: "new" } }),
      // Nor would an answer to it be one.
      fromPod("b", answer, {
        ...passes,
        changes: [`+ ct tcp ${server} > ${client} 8000s -/- egress=20/300 ingress=7/301`],
        event: { state: "new" },
      }),
    ],
  },
  {
    name: "lets established flows go on in lockdown, also under a set they were not asked under",
    walk: [
      ...opened,
      fromPod(
        "a",
        data,
        { ...passes, event: { ingress: [7, 0, "cached"] } },
        {
          before: (world) => world.pod("b", { flags: EndpointFlag.ENDPOINT_LOCKDOWN }),
        },
      ),
      fromPod(
        "a",
        data,
        { ...passes, event: { ingress: [21, 0, "none"] } },
        {
          before: (world) => world.pod("b", { flags: EndpointFlag.ENDPOINT_LOCKDOWN, policy: 21 }),
        },
      ),
      fromPod("b", answer, { ...passes, event: { state: "reply" } }),
      fromPod("c", tcp(`${C}:40000`, server), { verdict: "drop", as: "policy-lockdown" }),
    ],
  },
];

export const established: Suite = (runner, create) =>
  walks(runner, create, "policy on established flows", cases);
