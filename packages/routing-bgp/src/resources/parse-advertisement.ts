import type { Selector, ServiceAddressType } from "@netloom/core";
import {
  communityAt,
  fieldsAt,
  integerAt,
  invalid,
  labelsAt,
  largeCommunityAt,
  listAt,
  nameAt,
  optional,
  placeOf,
  required,
  selectorAt,
  textAt,
  unsigned32At,
  wordAt,
  type Place,
} from "./fields.ts";
import {
  WELL_KNOWN_COMMUNITIES,
  type BgpAdvertisement,
  type BgpAdvertisementEntry,
  type BgpAttributes,
  type BgpServiceOptions,
} from "./types.ts";

export interface ParsedAdvertisement extends Omit<BgpAdvertisement, "advertisements" | "labels"> {
  readonly labels: Readonly<Record<string, string>>;
  readonly advertisements: readonly ParsedEntry[];
}

type Parsed<Entry> = Entry extends { readonly selector: unknown }
  ? Omit<Entry, "selector"> & { readonly selector: Selector }
  : Entry;

/** An entry, its selector checked. */
export type ParsedEntry = Parsed<BgpAdvertisementEntry>;

const ADDRESS_TYPES: readonly ServiceAddressType[] = ["ClusterIP", "ExternalIP", "LoadBalancerIP"];
const TYPES = ["PodCIDR", "Pool", "Service", "Interface"] as const;

/** @throws {@link NetloomError} `ERR_BGP_INVALID`: the path of what is wrong, and what would be right. */
export function parseAdvertisement(input: unknown): ParsedAdvertisement {
  const place = placeOf("advertisement", input);
  const fields = fieldsAt(input, place, ["name", "labels", "advertisements"]);
  return {
    name: required(fields, "name", place, nameAt),
    labels: optional(fields, "labels", place, labelsAt).labels ?? {},
    advertisements: required(fields, "advertisements", place, (list, at) => listAt(list, at, entryAt)),
  };
}

/** One of an advertisement's entries. */
function entryAt(input: unknown, place: Place): ParsedEntry {
  const all = ["type", "selector", "service", "interface", "attributes"];
  const type = required(fieldsAt(input, place, all), "type", place, wordAt(TYPES));
  switch (type) {
    case "PodCIDR": {
      const fields = fieldsAt(input, place, ["type", "attributes"]);
      return { type, ...optional(fields, "attributes", place, attributesAt) };
    }
    case "Pool": {
      const fields = fieldsAt(input, place, ["type", "selector", "attributes"]);
      const selector = required(fields, "selector", place, selectorAt);
      return { type, selector, ...optional(fields, "attributes", place, attributesAt) };
    }
    case "Service": {
      const fields = fieldsAt(input, place, ["type", "selector", "service", "attributes"]);
      const selector = required(fields, "selector", place, selectorAt);
      const service = required(fields, "service", place, serviceAt);
      return { type, selector, service, ...optional(fields, "attributes", place, attributesAt) };
    }
    case "Interface": {
      const fields = fieldsAt(input, place, ["type", "interface", "attributes"]);
      const device = required(fields, "interface", place, textAt);
      return { type, interface: device, ...optional(fields, "attributes", place, attributesAt) };
    }
  }
}

function serviceAt(input: unknown, place: Place): BgpServiceOptions {
  const fields = fieldsAt(input, place, ["addresses", "aggregationLengthIPv4", "aggregationLengthIPv6"]);
  const addresses = required(fields, "addresses", place, (list, at) =>
    listAt(list, at, wordAt(ADDRESS_TYPES)),
  );
  if (addresses.length === 0) {
    throw invalid(place, undefined, "has no types of addresses", `write some of ${ADDRESS_TYPES.join(", ")}`);
  }
  return {
    addresses,
    ...optional(fields, "aggregationLengthIPv4", place, integerAt(1, 32)),
    ...optional(fields, "aggregationLengthIPv6", place, integerAt(1, 128)),
  };
}

function attributesAt(input: unknown, place: Place): BgpAttributes {
  const fields = fieldsAt(input, place, ["communities", "localPreference", "med", "prepend"]);
  return {
    ...optional(fields, "communities", place, communitiesAt),
    ...optional(fields, "localPreference", place, unsigned32At),
    ...optional(fields, "med", place, unsigned32At),
    ...optional(fields, "prepend", place, integerAt(1, 32)),
  };
}

function communitiesAt(input: unknown, place: Place): NonNullable<BgpAttributes["communities"]> {
  const fields = fieldsAt(input, place, ["standard", "large", "wellKnown"]);
  return {
    ...optional(fields, "standard", place, (list, at) => listAt(list, at, communityAt)),
    ...optional(fields, "large", place, (list, at) => listAt(list, at, largeCommunityAt)),
    ...optional(fields, "wellKnown", place, (list, at) => listAt(list, at, wordAt(WELL_KNOWN_COMMUNITIES))),
  };
}
