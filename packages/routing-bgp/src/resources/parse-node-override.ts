import {
  addressAt,
  asnAt,
  booleanAt,
  fieldsAt,
  listAt,
  nameAt,
  namedOnce,
  optional,
  placeOf,
  portAt,
  required,
  routerIdAt,
  type Place,
} from "./fields.ts";
import type { BgpInstanceOverride, BgpNodeOverride } from "./types.ts";

/** @throws {@link NetloomError} `ERR_BGP_INVALID`: the path of what is wrong, and what would be right. */
export function parseNodeOverride(input: unknown): BgpNodeOverride {
  const place = placeOf("override of node", input);
  const fields = fieldsAt(input, place, ["name", "draining", "instances"]);
  return {
    name: required(fields, "name", place, nameAt),
    ...optional(fields, "draining", place, booleanAt),
    instances: required(fields, "instances", place, (list, at) =>
      namedOnce(listAt(list, at, instanceAt), at),
    ),
  };
}

function instanceAt(input: unknown, place: Place): BgpInstanceOverride {
  const fields = fieldsAt(input, place, ["name", "routerId", "localPort", "localAsn", "peers"]);
  return {
    name: required(fields, "name", place, nameAt),
    ...optional(fields, "routerId", place, routerIdAt),
    ...optional(fields, "localPort", place, portAt),
    ...optional(fields, "localAsn", place, asnAt),
    ...optional(fields, "peers", place, (list, at) => namedOnce(listAt(list, at, peerAt), at)),
  };
}

function peerAt(input: unknown, place: Place): NonNullable<BgpInstanceOverride["peers"]>[number] {
  const fields = fieldsAt(input, place, ["name", "localAddress"]);
  return {
    name: required(fields, "name", place, nameAt),
    ...optional(fields, "localAddress", place, addressAt),
  };
}
