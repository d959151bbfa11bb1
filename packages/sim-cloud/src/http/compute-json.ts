import { parseCidr } from "@netloom/core";
import type { CloudPool } from "@netloom/ipam-cloud";
import type { InstanceType, SimInterface } from "../cloud/records.ts";
import type { SimCloud } from "../cloud/sim-cloud.ts";
import type { ComputeOperation } from "../compute/api.ts";
import { primaryRange, rangeOf, secondaryRanges } from "../compute/secondary-ranges.ts";

export type Json = { readonly [name: string]: unknown };

/** Where a resource is: of what the path of a request says. */
export interface Place {
  readonly project: string;
  readonly zone: string;
}

export function instanceJson(
  sim: SimCloud,
  { project, zone }: Place,
  instance: string,
  interfaces: readonly SimInterface[],
): Json {
  return {
    kind: "compute#instance",
    id: numberOf(instance),
    name: instance,
    zone: `${linkOf(project)}/zones/${zone}`,
    status: "RUNNING",
    networkInterfaces: interfaces.map((one) => {
      const pool = sim.network.describe(one.pool);
      const primary = one.addresses.find(({ role }) => role === "primary")!.cidr;
      const aliases = one.addresses.filter(({ cidr, role }) => role !== "primary" && !cidr.includes(":"));
      return {
        kind: "compute#networkInterface",
        name: nicName(one),
        fingerprint: fingerprintOf(one.version),
        network: `${linkOf(project)}/global/networks/default`,
        subnetwork: `${linkOf(project)}/regions/${regionOf(zone)}/subnetworks/${one.pool}`,
        networkIP: primary.slice(0, primary.indexOf("/")),
        stackType: "IPV4_ONLY",
        aliasIpRanges: aliases.map(({ cidr }) => {
          const subnetworkRangeName = rangeOf(pool, cidr);
          const ipCidrRange = asGoogleWrites(cidr);
          return subnetworkRangeName === undefined ? { ipCidrRange } : { ipCidrRange, subnetworkRangeName };
        }),
      };
    }),
  };
}

export function machineTypeJson(name: string, type: InstanceType): Json {
  // How many interfaces and alias ranges there may be, it does not say.
  return { kind: "compute#machineType", id: "1", name, guestCpus: type.interfaces, memoryMb: 4096 };
}

export function subnetworkJson(project: string, region: string, pool: CloudPool, withUse: boolean): Json {
  const primary = primaryRange(pool);
  const use = { ipv4Utilizations: [{ rangeName: "", totalFreeIp: String(pool.freeAddresses?.[4] ?? 0) }] };
  const ranges = secondaryRanges(pool);
  return {
    kind: "compute#subnetwork",
    id: "1",
    name: pool.id,
    region: `${linkOf(project)}/regions/${region}`,
    ipCidrRange: primary,
    gatewayAddress: parseCidr(primary).first.offset(1).toString(),
    stackType: "IPV4_ONLY",
    secondaryIpRanges: ranges.map(({ name, cidr }) => ({ rangeName: name, ipCidrRange: cidr })),
    // Of one range it cannot be told here, where the pool has several.
    ...(withUse && ranges.length === 0 ? { utilizationDetails: use } : {}),
  };
}

export function operationJson(
  { project, zone }: Place,
  { id, status, error }: Pick<ComputeOperation, "id" | "status" | "error">,
): Json {
  return {
    kind: "compute#operation",
    id: id.replace("operation-", ""),
    name: id,
    zone: `${linkOf(project)}/zones/${zone}`,
    operationType: "updateNetworkInterface",
    status: status === "running" ? "RUNNING" : "DONE",
    ...(error === undefined
      ? {}
      : {
          httpErrorStatusCode: 400,
          httpErrorMessage: "BAD REQUEST",
          error: {
            errors: [{ code: asGoogleCalls(error.code), message: `${error.message} (${error.subject})` }],
          },
        }),
  };
}

export function errorJson(status: number, reason: string, message: string): Json {
  return {
    error: { code: status, message, errors: [{ message, domain: "global", reason: asGoogleCalls(reason) }] },
  };
}

/** `nic0` and so on, by index. */
export function nicName(one: SimInterface): string {
  return `nic${one.attachment?.index ?? 0}`;
}

/** A fingerprint is opaque to clients. */
function fingerprintOf(version: number): string {
  return Buffer.from(`v${version}`).toString("base64");
}

/** `NaN`, which no interface has, where it is none of ours. */
export function versionOf(fingerprint: string): number {
  return Number(/^v(\d+)$/.exec(Buffer.from(fingerprint, "base64").toString())?.[1] ?? "NaN");
}

/** Google tells apart neither what has run out nor in which words. */
function asGoogleCalls(code: string): string {
  return code === "IP_SPACE_EXHAUSTED_FOR_RANGE" ? "IP_SPACE_EXHAUSTED" : code;
}

/** A single address with its prefix length or, as often, without. */
function asGoogleWrites(cidr: string): string {
  return cidr.endsWith("/32") && Number(/\.(\d+)\//.exec(cidr)![1]) % 2 === 1 ? cidr.slice(0, -3) : cidr;
}

/** The number in an instance's id: Google has no others. */
function numberOf(instance: string): string {
  return BigInt(`0x${/[0-9a-f]+$/.exec(instance)?.[0] ?? "0"}`).toString();
}

function regionOf(zone: string): string {
  return zone.replace(/-[^-]*$/, "");
}

function linkOf(project: string): string {
  return `https://www.googleapis.com/compute/v1/projects/${project}`;
}
