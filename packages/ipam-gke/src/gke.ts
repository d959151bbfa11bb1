import { cloudIpam, type CloudIpam } from "@netloom/ipam-cloud";
import { metadataServer, readIdentity } from "./metadata.ts";
import { NodeRange } from "./node-range.ts";
import { checkIpamOptions, type GkeDynamicOptions, type GkeNodeOptions } from "./options.ts";
import { gkeProvider } from "./provider.ts";

/**
 * Pod addresses of the alias IP ranges of a Compute Engine instance: those it was created with, or as many as it needs.
 *
 * `start` rejects with `ERR_IPAM_NO_RANGE` where the instance was created with none, `ERR_CLOUD_UNAVAILABLE` where there is
 * no metadata server, and `ERR_UNSUPPORTED` where ranges are dynamic and the SDK is not installed.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`.
 */
export function gke(options: GkeNodeOptions | GkeDynamicOptions = {}): CloudIpam {
  checkIpamOptions(options);
  return options.range === "dynamic" ? dynamic(options) : ofNode(options);
}

function ofNode({ metadata = metadataServer(), usable = isFirst, times }: GkeNodeOptions): CloudIpam {
  const provider = new NodeRange(metadata, usable);
  return cloudIpam({
    provider,
    async instance() {
      await provider.check();
      return readIdentity(metadata);
    },
    // It has what it has: nothing is ever wanted beside, and nothing given back.
    policy: { preAllocate: 0, excessDelay: "keep" },
    ...(times === undefined ? {} : { times }),
  });
}

function dynamic(all: GkeDynamicOptions): CloudIpam {
  const { range: _, policy, times, instance, ...options } = all;
  const { metadata = metadataServer() } = options;
  const provider = gkeProvider(options);
  return cloudIpam({
    provider,
    async instance() {
      // That there is no SDK is said at once, and not again and again.
      await provider.open();
      if (instance === undefined) return readIdentity(metadata);
      return typeof instance === "function" ? instance() : instance;
    },
    ...(policy === undefined ? {} : { policy }),
    ...(times === undefined ? {} : { times }),
  });
}

function isFirst(_: string, index: number): boolean {
  return index === 0;
}
