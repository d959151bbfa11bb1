import { isNetloomError } from "@netloom/core";
import type { Breaks } from "./broken-ipam.ts";

/** IPAMs that remember wrongly, by the check that finds it. */
export const restarts: Breaks = {
  "ipam/restart": (inner, life) => ({
    ranges: () => (life === 1 ? inner.ranges() : inner.ranges().toReversed()),
  }),
  // The first address of each only.
  "ipam/restore": (inner) => ({
    restore: (leases) =>
      inner.restore(
        leases.map((lease) => (lease.retired ? lease : { ...lease, addresses: lease.addresses.slice(0, 1) })),
      ),
  }),
  "ipam/restore-retired": (inner) => ({
    restore: (leases) => inner.restore(leases.filter(({ retired }) => !retired)),
  }),
  "ipam/restore-foreign": (inner) => ({
    restore: async (leases) => {
      await inner.restore(leases).catch((error: unknown) => {
        if (!isNetloomError(error, "ERR_IPAM_FOREIGN") || leases.length > 1) throw error;
      });
    },
  }),
  "ipam/restore-conflict": (inner) => ({
    restore: async (leases) => {
      await inner.restore(leases).catch((error: unknown) => {
        if (!isNetloomError(error, "ERR_IPAM_CONFLICT")) throw error;
      });
    },
  }),
  "ipam/restore-whole": (inner) => ({
    restore: async (leases) => {
      for (const lease of leases) await inner.restore([lease]);
    },
  }),
};
