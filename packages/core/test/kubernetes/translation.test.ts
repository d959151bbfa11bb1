import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAddress, parsePolicy } from "@netloom/core";
import { podLabels, translateNetworkPolicy, type KubernetesNetworkPolicy } from "@netloom/core/kubernetes";
import { networkPolicies, networkPolicy, OUTSIDE, pods, WIDE } from "./arbitrary.ts";
import { PureEngine } from "./pure-engine.ts";
import { referenceAllows, type ReferenceEnd, type ReferenceQuestion } from "./reference.ts";

const PACKETS = [
  { protocol: "TCP", port: 80 },
  { protocol: "TCP", port: 8080 },
  { protocol: "TCP", port: 10_084 },
  { protocol: "UDP", port: 53 },
  { protocol: "SCTP", port: 79 },
] as const;

type Packet = (typeof PACKETS)[number];

/** What there is: a state that an engine is brought to. */
interface World {
  readonly policies: readonly KubernetesNetworkPolicy[];
  readonly pods: readonly ReferenceEnd[];
}

/** The labels of a pod that says where it is by these prefixes. */
function labelsOf({ namespace, labels, ports }: ReferenceEnd, prefixes: readonly string[]): string[] {
  const metadata = { namespace: namespace!.name, labels };
  return podLabels({ metadata, spec: { containers: [{ ports }] } }, { metadata: namespace! }, { prefixes });
}

function bringTo(
  engine: PureEngine,
  world: World,
  prefixesOf: (pod: ReferenceEnd) => readonly string[] = ({ address }) => [address],
): void {
  const policies = world.policies.map((policy) => translateNetworkPolicy(policy));
  const endpoints = world.pods.map((pod) => [pod.address, labelsOf(pod, prefixesOf(pod))] as const);
  engine.apply(policies, new Map(endpoints));
}

function* questions(all: World["pods"]): Generator<ReferenceQuestion & Packet, void, undefined> {
  for (const direction of ["egress", "ingress"] as const) {
    for (const subject of all) {
      for (const peer of [...all, ...OUTSIDE]) {
        for (const packet of PACKETS) yield { direction, subject, peer, ...packet };
      }
    }
  }
}

function ask(engine: PureEngine, { subject, peer, ...rest }: ReferenceQuestion & Packet): boolean {
  const end = peer.namespace === undefined ? parseAddress(peer.address) : peer.address;
  return engine.allows({ ...rest, subject: subject.address, peer: end });
}

const world = fc.record({ policies: networkPolicies(), pods });

describe("a NetworkPolicy of Kubernetes", () => {
  it("can be translated, whatever is valid, and what comes out is a policy", () => {
    fc.assert(
      fc.property(networkPolicy(), (policy) => {
        const translated = translateNetworkPolicy(policy);
        expect(parsePolicy(translated).name).toBe(`${policy.metadata.namespace}/${policy.metadata.name}`);
      }),
      { numRuns: 1000 },
    );
  });

  it("means what the documentation of Kubernetes says, after any changes", () => {
    fc.assert(
      fc.property(fc.array(world, { minLength: 1, maxLength: 3 }), (history) => {
        const engine = new PureEngine();
        for (const state of history) {
          bringTo(engine, state);
          const different = [...questions(state.pods)].filter(
            (question) => ask(engine, question) !== referenceAllows(state.policies, question),
          );
          expect(different).toEqual([]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("means the same in any order of policies, rules, peers and ports", () => {
    fc.assert(
      fc.property(world, fc.infiniteStream(fc.nat()), (state, random) => {
        const numbers = random[Symbol.iterator]();
        const engine = new PureEngine();
        const other = new PureEngine();
        bringTo(engine, state);
        const policies = shuffled(state.policies, () => numbers.next().value!);
        bringTo(other, { ...state, policies });
        for (const question of questions(state.pods))
          expect(ask(other, question)).toBe(ask(engine, question));
      }),
      { numRuns: 100 },
    );
  });

  it("means the same where pods say no more than the range of all pods, as long as no block cuts it", () => {
    fc.assert(
      fc.property(fc.record({ policies: networkPolicies(WIDE), pods }), (state) => {
        const engine = new PureEngine();
        bringTo(engine, state, ({ address }) => [address.includes(":") ? "fd00::/48" : "192.168.1.0/24"]);
        for (const question of questions(state.pods)) {
          expect(ask(engine, question)).toBe(referenceAllows(state.policies, question));
        }
      }),
      { numRuns: 100 },
    );
  });

  it("allows nothing more where a block cuts that range, or a pod has both families", () => {
    fc.assert(
      fc.property(world, fc.boolean(), (state, coarse) => {
        const engine = new PureEngine();
        const twins = state.pods.map((pod, index) => ({
          ...pod,
          other: pod.address.includes(":") ? `192.168.1.${index + 1}` : `fd00::${index + 1}`,
        }));
        const prefixesOf = (pod: ReferenceEnd): readonly string[] =>
          coarse ? ["192.168.1.0/24", "fd00::/48"] : [pod.address, twins[state.pods.indexOf(pod)]!.other];
        bringTo(engine, state, prefixesOf);
        for (const question of questions(state.pods)) {
          if (!ask(engine, question)) continue;
          const twin = twins.find(({ address }) => address === question.peer.address);
          const addresses = [question.peer.address, ...(twin === undefined ? [] : [twin.other])];
          for (const address of addresses) {
            const peer = { ...question.peer, address };
            expect(referenceAllows(state.policies, { ...question, peer })).toBe(true);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** Every list in it, at any depth, in another order. */
function shuffled<T>(input: T, next: () => number): T {
  if (Array.isArray(input)) {
    const keyed = input.map((one: unknown) => ({ one: shuffled(one, next), at: next() }));
    return keyed.sort((a, b) => a.at - b.at).map(({ one }) => one) as T;
  }
  if (typeof input !== "object" || input === null) return input;
  return Object.fromEntries(Object.entries(input).map(([key, value]) => [key, shuffled(value, next)])) as T;
}
