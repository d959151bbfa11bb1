import type { FailureDetection, PeerConfig, Role } from "@netloom/bgp";
import type { Selector } from "@netloom/core";
import {
  booleanAt,
  fieldsAt,
  integerAt,
  invalid,
  listAt,
  nameAt,
  optional,
  placeOf,
  portAt,
  required,
  selectorAt,
  textAt,
  wordAt,
  type Place,
} from "./fields.ts";
import { policyAt } from "./parse-policy.ts";
import type { BgpPeerConfig, BgpPeerFamily } from "./types.ts";

export interface ParsedPeerConfig extends Omit<BgpPeerConfig, "families"> {
  readonly families: readonly ParsedPeerFamily[];
}

export interface ParsedPeerFamily extends Omit<BgpPeerFamily, "advertisements"> {
  /** `undefined`: nothing is advertised. */
  readonly advertisements: Selector | undefined;
}

const FAMILIES = ["ipv4-unicast", "ipv6-unicast"] as const;
const ROLES: readonly Role[] = ["provider", "rs", "rs-client", "customer", "peer"];

/** What a peer has that names no configuration. */
export const DEFAULT_PEER_CONFIG: ParsedPeerConfig = {
  name: "default",
  families: FAMILIES.map((family) => ({ family, advertisements: undefined })),
};

/** @throws {@link NetloomError} `ERR_BGP_INVALID`: the path of what is wrong, and what would be right. */
export function parsePeerConfig(input: unknown): ParsedPeerConfig {
  const place = placeOf("peer configuration", input);
  const fields = fieldsAt(input, place, [
    "name",
    "timers",
    "transport",
    "authSecretRef",
    "ebgpMultihop",
    "ttlSecurity",
    "gracefulRestart",
    "bfd",
    "role",
    "addPath",
    "enforceFirstAs",
    "shutdown",
    "families",
  ]);
  const config = {
    name: required(fields, "name", place, nameAt),
    ...optional(fields, "timers", place, timersAt),
    ...optional(fields, "transport", place, transportAt),
    ...optional(fields, "authSecretRef", place, nameAt),
    ...optional(fields, "ebgpMultihop", place, integerAt(1, 255)),
    ...optional(fields, "ttlSecurity", place, integerAt(1, 254)),
    ...optional(fields, "gracefulRestart", place, gracefulRestartAt),
    ...optional(fields, "bfd", place, bfdAt),
    ...optional(fields, "role", place, wordAt(ROLES)),
    ...optional(fields, "addPath", place, addPathAt),
    ...optional(fields, "enforceFirstAs", place, booleanAt),
    ...optional(fields, "shutdown", place, textAt),
    families: optional(fields, "families", place, familiesAt).families ?? DEFAULT_PEER_CONFIG.families,
  };
  if (config.ebgpMultihop === undefined || config.ttlSecurity === undefined) return config;
  throw invalid(place, undefined, "has both ebgpMultihop and ttlSecurity", "leave one out");
}

function timersAt(input: unknown, place: Place): NonNullable<PeerConfig["timers"]> {
  const fields = fieldsAt(input, place, ["hold", "keepalive", "connectRetry", "sendHold"]);
  return {
    ...optional(fields, "hold", place, holdAt),
    ...optional(fields, "keepalive", place, integerAt(1, 21_845)),
    ...optional(fields, "connectRetry", place, integerAt(1, 65_535)),
    ...optional(fields, "sendHold", place, integerAt(1, 65_535)),
  };
}

/** RFC 4271 section 4.2: 1 and 2 are refused by every peer. */
function holdAt(input: unknown, place: Place): number {
  const hold = integerAt(0, 65_535)(input, place);
  if (hold !== 1 && hold !== 2) return hold;
  throw invalid(place, hold, "is too short", "write 0 for none, or 3 and more");
}

function transportAt(input: unknown, place: Place): NonNullable<BgpPeerConfig["transport"]> {
  const fields = fieldsAt(input, place, ["peerPort", "sourceInterface", "passive"]);
  return {
    ...optional(fields, "peerPort", place, portAt),
    ...optional(fields, "sourceInterface", place, textAt),
    ...optional(fields, "passive", place, booleanAt),
  };
}

function gracefulRestartAt(input: unknown, place: Place): NonNullable<BgpPeerConfig["gracefulRestart"]> {
  const fields = fieldsAt(input, place, ["enabled", "restartTime", "longLived"]);
  return {
    ...optional(fields, "enabled", place, booleanAt),
    ...optional(fields, "restartTime", place, integerAt(1, 4095)),
    // 24 bits: RFC 9494 section 3.
    ...optional(fields, "longLived", place, integerAt(0, 16_777_215)),
  };
}

function bfdAt(input: unknown, place: Place): FailureDetection {
  const fields = fieldsAt(input, place, ["transmitInterval", "receiveInterval", "multiplier"]);
  return {
    ...optional(fields, "transmitInterval", place, integerAt(10, 60_000)),
    ...optional(fields, "receiveInterval", place, integerAt(10, 60_000)),
    ...optional(fields, "multiplier", place, integerAt(1, 255)),
  };
}

function addPathAt(input: unknown, place: Place): NonNullable<BgpPeerConfig["addPath"]> {
  const fields = fieldsAt(input, place, ["send", "receive"]);
  return {
    ...optional(fields, "send", place, booleanAt),
    ...optional(fields, "receive", place, booleanAt),
  };
}

function familiesAt(input: unknown, place: Place): readonly ParsedPeerFamily[] {
  const families = listAt(input, place, familyAt);
  const twice = families.find(
    ({ family }, index) => families.findIndex((other) => other.family === family) < index,
  );
  if (families.length > 0 && twice === undefined) return families;
  const what = twice === undefined ? "names no family" : "names a family twice";
  throw invalid(place, twice?.family, what, `write each of ${FAMILIES.join(", ")} once, or leave it out`);
}

function familyAt(input: unknown, place: Place): ParsedPeerFamily {
  const fields = fieldsAt(input, place, ["family", "advertisements", "import", "maxPrefixes"]);
  return {
    family: required(fields, "family", place, wordAt(FAMILIES)),
    advertisements: optional(fields, "advertisements", place, selectorAt).advertisements,
    ...optional(fields, "import", place, policyAt),
    ...optional(fields, "maxPrefixes", place, integerAt(1, 4_294_967_295)),
  };
}
