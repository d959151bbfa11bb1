import { IpcacheFlag } from "@netloom/core/backend";
import { ICMP, icmpError, tcp } from "../support/packets.ts";
import type { Suite } from "./bench.ts";
import { fromFabric, fromPod, fromTunnel, toFabric, walks, type WalkCase } from "./case.ts";
import {
  client,
  here,
  inside,
  LB,
  onTheLink,
  servedHere,
  servedThere,
  there,
  WEB,
  web,
} from "./north-south-questions.ts";
import { A, IDENTITY, NATIVE, NODE, OTHER_NODE, REMOTE, ROUTER, WORLD } from "./world.ts";

const passes = { verdict: "redirect", as: "to-endpoint" } as const;
const UNMARKED = { mark: 0 };
const leaves = { verdict: "redirect", as: "to-netdev", mark: 0x0300 } as const;
/** Somebody on the way. */
const HOP = "192.0.2.254";
const onLink = `${NATIVE}:8080`;
const tooLong = { type: ICMP.unreachable, code: 4 };

const near: readonly WalkCase[] = [
  {
    name: "brings an error about an answer to the pod that sent it, whoever on the way it is from",
    given: web(here),
    walk: [
      servedHere,
      ...[WORLD, HOP].map((from) =>
        fromFabric(icmpError(from, LB, tcp(WEB, client), tooLong), {
          ...passes,
          to: `${A}:0`,
          inner: [here, client],
          event: { state: "related", endpoint: 1 },
        }),
      ),
    ],
  },
  {
    name: "brings a pod's error about a client's packet out from the frontend",
    given: web(here),
    walk: [
      servedHere,
      fromPod(
        "a",
        icmpError(A, WORLD, tcp(client, here)),
        {
          ...leaves,
          from: `${LB}:0`,
          inner: [client, WEB],
          event: { state: "related" },
        },
        UNMARKED,
      ),
      toFabric(icmpError(LB, WORLD, tcp(client, WEB)), { verdict: "next" }, { mark: 0x0300 }),
    ],
  },
  {
    name: "leaves to the stack what tells of no flow, of the client's own packets, or of a pod's",
    given: web(here),
    walk: [
      fromFabric(icmpError(WORLD, LB, tcp(WEB, client)), { verdict: "next" }),
      servedHere,
      fromFabric(icmpError(WORLD, LB, tcp(`${LB}:443`, `${WORLD}:50001`)), { verdict: "next" }),
      fromFabric(icmpError(WORLD, LB, tcp(client, WEB)), { verdict: "next" }),
      fromPod("b", tcp("10.1.0.11:9", WEB), {
        ...{ ...passes, to: here },
        changes: [
          `+ ct tcp 10.1.0.11:9 > ${WEB} 8000s S/- service nat=${here} backend=1`,
          `+ ct tcp 10.1.0.11:9 > ${here} 60s S/- translated nat=${WEB} egress=7/300 ingress=7/301`,
        ],
      }),
      fromFabric(icmpError(HOP, LB, tcp(WEB, "10.1.0.11:9")), { verdict: "next" }),
    ],
  },
];

const far: readonly WalkCase[] = [
  {
    name: "brings an error about an answer through the tunnel, and about a client's packet out of it",
    given: web(there),
    walk: [
      servedThere,
      fromFabric(icmpError(HOP, LB, tcp(WEB, client), tooLong), {
        ...{ verdict: "redirect", as: "to-overlay", from: `${ROUTER}:0`, to: `${REMOTE}:0` },
        inner: [there, inside],
        event: { state: "related", tunnel: OTHER_NODE },
      }),
      fromTunnel(
        IDENTITY.remote,
        OTHER_NODE,
        icmpError(REMOTE, ROUTER, tcp(inside, there)),
        {
          ...{ ...leaves, from: `${LB}:0`, to: `${WORLD}:0` },
          inner: [client, WEB],
          event: { state: "related" },
        },
        UNMARKED,
      ),
    ],
  },
  {
    name: "brings them natively",
    given: (world) => {
      web(onLink)(world);
      world.address(NATIVE, IDENTITY.native, "::", IpcacheFlag.IPCACHE_NATIVE);
    },
    walk: [
      {
        ...fromFabric(tcp(client, WEB), { ...leaves, from: onTheLink, to: onLink }, UNMARKED),
        expect: {
          ...{ ...leaves, from: onTheLink, to: onLink },
          changes: [
            `+ ct tcp ${client} > ${WEB} 8000s S/- service from-outside nat=${onLink} backend=1`,
            `+ ct tcp ${client} > ${onLink} 60s S/- translated from-outside nat=${WEB}`,
            `+ nat out tcp ${client} > ${onLink} as ${onTheLink} 8000s`,
            `+ nat back tcp ${onLink} > ${onTheLink} to ${client} 8000s`,
          ],
        },
      },
      fromFabric(
        icmpError(HOP, LB, tcp(WEB, client), tooLong),
        {
          ...{ ...leaves, from: `${NODE}:0`, to: `${NATIVE}:0` },
          inner: [onLink, onTheLink],
        },
        UNMARKED,
      ),
      fromFabric(
        icmpError(HOP, NODE, tcp(onTheLink, onLink), tooLong),
        {
          ...{ ...leaves, from: `${LB}:0`, to: `${WORLD}:0` },
          inner: [client, WEB],
        },
        UNMARKED,
      ),
    ],
  },
  {
    name: "drops an error about an answer whose way back is forgotten",
    given: web(there),
    walk: [
      servedThere,
      {
        ...fromFabric(icmpError(HOP, LB, tcp(WEB, client), tooLong), {
          verdict: "drop",
          as: "no-nat-mapping",
        }),
        before: (world) => world.forgetNat("egress"),
      },
    ],
  },
];

export const northSouthErrors: Suite = (runner, create) => {
  walks(runner, create, "errors about a frontend whose backend is of the node", near);
  walks(runner, create, "errors about a frontend whose backend is elsewhere", far);
};
