import type { Match, Policy, PrefixMatch, Statement } from "../api/policy.ts";
import type { PathAttributes } from "../wire/attributes.ts";
import { FAMILIES, WIDTH, type Family } from "../wire/family.ts";
import { parsePrefix } from "../wire/prefix-text.ts";
import { checkCommunities, checkLargeCommunities, checkNumber, checkUint32, refuse } from "./check.ts";
import { PrefixMatcher, type PrefixRange, wordsOf } from "./prefix-match.ts";
import { compileChange, type CompiledChange } from "./route-change.ts";

/** Where a route is from: a peer, or a set of ours. */
export interface RouteOrigin {
  readonly peer: string | undefined;
  readonly set: string | undefined;
}

/** A policy, checked and ready to be applied. */
export interface CompiledPolicy {
  readonly statements: readonly CompiledStatement[];
  /** Some statement looks at where a route is from. */
  readonly usesOrigin: boolean;
}

export interface CompiledStatement {
  /** All but the prefix. */
  readonly matches: (attributes: PathAttributes, origin: RouteOrigin) => boolean;
  /** `undefined`: any prefix. */
  readonly prefixes: Readonly<Record<Family, PrefixMatcher>> | undefined;
  readonly accept: boolean;
  readonly change: CompiledChange | undefined;
}

type Test = (attributes: PathAttributes, origin: RouteOrigin) => boolean;

/**
 * Checks a policy and makes it ready. `where` begins the message of an error.
 *
 * @throws `ERR_BGP_CONFIG`: names the part that cannot be right.
 */
export function compilePolicy(policy: Policy, direction: "import" | "export", where: string): CompiledPolicy {
  if (!Array.isArray(policy.statements)) {
    throw refuse(`${where}.statements`, policy.statements, "a list of statements");
  }
  const statements = policy.statements.map((statement: Statement, at) =>
    compileStatement(statement, direction, `${where}.statements[${at}]`),
  );
  const usesOrigin = policy.statements.some(
    ({ match }: Statement) => match?.sets !== undefined || match?.peers !== undefined,
  );
  return { statements, usesOrigin };
}

function compileStatement(
  { match = {}, action, set }: Statement,
  direction: "import" | "export",
  where: string,
): CompiledStatement {
  if (action !== "accept" && action !== "reject") throw refuse(`${where}.action`, action, "accept or reject");
  if (set !== undefined && action === "reject")
    throw refuse(`${where}.set`, set, "of use: the route is rejected");
  const tests = [
    ...attributeTests(match, `${where}.match`),
    ...originTests(match, direction, `${where}.match`),
  ];
  return {
    matches: (attributes, origin) => tests.every((test) => test(attributes, origin)),
    prefixes: match.prefixes && compilePrefixes(match.prefixes, `${where}.match.prefixes`),
    accept: action === "accept",
    change: set && compileChange(set, `${where}.set`),
  };
}

function attributeTests(match: Match, where: string): Test[] {
  const tests: Test[] = [];
  if (match.communities !== undefined) {
    const wanted = new Set(checkCommunities(`${where}.communities`, match.communities));
    tests.push(({ communities = [] }) => communities.some((community) => wanted.has(community)));
  }
  if (match.largeCommunities !== undefined) {
    const wanted = new Set(
      checkLargeCommunities(`${where}.largeCommunities`, match.largeCommunities).map(String),
    );
    tests.push(({ largeCommunities = [] }) =>
      largeCommunities.some((community) => wanted.has(String(community))),
    );
  }
  const { contains, from, origin, maxLength } = match.asPath ?? {};
  if (contains !== undefined) {
    checkUint32(`${where}.asPath.contains`, contains);
    tests.push(({ asPath }) => asPath.some(({ asns }) => asns.includes(contains)));
  }
  if (from !== undefined) {
    checkUint32(`${where}.asPath.from`, from);
    tests.push(({ asPath }) => asPath[0]?.asns[0] === from);
  }
  if (origin !== undefined) {
    checkUint32(`${where}.asPath.origin`, origin);
    tests.push(({ asPath }) => asPath.at(-1)?.asns.at(-1) === origin);
  }
  if (maxLength !== undefined) {
    checkUint32(`${where}.asPath.maxLength`, maxLength);
    tests.push(({ asPath }) => asPath.reduce((sum, { asns }) => sum + asns.length, 0) <= maxLength);
  }
  return tests;
}

function originTests(match: Match, direction: "import" | "export", where: string): Test[] {
  const tests: Test[] = [];
  for (const [name, names] of [
    ["sets", match.sets],
    ["peers", match.peers],
  ] as const) {
    if (names === undefined) continue;
    if (direction === "import") throw refuse(`${where}.${name}`, names, "of use in an import policy");
    const wanted: ReadonlySet<string | undefined> = new Set(names);
    tests.push(
      name === "sets"
        ? (_, origin) => origin.set !== undefined && wanted.has(origin.set)
        : (_, origin) => origin.peer !== undefined && wanted.has(origin.peer),
    );
  }
  return tests;
}

function compilePrefixes(matches: readonly PrefixMatch[], where: string): Record<Family, PrefixMatcher> {
  const ranges = new Map<Family, PrefixRange[]>(FAMILIES.map((family) => [family, []]));
  for (const [at, { prefix, minLength, maxLength }] of matches.entries()) {
    const parsed = parsePrefix(prefix);
    if (parsed === undefined) {
      throw refuse(
        `${where}[${at}].prefix`,
        prefix,
        "a prefix such as 10.0.0.0/8 with no bits set behind its length",
      );
    }
    const length = parsed.bytes[0]!;
    const width = WIDTH[parsed.family];
    if (minLength !== undefined) checkNumber(`${where}[${at}].minLength`, minLength, length, width);
    if (maxLength !== undefined)
      checkNumber(`${where}[${at}].maxLength`, maxLength, minLength ?? length, width);
    const address = new Uint8Array(width / 8);
    address.set(parsed.bytes.subarray(1));
    ranges.get(parsed.family)!.push({
      words: wordsOf(address),
      length,
      minLength: minLength ?? length,
      // A lower bound alone opens the range to its end.
      maxLength: maxLength ?? (minLength === undefined ? length : width),
    });
  }
  return {
    "ipv4-unicast": new PrefixMatcher("ipv4-unicast", ranges.get("ipv4-unicast")!),
    "ipv6-unicast": new PrefixMatcher("ipv6-unicast", ranges.get("ipv6-unicast")!),
  };
}
