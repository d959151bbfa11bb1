import type { Match, Policy, PrefixMatch, RouteChange, Statement } from "@netloom/bgp";
import {
  addressAt,
  communityAt,
  fieldsAt,
  integerAt,
  largeCommunityAt,
  listAt,
  optional,
  prefixAt,
  required,
  unsigned32At,
  wordAt,
  type Place,
} from "./fields.ts";
import { WELL_KNOWN_COMMUNITIES } from "./types.ts";

const ORIGINS = ["igp", "egp", "incomplete"] as const;

/** An import policy. What only exports can ask, which set or peer a route is of, is refused. */
export function policyAt(input: unknown, place: Place): Policy {
  const fields = fieldsAt(input, place, ["statements"]);
  return { statements: required(fields, "statements", place, (list, at) => listAt(list, at, statementAt)) };
}

function statementAt(input: unknown, place: Place): Statement {
  const fields = fieldsAt(input, place, ["match", "action", "set"]);
  return {
    ...optional(fields, "match", place, matchAt),
    action: required(fields, "action", place, wordAt(["accept", "reject"])),
    ...optional(fields, "set", place, changeAt),
  };
}

function matchAt(input: unknown, place: Place): Match {
  const fields = fieldsAt(input, place, ["prefixes", "communities", "largeCommunities", "asPath"]);
  return {
    ...optional(fields, "prefixes", place, (list, at) => listAt(list, at, prefixMatchAt)),
    ...communitiesAt(fields, place, ["communities", "largeCommunities"]),
    ...optional(fields, "asPath", place, asPathAt),
  };
}

function prefixMatchAt(input: unknown, place: Place): PrefixMatch {
  const fields = fieldsAt(input, place, ["prefix", "minLength", "maxLength"]);
  const prefix = required(fields, "prefix", place, prefixAt);
  const lengthAt = integerAt(Number(prefix.split("/")[1]), prefix.includes(":") ? 128 : 32);
  return {
    prefix,
    ...optional(fields, "minLength", place, lengthAt),
    ...optional(fields, "maxLength", place, lengthAt),
  };
}

function asPathAt(input: unknown, place: Place): NonNullable<Match["asPath"]> {
  const fields = fieldsAt(input, place, ["contains", "from", "origin", "maxLength"]);
  return {
    ...optional(fields, "contains", place, unsigned32At),
    ...optional(fields, "from", place, unsigned32At),
    ...optional(fields, "origin", place, unsigned32At),
    ...optional(fields, "maxLength", place, integerAt(0, 65_535)),
  };
}

function changeAt(input: unknown, place: Place): RouteChange {
  const fields = fieldsAt(input, place, [
    "nextHop",
    "localPref",
    "med",
    "origin",
    "prepend",
    "addCommunities",
    "removeCommunities",
    "addLargeCommunities",
    "removeLargeCommunities",
  ]);
  return {
    ...optional(fields, "nextHop", place, addressAt),
    ...optional(fields, "localPref", place, unsigned32At),
    ...optional(fields, "med", place, (med, at) => (med === null ? null : unsigned32At(med, at))),
    ...optional(fields, "origin", place, wordAt(ORIGINS)),
    ...optional(fields, "prepend", place, integerAt(1, 32)),
    ...communitiesAt(fields, place, ["addCommunities", "addLargeCommunities"]),
    ...communitiesAt(fields, place, ["removeCommunities", "removeLargeCommunities"]),
  };
}

/** The standard ones, by number or name, and the large ones. */
function communitiesAt<Standard extends string, Large extends string>(
  fields: Readonly<Record<string, unknown>>,
  place: Place,
  [standard, large]: readonly [Standard, Large],
): { readonly [key in Standard | Large]?: readonly string[] } {
  return {
    ...optional(fields, standard, place, (list, at) => listAt(list, at, numberOrNameAt)),
    ...optional(fields, large, place, (list, at) => listAt(list, at, largeCommunityAt)),
  };
}

function numberOrNameAt(input: unknown, place: Place): string {
  return WELL_KNOWN_COMMUNITIES.find((known) => known === input) ?? communityAt(input, place);
}
