import type { ThrottleBucket } from "@netloom/ipam-cloud";
import type { AzureAction } from "./actions.ts";

const CHANGES: readonly AzureAction[] = [
  "NetworkInterfaces.CreateOrUpdate",
  "VirtualMachineScaleSetVMs.Update",
];
const READS: readonly AzureAction[] = [
  "NetworkInterfaces.Get",
  "NetworkInterfaces.ListByVirtualMachineScaleSetVM",
  "Operations.Get",
  "Subnets.Get",
  "VirtualMachineScaleSetVMs.Get",
  "VirtualMachines.Get",
];

/** Updates of one machine. */
export const MACHINE_UPDATES = "VirtualMachineUpdates";
/** Reads of the subscription. */
export const SUBSCRIPTION_READS = "SubscriptionReads";

/**
 * What Azure says that it enforces: 12 updates of a machine a minute, and 1,500 in a subscription and region. What it
 * enforces for reads it says per principal, 25 a second with 250 at once.
 */
export const AZURE_THROTTLES: readonly ThrottleBucket[] = [
  { name: MACHINE_UPDATES, actions: CHANGES, capacity: 12, perSecond: 12 / 60, per: "node" },
  { name: "SubscriptionUpdates", actions: CHANGES, capacity: 1500, perSecond: 1500 / 60 },
  { name: SUBSCRIPTION_READS, actions: READS, capacity: 250, perSecond: 25 },
];
