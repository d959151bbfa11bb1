/**
 * Netloom IPAM on Google Cloud: pods have addresses of the alias IP ranges of their node's instance.
 *
 * @example
 * import { createAgent } from "@netloom/core";
 * import { gke } from "@netloom/ipam-gke";
 *
 * const agent = createAgent({ node, store, routing, datapath, families: [4], ipam: gke() });
 *
 * @packageDocumentation
 */
export { gke } from "./gke.ts";
export { gkeProvider } from "./provider.ts";
export { metadataServer } from "./metadata.ts";
export type { GkeProvider } from "./provider.ts";
export type { GkeDynamicOptions, GkeNodeOptions, GkeProviderOptions } from "./options.ts";
export type { Metadata } from "./metadata.ts";
export type {
  ComputeAliasRange,
  ComputeCallOptions,
  ComputeClientOptions,
  ComputeClients,
  ComputeInstance,
  ComputeInterface,
  ComputeOperation,
  ComputeSubnetwork,
} from "./clients.ts";
