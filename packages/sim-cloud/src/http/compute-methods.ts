import { parseCidr } from "@netloom/core";
import type { SimInterface } from "../cloud/records.ts";
import { SimCloudError } from "../cloud/refusal.ts";
import type { SimCloud } from "../cloud/sim-cloud.ts";
import type { ComputeApi } from "../compute/api.ts";
import type { AliasWish } from "../compute/secondary-ranges.ts";
import {
  instanceJson,
  machineTypeJson,
  nicName,
  operationJson,
  subnetworkJson,
  versionOf,
  type Json,
} from "./compute-json.ts";

/** A request that is refused for what it is: the cloud was not asked. */
export class ComputeRequestError extends Error {
  override readonly name = "ComputeRequestError";
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

export type ComputeMethod = (api: ComputeApi, sim: SimCloud, url: URL, body: Json) => Promise<Json>;

/** What the path of a request names. */
type Names = Readonly<Record<"project" | "zone" | "region" | "name", string>>;

type Method = (names: Names, ...rest: Parameters<ComputeMethod>) => Promise<Json>;

const METHODS: readonly (readonly [method: string, path: RegExp, handle: Method])[] = [
  ["GET", pathOf("zones/(?<zone>[^/]+)/instances/(?<name>[^/]+)"), getInstance],
  ["PATCH", pathOf("zones/(?<zone>[^/]+)/instances/(?<name>[^/]+)/updateNetworkInterface"), updateInterface],
  ["GET", pathOf("zones/(?<zone>[^/]+)/machineTypes/(?<name>[^/]+)"), getMachineType],
  ["POST", pathOf("zones/(?<zone>[^/]+)/operations/(?<name>[^/]+)/wait"), waitForOperation],
  ["GET", pathOf("regions/(?<region>[^/]+)/subnetworks/(?<name>[^/]+)"), getSubnetwork],
];

/** @throws ComputeRequestError where there is no such method. */
export function methodOf(method: string, path: string): ComputeMethod {
  for (const [verb, pattern, handle] of METHODS) {
    const names = verb === method ? pattern.exec(path)?.groups : undefined;
    if (names !== undefined) return (...rest) => handle(names as Names, ...rest);
  }
  throw new ComputeRequestError(404, "notFound", `there is no ${method} ${path}`);
}

function pathOf(rest: string): RegExp {
  return new RegExp(`^/compute/v1/projects/(?<project>[^/]+)/${rest}$`);
}

async function getInstance(names: Names, api: ComputeApi, sim: SimCloud): Promise<Json> {
  const interfaces = await api.getInstance(names.name);
  if (interfaces === undefined) throw new SimCloudError("notFound.instance", names.name, "not found");
  return instanceJson(sim, names, names.name, interfaces);
}

async function updateInterface(
  names: Names,
  api: ComputeApi,
  sim: SimCloud,
  { searchParams }: URL,
  body: Json,
): Promise<Json> {
  const nic = searchParams.get("networkInterface") ?? "";
  const requestId = searchParams.get("requestId") ?? "";
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(requestId))
    throw new ComputeRequestError(400, "invalid", `Invalid value for field 'requestId': '${requestId}'.`);
  const { fingerprint, aliasIpRanges } = body as {
    fingerprint?: string;
    aliasIpRanges?: readonly AliasRange[];
  };
  if (fingerprint === undefined)
    throw new ComputeRequestError(400, "required", "Required field 'fingerprint' not specified");
  const one = sim.world.attachedTo(names.name).find((other) => nicName(other) === nic);
  // What a PATCH does not mention stays.
  const wishes = aliasIpRanges === undefined ? wishesOf(one) : aliasIpRanges.map(wishOf);
  const [id, version] = [one?.id ?? nic, versionOf(fingerprint)];
  const { id: name } = await api.updateNetworkInterface(names.name, id, wishes, version, requestId);
  return operationJson(names, { id: name, status: "running" });
}

interface AliasRange {
  readonly ipCidrRange: string;
  readonly subnetworkRangeName?: string;
}

/** `10.1.2.3`, `10.1.2.0/28`, or `/28` for any. */
function wishOf({ ipCidrRange, subnetworkRangeName: range }: AliasRange): AliasWish {
  const [address = "", length = "32"] = ipCidrRange.split("/");
  const prefix = Number(length);
  const named = range === undefined ? {} : { range };
  if (address === "") return { family: 4, prefix, ...named };
  return { family: 4, prefix, cidr: parseCidr(`${address}/${prefix}`).toString(), ...named };
}

function wishesOf(one: SimInterface | undefined): readonly AliasWish[] {
  return (one?.addresses ?? [])
    .filter(({ role }) => role !== "primary")
    .map(({ cidr }) => ({ ...wishOf({ ipCidrRange: cidr }), cidr }));
}

async function getMachineType({ name, ...names }: Names, api: ComputeApi): Promise<Json> {
  const type = await api.getMachineType(name);
  if (type !== undefined) return machineTypeJson(name, type);
  const resource = `projects/${names.project}/zones/${names.zone}/machineTypes/${name}`;
  throw new ComputeRequestError(404, "notFound", `The resource '${resource}' was not found`);
}

async function waitForOperation(names: Names, api: ComputeApi): Promise<Json> {
  return operationJson(names, await api.waitForOperation(names.name));
}

async function getSubnetwork(
  { project, region, name }: Names,
  api: ComputeApi,
  _: SimCloud,
  { searchParams }: URL,
): Promise<Json> {
  const withUse = searchParams.get("views") === "WITH_UTILIZATION";
  return subnetworkJson(project, region, await api.getSubnetwork(name), withUse);
}
