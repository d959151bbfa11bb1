import { FLAG, tcp } from "../support/packets.ts";
import { fromPod, toFabric, type Step } from "./case.ts";
import { A, B, NODE, WORLD } from "./world.ts";

export const client = `${A}:40000`;
export const other = `${B}:40000`;
export const peer = `${WORLD}:443`;
export const outside = `${NODE}:40000`;
export const random = `${NODE}:<port>`;
export const leaves = { verdict: "next", as: "to-netdev" } as const;
export const passes = { verdict: "redirect", as: "to-endpoint" } as const;

export const mapped = (from: string, as: string, life = "8000s", protocol = "tcp", to = peer): string[] => [
  `+ nat out ${protocol} ${from} > ${to} as ${as} ${life}`,
  `+ nat back ${protocol} ${to} > ${as} to ${from} ${life}`,
];

/** A pod's packet, from the pod and by the uplink. */
export const sent = (
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

export const entry = (from: string): string => `+ ct tcp ${from} > ${peer} 60s S/- outside egress=7/2`;
export const a = sent("a", FLAG.SYN, [entry(client)], outside, mapped(client, outside));
export const bElsewhere = sent("b", FLAG.SYN, [entry(other)], random, mapped(other, random));
