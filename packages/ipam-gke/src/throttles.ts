import type { ThrottleBucket } from "@netloom/ipam-cloud";

/** What a project has by default: per group of methods and region, full again at the next whole minute. */
export const DEFAULT_THROTTLES: readonly ThrottleBucket[] = [
  bucket("ReadRequestsPerMinute", ["instances.get", "machineTypes.get", "subnetworks.get"]),
  bucket("MutateRequestsPerMinute", ["instances.updateNetworkInterface"]),
  bucket("OperationReadRequestsPerMinute", ["zoneOperations.wait"]),
];

/** From which bucket an action takes. */
export function bucketOf(action: string | undefined): string | undefined {
  return DEFAULT_THROTTLES.find(({ actions }) => action !== undefined && actions.includes(action))?.name;
}

function bucket(name: string, actions: readonly string[]): ThrottleBucket {
  return { name, actions, capacity: 1500, perSecond: 25, refill: "each-minute" };
}
