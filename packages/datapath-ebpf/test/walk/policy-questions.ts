import { tcp, udp, PROTOCOL } from "../support/packets.ts";
import { fromPod, type Expectation, type WalkCase } from "./case.ts";
import { A, B, type PolicyRow, type World } from "./world.ts";

export const SET = 20;
export const to = (port: number, protocol = "tcp"): string => `${protocol} ${A}:40000 > ${B}:${port}`;
export const syn = (port: number): Uint8Array => tcp(`${A}:40000`, `${B}:${port}`);

export const client = `${A}:40000`;

export type Answer = readonly [rule: number, match: string, reason?: string];

/** b's ingress policy, packets of a's to it, and the answer to each. */
export function asked(
  name: string,
  rows: readonly Omit<PolicyRow, "direction">[],
  answers: readonly (readonly [packet: Uint8Array, flow: string, answer: Answer])[],
  more: Parameters<World["policy"]>[3] = {},
): WalkCase {
  return {
    name,
    given: (world) => {
      const own = rows.map((row) => ({ ...row, direction: "ingress" }) as const);
      world.policy("b", SET, own.length > 0 ? own : [{ direction: "ingress", identity: 999 }], more);
    },
    walk: answers.map(([packet, flow, answer]) => fromPod("a", packet, ingress(flow, answer))),
  };
}

export function ingress(flow: string, [rule, match, reason]: Answer): Expectation {
  const event = { egress: [7, 0, "none"], ingress: [SET, rule, match] } as const;
  if (reason !== undefined) return { verdict: "drop", as: reason, event };
  const life = flow.startsWith("tcp") ? "60s S/-" : "60s";
  const changes = [`+ ct ${flow} ${life} egress=7/301 ingress=${SET}/300`];
  return { verdict: "redirect", as: "to-endpoint", changes, event };
}

export const DENIED: Answer = [0, "none", "policy-denied"];
export const tcpRow = { protocol: PROTOCOL.tcp };
export const datagram = (port: number): readonly [Uint8Array, string] => [
  udp(`${A}:40000`, `${B}:${port}`),
  to(port, "udp"),
];
