/**
 * Cloud IPAM: pods take their addresses straight from the cloud's network, out of a warm pool that cannot leak.
 *
 * @packageDocumentation
 */
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
