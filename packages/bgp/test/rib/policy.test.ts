import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AttributeStore } from "../../src/rib/attribute-store.ts";
import { compilePolicy } from "../../src/rib/compile-policy.ts";
import { Evaluator } from "../../src/rib/evaluator.ts";
import type { Policy, PrefixMatch, Statement } from "../../src/api/policy.ts";
import { PrefixTable } from "../../src/rib/prefix-table.ts";
import { encodePrefix } from "../../src/wire/nlri.ts";
import { interpret } from "./support/oracle.ts";
import { via } from "./support/updates.ts";

const PREFIXES = ["0.0.0.0/0", "10.0.0.0/8", "10.128.0.0/9", "10.1.0.0/16", "10.1.2.0/24", "192.168.0.0/16"];
const COMMUNITIES = ["65000:1", "65000:2", "no-export"];

const range: fc.Arbitrary<PrefixMatch> = fc
  .record({ prefix: fc.constantFrom(...PREFIXES), more: fc.option(fc.nat(24)), most: fc.option(fc.nat(24)) })
  .map(({ prefix, more, most }) => {
    const length = Number(prefix.split("/")[1]);
    const minLength = more === null ? undefined : Math.min(32, length + more);
    const maxLength = most === null ? undefined : Math.min(32, (minLength ?? length) + most);
    return {
      prefix,
      ...(minLength !== undefined && { minLength }),
      ...(maxLength !== undefined && { maxLength }),
    };
  });

const some = (values: readonly string[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1 });
const asn = fc.constantFrom(65001, 65002, 7);

const statement: fc.Arbitrary<Statement> = fc.record({
  match: fc.record(
    {
      // Twelve make an index of what is tried one after another otherwise.
      prefixes: fc.oneof(
        fc.array(range, { maxLength: 3 }),
        fc.array(range, { minLength: 12, maxLength: 20 }),
      ),
      communities: some(COMMUNITIES),
      asPath: fc.record(
        { contains: asn, from: asn, origin: asn, maxLength: fc.nat(3) },
        { requiredKeys: [] },
      ),
      peers: some(["p1", "p2"]),
      sets: some(["s1"]),
    },
    { requiredKeys: [] },
  ),
  action: fc.constant("accept" as const),
  set: fc.record(
    {
      nextHop: fc.constantFrom("192.0.2.9", "2001:db8::9"),
      localPref: fc.nat(300),
      med: fc.option(fc.nat(9)),
      origin: fc.constantFrom("igp" as const, "incomplete" as const),
      prepend: fc.nat(3),
      addCommunities: some(COMMUNITIES),
      removeCommunities: some(COMMUNITIES),
    },
    { requiredKeys: [] },
  ),
});

const rejecting = statement.map(({ match }): Statement => ({ ...(match && { match }), action: "reject" }));
const policy: fc.Arbitrary<Policy> = fc.record({
  statements: fc.array(fc.oneof(statement, rejecting), { maxLength: 5 }),
});

const route = fc
  .record({
    path: fc.uniqueArray(asn, { minLength: 1 }),
    communities: fc.constantFrom(undefined, [65000 * 65536 + 1], [65000 * 65536 + 2, 0xffffff01]),
    med: fc.constantFrom(undefined, 3),
  })
  .map(({ path, ...others }) => via(path, others));

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

describe("a compiled policy", () => {
  it("does what its statements say, one after another", () => {
    const origin = fc.constantFrom({ peer: "p1", set: undefined }, { peer: undefined, set: "s1" });
    fc.assert(
      fc.property(
        policy,
        fc.array(route, { minLength: 1, maxLength: 3 }),
        origin,
        (given, routes, origin) => {
          const store = new AttributeStore();
          const table = new PrefixTable("ipv4-unicast");
          const frame = {
            before: (route: object) => route as never,
            after: (route: object) => route as never,
            ownAsn: 65000,
          };
          const compiled = compilePolicy(given, "export", "test");
          const evaluator = new Evaluator(store, table, compiled, frame, origin);
          for (const prefix of [...PREFIXES, "10.1.2.3/32", "11.0.0.0/8"]) {
            const number = table.intern(encodePrefix(prefix), 0);
            table.retain(number);
            for (const route of [...routes, ...routes]) {
              const result = evaluator.evaluate(store.intern(route), number);
              const from = origin.peer === undefined ? { set: "s1" } : { peer: origin.peer };
              const expected = interpret(given, prefix, route, 65000, from);
              expect(plain(result === 0 ? undefined : store.get(result))).toEqual(plain(expected));
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("matches IPv6 prefixes too, and none of another family", () => {
    const store = new AttributeStore();
    const table = new PrefixTable("ipv6-unicast");
    const given: Policy = {
      statements: [
        { match: { prefixes: [{ prefix: "0.0.0.0/0", maxLength: 32 }] }, action: "reject" },
        { match: { prefixes: [{ prefix: "2001:db8:8000::/33", maxLength: 64 }] }, action: "accept" },
      ],
    };
    const frame = {
      before: (route: object) => route as never,
      after: (route: object) => route as never,
      ownAsn: 1,
    };
    const evaluator = new Evaluator(store, table, compilePolicy(given, "import", "test"), frame);
    const id = store.intern(via([1]));
    const passes = (prefix: string) => {
      const number = table.intern(encodePrefix(prefix), 0);
      table.retain(number);
      return evaluator.evaluate(id, number) !== 0;
    };
    expect(passes("2001:db8:8000::/33")).toBe(true);
    expect(passes("2001:db8:ffff:1::/64")).toBe(true);
    expect(passes("2001:db8:ffff:1::/65")).toBe(false);
    expect(passes("2001:db8:7fff::/48")).toBe(false);
  });

  it("refuses what cannot be right, and names it", () => {
    const refused: readonly (readonly [unknown, RegExp])[] = [
      [{ statements: "all" }, /import\.statements: "all"/],
      [{ statements: [{ action: "allow" }] }, /statements\[0\]\.action: "allow"/],
      [{ statements: [{ action: "reject", set: { med: 1 } }] }, /statements\[0\]\.set/],
      [
        {
          statements: [
            { action: "accept" },
            { match: { prefixes: [{ prefix: "10.0.0.1/8" }] }, action: "accept" },
          ],
        },
        /statements\[1\]\.match\.prefixes\[0\]\.prefix: "10\.0\.0\.1\/8"/,
      ],
      [
        { statements: [{ match: { prefixes: [{ prefix: "10.0.0.0/8", maxLength: 7 }] }, action: "accept" }] },
        /maxLength: 7 is not a number from 8 to 32/,
      ],
      [
        { statements: [{ match: { communities: ["65000:70000"] }, action: "accept" }] },
        /communities\[0\]: "65000:70000"/,
      ],
      [
        { statements: [{ match: { largeCommunities: ["1:2"] }, action: "accept" }] },
        /largeCommunities\[0\]: "1:2"/,
      ],
      [{ statements: [{ match: { asPath: { from: -1 } }, action: "accept" }] }, /asPath\.from: -1/],
      [{ statements: [{ match: { sets: ["x"] }, action: "accept" }] }, /sets/],
      [{ statements: [{ match: { peers: ["x"] }, action: "accept" }] }, /peers/],
      [{ statements: [{ action: "accept", set: { localPref: 1.5 } }] }, /set\.localPref: 1\.5/],
      [{ statements: [{ action: "accept", set: { nextHop: "here" } }] }, /set\.nextHop: "here"/],
      [{ statements: [{ action: "accept", set: { origin: "bgp" } }] }, /set\.origin: "bgp"/],
      [{ statements: [{ action: "accept", set: { prepend: 1000 } }] }, /set\.prepend: 1000/],
      [
        { statements: [{ action: "accept", set: { addCommunities: ["nobody"] } }] },
        /addCommunities\[0\]: "nobody"/,
      ],
    ];
    for (const [given, message] of refused) {
      expect(() => compilePolicy(given as Policy, "import", "import")).toThrow(
        expect.objectContaining({
          code: "ERR_BGP_CONFIG",
          message: expect.stringMatching(message) as string,
        }),
      );
    }
  });
});
