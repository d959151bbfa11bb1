/**
 * Cloud IPAM: pods take their addresses straight from the cloud's network, out of a warm pool that cannot leak.
 *
 * @example
 * import { createAgent } from "@netloom/core";
 * import { cloudIpam } from "@netloom/ipam-cloud";
 *
 * const ipam = cloudIpam({ provider, instance: { instance: "i-0123456789abcdef0", instanceType: "m6i.xlarge" } });
 * const agent = createAgent({ node, store, routing, datapath, ipam });
 *
 * @packageDocumentation
 */
export { cloudIpam } from "./cloud-ipam.ts";
export type { CloudIpam } from "./cloud-ipam.ts";
export { cloudIpamOperator } from "./operator.ts";
export type { CloudIpamOperatorOptions } from "./operator.ts";
export type { CloudEvents, CloudInstance, CloudIpamOptions, CloudIpamTimes } from "./options.ts";

// For those who plan without an agent.
export { plan } from "./plan.ts";
export type { CloudAction, Demand, Plan, PlanInput, RangeUse, Shortage } from "./planning.ts";
export { cloudPolicy } from "./policy.ts";
export type { CloudPolicy, CloudPolicyOptions } from "./policy.ts";
export type { Setback } from "./packing.ts";
export type { Targets } from "./targets.ts";
export type { Watermarks } from "./watermarks.ts";

// What a vendor writes.
export { CloudError, faultOf } from "./provider.ts";
export type {
  AssignRequest,
  CloudAddress,
  CloudCall,
  CloudCapabilities,
  CloudFault,
  CloudInterface,
  CloudInterfaceState,
  CloudNode,
  CloudPool,
  CloudProvider,
  EnsureInterfaceRequest,
  NodeInventory,
  NodeLimits,
  Orphan,
  ThrottleBucket,
  UnassignRequest,
  Wanted,
} from "./provider.ts";
