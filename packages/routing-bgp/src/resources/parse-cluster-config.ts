import type { Selector } from "@netloom/core";
import {
  addressAt,
  asnAt,
  fieldsAt,
  integerAt,
  invalid,
  listAt,
  nameAt,
  namedOnce,
  optional,
  peerAddressAt,
  placeOf,
  portAt,
  required,
  selectorAt,
  textAt,
  type Place,
} from "./fields.ts";
import type { BgpClusterConfig, BgpInstance, BgpMonitoring, BgpPeer } from "./types.ts";

export interface ParsedClusterConfig extends Omit<BgpClusterConfig, "nodeSelector"> {
  /** `undefined`: every node. */
  readonly nodeSelector: Selector | undefined;
}

/** @throws {@link NetloomError} `ERR_BGP_INVALID`: the path of what is wrong, and what would be right. */
export function parseClusterConfig(input: unknown): ParsedClusterConfig {
  const place = placeOf("cluster configuration", input);
  const fields = fieldsAt(input, place, ["name", "nodeSelector", "instances"]);
  const name = required(fields, "name", place, nameAt);
  const { nodeSelector } = optional(fields, "nodeSelector", place, selectorAt);
  const instances = required(fields, "instances", place, (list, at) =>
    onePortEach(namedOnce(listAt(list, at, instanceAt), at), at),
  );
  return { name, nodeSelector, instances };
}

function instanceAt(input: unknown, place: Place): BgpInstance {
  const fields = fieldsAt(input, place, ["name", "localAsn", "localPort", "peers", "bmp"]);
  return {
    name: required(fields, "name", place, nameAt),
    localAsn: required(fields, "localAsn", place, asnAt),
    ...optional(fields, "localPort", place, portAt),
    peers: required(fields, "peers", place, (list, at) =>
      oncePlaced(namedOnce(listAt(list, at, peerAt), at), at),
    ),
    ...optional(fields, "bmp", place, bmpAt),
  };
}

function bmpAt(input: unknown, place: Place): BgpMonitoring {
  const fields = fieldsAt(input, place, ["stations", "sysName", "sysDescr", "statisticsInterval"]);
  return {
    stations: required(fields, "stations", place, (list, at) => onceEach(listAt(list, at, stationAt), at)),
    ...optional(fields, "sysName", place, textAt),
    ...optional(fields, "sysDescr", place, textAt),
    ...optional(fields, "statisticsInterval", place, integerAt(0, 86_400)),
  };
}

function stationAt(input: unknown, place: Place): BgpMonitoring["stations"][number] {
  const fields = fieldsAt(input, place, ["address", "port"]);
  return {
    address: required(fields, "address", place, addressAt),
    port: required(fields, "port", place, portAt),
  };
}

function onceEach(stations: BgpMonitoring["stations"], place: Place): BgpMonitoring["stations"] {
  const texts = stations.map(({ address, port }) => `${address} ${port}`);
  const twice = texts.find((text, index) => texts.indexOf(text) !== index);
  if (twice === undefined) return stations;
  throw invalid(place, twice, "is there twice", "name each station once");
}

function oncePlaced(peers: readonly BgpPeer[], place: Place): readonly BgpPeer[] {
  const places = peers.map(({ peerAddress, interface: device }) => peerAddress ?? device);
  const twice = places.find((one, index) => places.indexOf(one) !== index);
  if (twice === undefined) return peers;
  throw invalid(place, twice, "is where two peers are", "leave one out");
}

function onePortEach(instances: readonly BgpInstance[], place: Place): readonly BgpInstance[] {
  const ports = instances.flatMap(({ localPort }) => localPort ?? []);
  const twice = ports.find((port, index) => ports.indexOf(port) !== index);
  if (twice === undefined) return instances;
  throw invalid(place, twice, "is the localPort of two", "let them listen on ports of their own");
}

function peerAt(input: unknown, place: Place): BgpPeer {
  const known = ["name", "peerAsn", "peerAddress", "interface", "peerConfigRef"];
  const fields = fieldsAt(input, place, known);
  const peer = {
    name: required(fields, "name", place, nameAt),
    peerAsn: required(fields, "peerAsn", place, peerAsnAt),
    ...optional(fields, "peerAddress", place, peerAddressAt),
    ...optional(fields, "interface", place, textAt),
    ...optional(fields, "peerConfigRef", place, nameAt),
  };
  if ((peer.peerAddress === undefined) !== (peer.interface === undefined)) return peer;
  throw invalid(place, undefined, "does not say where the peer is", "give either peerAddress or interface");
}

/** A number, or which numbers will do. */
function peerAsnAt(input: unknown, place: Place): BgpPeer["peerAsn"] {
  if (input === "external" || input === "internal" || input === "any") return input;
  if (typeof input !== "string") return asnAt(input, place);
  throw invalid(place, input, "is no AS", "write a number, external, internal or any");
}
