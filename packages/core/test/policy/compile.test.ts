import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ResolvedRule } from "../../src/policy/columns.ts";
import { compileDirection } from "../../src/policy/compile.ts";
import { blocksOf, covers } from "../../src/policy/l4.ts";
import type { PolicyProtocol } from "../../src/policy/types.ts";
import { askPolicy, lookupIn, type PolicyQuestion } from "../../src/policy/verdict.ts";

const IDENTITIES = [256, 257, 258, 300];
const TCP = 6;

/** What the rules mean, said as plainly as can be: any deny denies, else any allow allows, else the default. */
function oracle(rules: readonly ResolvedRule[], enforced: boolean, question: PolicyQuestion): boolean {
  const point = { protocol: question.protocol, port: question.port, bits: 16 };
  const matching = rules.filter(
    ({ peers, blocks }) =>
      (peers === undefined || [...peers].includes(question.identity)) &&
      blocks.some((block) => covers(block, point)),
  );
  if (matching.some(({ deny }) => deny)) return false;
  return matching.length > 0 || !enforced;
}

const portChoice = fc.oneof(fc.constantFrom(1, 22, 80, 443, 8080, 65_535), fc.integer({ min: 70, max: 100 }));

const blocks = fc
  .record({
    protocol: fc.constantFrom<PolicyProtocol>("ANY", "TCP", "UDP"),
    ports: fc.option(fc.tuple(portChoice, portChoice), { nil: undefined }),
  })
  .map(({ protocol, ports }) =>
    ports === undefined
      ? blocksOf({ protocol })
      : blocksOf({ protocol, first: Math.min(...ports), last: Math.max(...ports) }),
  );

const rules = fc.array(
  fc.record({
    deny: fc.boolean(),
    blocks,
    peers: fc.option(fc.subarray(IDENTITIES), { nil: undefined }),
  }),
  { maxLength: 8 },
);

const questions = fc.record({
  identity: fc.constantFrom(...IDENTITIES, 999),
  protocol: fc.constantFrom(TCP, 17, 1),
  port: portChoice,
});

describe("compiled policy", () => {
  it("decides as the rules say, for any rules and any packet", () => {
    fc.assert(
      fc.property(
        rules,
        fc.boolean(),
        fc.array(questions, { minLength: 20, maxLength: 20 }),
        (drawn, enforced, asked) => {
          const numbered = drawn.map((rule, index) => ({ ...rule, rule: index + 1 }));
          const { entries, shape } = compileDirection(numbered, enforced);
          const lookup = lookupIn(entries);
          for (const question of asked) {
            expect(askPolicy(lookup, shape, question).allowed).toBe(oracle(numbered, enforced, question));
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("does not depend on the order of rules", () => {
    fc.assert(
      fc.property(rules, questions, (drawn, question) => {
        const numbered = drawn.map((rule, index) => ({ ...rule, rule: index + 1 }));
        const one = compileDirection(numbered, true);
        const other = compileDirection(numbered.toReversed(), true);
        expect(askPolicy(lookupIn(one.entries), one.shape, question).allowed).toBe(
          askPolicy(lookupIn(other.entries), other.shape, question).allowed,
        );
      }),
    );
  });

  it("names the rule that decided", () => {
    const { entries, shape } = compileDirection(
      [
        { rule: 1, deny: false, blocks: blocksOf({ protocol: "TCP", first: 80 }), peers: undefined },
        { rule: 2, deny: true, blocks: blocksOf({ protocol: "ANY" }), peers: [256] },
      ],
      true,
    );
    const ask = (identity: number, port: number): number | undefined =>
      askPolicy(lookupIn(entries), shape, { identity, protocol: TCP, port }).entry?.rule;
    expect(ask(257, 80)).toBe(1);
    expect(ask(256, 80)).toBe(2);
    expect(ask(256, 81)).toBe(2);
    expect(ask(257, 81)).toBeUndefined();
  });

  it("writes a range of ports as few aligned blocks", () => {
    expect(blocksOf({ protocol: "TCP", first: 8000, last: 8999 }).length).toBeLessThanOrEqual(30);
    expect(blocksOf({ protocol: "TCP", first: 1, last: 65_535 })).toHaveLength(16);
    expect(blocksOf({ protocol: "TCP", first: 1024, last: 2047 })).toEqual([
      { protocol: TCP, port: 1024, bits: 6 },
    ]);
  });
});
