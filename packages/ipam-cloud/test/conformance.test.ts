import { ipamConformance } from "@netloom/conformance/ipam";
import type { IpamContext } from "@netloom/core";
import { cloudIpam } from "@netloom/ipam-cloud";
import { describe, it } from "vitest";
import { FakeCloud } from "./support/fake-cloud.ts";

const clouds = new WeakMap<object, FakeCloud>();
const blocks = { 4: 28, 6: 124 } as const;

/** One cloud for each cluster; its instance was launched with the ranges it should have, and the pool has no others. */
function cloudOf({ store, podCIDRs }: IpamContext): FakeCloud {
  const known = clouds.get(store);
  if (known !== undefined) return known;
  const cloud = new FakeCloud({ cidrs: [], capabilities: { blocks } });
  cloud.launch({ name: "conformance", instance: "i-1" }, podCIDRs);
  clouds.set(store, cloud);
  return cloud;
}

ipamConformance(
  { describe, it },
  {
    create: (context) =>
      cloudIpam({
        provider: cloudOf(context),
        instance: { instance: "i-1" },
        times: { coalesce: 1, lull: 1, retryAfter: 100, refreshAfter: 100 },
      }),
    grow: (context) => {
      cloudOf(context).cidrs.push("10.77.0.32/28", "fd00:77::20/124");
      return { [Symbol.asyncDispose]: async () => undefined };
    },
  },
);
