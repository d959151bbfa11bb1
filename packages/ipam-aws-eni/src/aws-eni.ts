import { cloudIpam, type CloudInstance, type CloudIpam, type CloudIpamOptions } from "@netloom/ipam-cloud";
import { imds, type ImdsOptions, type InstanceIdentity } from "./imds.ts";
import type { AwsEniProviderOptions } from "./options.ts";
import { awsEniProvider } from "./provider.ts";

/** Of the provider, and of the IPAM over it: `policy`, `limits`, `pools`, `times`. */
export interface AwsEniOptions
  extends AwsEniProviderOptions, Omit<CloudIpamOptions, "provider" | "instance" | "securityGroups"> {
  /** @defaultValue what the instance metadata service says: see {@link imds} */
  readonly instance?: CloudIpamOptions["instance"];
  /** How the instance metadata service is asked. */
  readonly imds?: ImdsOptions;
}

/**
 * Pod addresses of the node's VPC, on elastic network interfaces of the node. No I/O until it is started.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`.
 */
export function awsEni(options: AwsEniOptions): CloudIpam {
  const { policy, limits, pools, times, imds: asking, instance, ...given } = options;
  let found: Promise<InstanceIdentity> | undefined;
  const identity = (): Promise<InstanceIdentity> => {
    // Whoever failed is asked anew: the service may come up after this process.
    found ??= imds(asking).catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    return found;
  };
  const region = async (): Promise<string | undefined> =>
    process.env["AWS_REGION"] ?? (await identity()).region;
  const provider = awsEniProvider({
    // Where the node is known, the SDK finds the region as it does elsewhere.
    ...(instance === undefined ? { region, vpc: async () => (await identity()).vpc } : {}),
    ...given,
  });
  return cloudIpam({
    provider,
    instance: instance ?? (async () => instanceOf(await identity())),
    ...(policy === undefined ? {} : { policy }),
    ...(limits === undefined ? {} : { limits }),
    ...(pools === undefined ? {} : { pools }),
    ...(times === undefined ? {} : { times }),
  });
}

function instanceOf({ instance, instanceType, zone }: InstanceIdentity): CloudInstance {
  return { instance, instanceType, zone };
}
