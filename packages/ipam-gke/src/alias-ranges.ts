import { parseCidr } from "@netloom/core";
import type { CloudAddress, CloudInterface } from "@netloom/ipam-cloud";
import type { ComputeAliasRange, ComputeInterface } from "./clients.ts";

/** Google writes a single address with its prefix length or without. */
export function canonical(ipCidrRange: string): string {
  return parseCidr(ipCidrRange.includes("/") ? ipCidrRange : `${ipCidrRange}/32`).toString();
}

/** The alias ranges that are from one range of the subnetwork: a secondary one by its name, or the primary one. */
export function aliasesOf(nic: ComputeInterface, rangeName: string | undefined): readonly string[] {
  return rangesOf(nic)
    .filter(({ subnetworkRangeName }) => (subnetworkRangeName || undefined) === rangeName)
    .map(({ ipCidrRange }) => canonical(ipCidrRange!));
}

/** As they are to be sent back, those that are not ours unchanged. */
export function rangesOf({ aliasIpRanges }: ComputeInterface): readonly ComputeAliasRange[] {
  return (aliasIpRanges ?? []).map(({ ipCidrRange, subnetworkRangeName }) =>
    subnetworkRangeName ? { ipCidrRange: ipCidrRange!, subnetworkRangeName } : { ipCidrRange: ipCidrRange! },
  );
}

/** The name of an interface says where it is: `nic0` is the first. */
export function indexOf({ name }: ComputeInterface): number {
  return Number(/\d+$/.exec(name ?? "")?.[0] ?? 0);
}

/** Unique in the project, which Google's own name for it is not. */
export function interfaceId(instance: string, nic: ComputeInterface): string {
  return `${instance}/${nic.name ?? "nic0"}`;
}

/** Where it is, as `projects/p/regions/r/subnetworks/s` at the end of a URL says; perhaps in another project. */
export interface SubnetworkName {
  readonly project: string;
  readonly region: string;
  readonly subnetwork: string;
}

export function subnetworkOf({ subnetwork }: ComputeInterface): SubnetworkName | undefined {
  const found = /projects\/([^/]+)\/regions\/([^/]+)\/subnetworks\/([^/]+)$/.exec(subnetwork ?? "");
  return found === null ? undefined : { project: found[1]!, region: found[2]!, subnetwork: found[3]! };
}

/** A subnetwork has a pool for each of its ranges: only the primary one has no name. */
export function poolId(subnetwork: string, rangeName: string | undefined): string {
  return rangeName === undefined ? subnetwork : `${subnetwork}/${rangeName}`;
}

export function interfaceOf(
  instance: string,
  nic: ComputeInterface,
  rangeName: string | undefined,
): CloudInterface {
  const index = indexOf(nic);
  const own = nic.networkIP ? [canonical(nic.networkIP)] : [];
  // Not for pods of this range; but each takes one of the places that the interface has.
  const others = rangesOf(nic)
    .filter(({ subnetworkRangeName }) => subnetworkRangeName !== rangeName)
    .map(({ ipCidrRange }) => canonical(ipCidrRange!));
  return {
    id: interfaceId(instance, nic),
    index,
    pool: poolId(subnetworkOf(nic)?.subnetwork ?? "", rangeName),
    primary: index === 0,
    // There is no mark on interfaces: only the first is for pods.
    managed: index === 0,
    state: "attached",
    addresses: [
      ...[...own, ...others].map((cidr): CloudAddress => ({ cidr, role: "primary", ready: true })),
      ...aliasesOf(nic, rangeName).map((cidr): CloudAddress => ({ cidr, role: roleOf(cidr), ready: true })),
    ],
    securityGroups: [],
    deleteWithInstance: true,
  };
}

export function roleOf(cidr: string): "secondary" | "block" {
  return cidr.endsWith("/32") ? "secondary" : "block";
}
