import { CloudError, type CloudPool } from "@netloom/ipam-cloud";
import { poolId } from "./alias-ranges.ts";
import type { ComputeSubnetwork } from "./clients.ts";

/**
 * A range of a subnetwork.
 *
 * @throws CloudError `invalid` where the subnetwork has no range of that name.
 */
export function poolOf(
  subnetwork: string,
  answer: ComputeSubnetwork,
  rangeName: string | undefined,
): CloudPool {
  const ranges = answer.secondaryIpRanges ?? [];
  const cidr =
    rangeName === undefined
      ? answer.ipCidrRange
      : ranges.find((range) => range.rangeName === rangeName)?.ipCidrRange;
  if (!cidr) {
    const names = ranges.map((range) => range.rangeName).join(", ") || "none";
    const what = `subnetwork ${subnetwork} has no secondary range ${rangeName}: there are ${names}`;
    throw new CloudError({ kind: "invalid" }, what);
  }
  const use = answer.utilizationDetails?.ipv4Utilizations ?? [];
  const free = use.find((one) => (one.rangeName || undefined) === rangeName)?.totalFreeIp;
  return {
    id: poolId(subnetwork, rangeName),
    cidrs: [cidr],
    tags: {},
    // 64 bits come as text.
    ...(free === undefined || free === null ? {} : { freeAddresses: { 4: Number(free) } }),
  };
}
