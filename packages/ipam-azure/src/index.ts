/**
 * IPAM on Azure: pod addresses of a virtual network's subnets, as IP configurations of a machine's interfaces.
 *
 * @example
 * import { DefaultAzureCredential } from "@azure/identity";
 * import { createAgent } from "@netloom/core";
 * import { azure } from "@netloom/ipam-azure";
 *
 * const ipam = azure({ subscription: "…", credential: new DefaultAzureCredential() });
 * const agent = createAgent({ node, store, routing, datapath, families: [4], ipam });
 *
 * @packageDocumentation
 */
export { azure, azureProvider } from "./azure.ts";
export type { AzureMachineKind, AzureOptions, AzureProviderOptions } from "./options.ts";
export { azureInstance } from "./imds.ts";
export type { AzureInstanceOptions } from "./imds.ts";
export type { AzureClients, AzureCredential } from "./clients.ts";
export { AZURE_THROTTLES } from "./throttles.ts";
export type { AzureAction } from "./actions.ts";
