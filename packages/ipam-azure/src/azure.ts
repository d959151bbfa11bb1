import { cloudIpam, type CloudIpam, type CloudProvider } from "@netloom/ipam-cloud";
import { azureInstance } from "./imds.ts";
import type { AzureMachineKind, AzureOptions, AzureProviderOptions } from "./options.ts";
import { AzureProvider } from "./provider.ts";
import { parseMachine } from "./resource-id.ts";

/**
 * Pod addresses of an Azure virtual network, as IP configurations of the machine's interfaces. Neither loads the SDK nor asks
 * Azure before it is started.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`.
 */
export function azure(options: AzureOptions): CloudIpam {
  const { instance = azureInstance, policy, pools, securityGroups, limits, times, ...rest } = options;
  const provider = azureProvider({ machines: kindOf(instance), ...rest });
  return cloudIpam({
    provider,
    instance,
    ...(policy === undefined ? {} : { policy }),
    ...(pools === undefined ? {} : { pools }),
    ...(securityGroups === undefined ? {} : { securityGroups }),
    ...(limits === undefined ? {} : { limits }),
    ...(times === undefined ? {} : { times }),
  });
}

/**
 * Azure, to one who plans for himself.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`.
 */
export function azureProvider(options: AzureProviderOptions): CloudProvider {
  return new AzureProvider(options);
}

function kindOf(instance: NonNullable<AzureOptions["instance"]>): AzureMachineKind {
  return typeof instance === "function" ? "standalone" : parseMachine(instance.instance).kind;
}
