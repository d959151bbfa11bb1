/**
 * Host-scope IPAM: the node owns the ranges that its node object names (Kubernetes `spec.podCIDRs`) and hands out their
 * addresses alone, without asking anybody.
 *
 * @example
 * import { createAgent } from "@netloom/core";
 * import { hostScope } from "@netloom/ipam-host-scope";
 *
 * const agent = createAgent({
 *   node: { name: "node1", addresses: ["192.0.2.1"], podCIDRs: ["10.244.1.0/24"] },
 *   ipam: hostScope(),
 *   // …
 * });
 *
 * @packageDocumentation
 */
export { hostScope } from "./host-scope.ts";
export type { HostScopeOptions } from "./options.ts";
