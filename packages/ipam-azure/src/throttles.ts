import type { ThrottleBucket } from "@netloom/ipam-cloud";
import type { AzureAction } from "./actions.ts";

const SCALE_SET: readonly AzureAction[] = ["VirtualMachineScaleSetVMs.Update"];
const INTERFACE: readonly AzureAction[] = ["NetworkInterfaces.CreateOrUpdate"];
const NETWORK: readonly AzureAction[] = ["NetworkInterfaces.Get", "Subnets.Get"];
const READS: readonly AzureAction[] = [
  ...NETWORK,
  "NetworkInterfaces.ListByVirtualMachineScaleSetVM",
  "Operations.Get",
  "VirtualMachineScaleSetVMs.Get",
  "VirtualMachines.Get",
];

/** Compute's, of one machine. */
export const MACHINE_UPDATES = "VirtualMachineUpdates";
/** Network's, of a subscription in a region. */
export const NETWORK_UPDATES = "NetworkUpdates";
export const NETWORK_READS = "NetworkReads";
/** The resource manager's own, whatever they are about. */
export const SUBSCRIPTION_WRITES = "SubscriptionWrites";
export const SUBSCRIPTION_READS = "SubscriptionReads";

/**
 * What Azure says that it enforces. Compute: 12 updates of a machine a minute, and 1,500 in a subscription and region; an
 * interface of a machine on its own is not compute's. Network: 1,000 changes and 10,000 reads in five minutes in a
 * subscription and region. The resource manager, per principal: 10 changes a second with 200 at once, 25 reads a second with
 * 250.
 */
export const AZURE_THROTTLES: readonly ThrottleBucket[] = [
  { name: MACHINE_UPDATES, actions: SCALE_SET, capacity: 12, perSecond: 12 / 60, per: "node" },
  { name: "ComputeUpdates", actions: SCALE_SET, capacity: 1500, perSecond: 1500 / 60 },
  { name: NETWORK_UPDATES, actions: INTERFACE, capacity: 1000, perSecond: 1000 / 300 },
  { name: SUBSCRIPTION_WRITES, actions: [...SCALE_SET, ...INTERFACE], capacity: 200, perSecond: 10 },
  { name: NETWORK_READS, actions: NETWORK, capacity: 10_000, perSecond: 10_000 / 300 },
  { name: SUBSCRIPTION_READS, actions: READS, capacity: 250, perSecond: 25 },
];
