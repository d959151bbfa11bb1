import { isNetloomError, type NetloomError } from "@netloom/core";
import type { Break, Breaks } from "./broken-ipam.ts";

/** IPAMs that do not take requests at their word, by the check that finds it. */
export const requests: Breaks = {
  // A wish.
  "ipam/requested": (inner) => ({
    allocate: async (owner, { addresses, ...options }) => {
      if (addresses === undefined) return inner.allocate(owner, options);
      const lease = await inner.allocate(owner, { ...options, addresses });
      const other = await inner.allocate(`${owner} elsewhere`, options);
      await inner.release(lease);
      return { ...other, owner };
    },
  }),
  "ipam/requested-taken": ignoring(
    ({ message, retryable }) => message.includes("allocated to") && !retryable,
  ),
  "ipam/requested-quarantined": ignoring(({ message }) => message.includes("quarantined after")),
  "ipam/requested-router": ignoring(({ message }) => message.includes("reserved for")),
  "ipam/requested-outside": ignoring(({ code }) => code === "ERR_IPAM_OUT_OF_RANGE"),
};

/** Gives some other address where a request is refused with an error that fits. */
function ignoring(fits: (error: NetloomError) => boolean): Break {
  return (inner) => ({
    allocate: async (owner, options) => {
      try {
        return await inner.allocate(owner, options);
      } catch (error) {
        if (options.addresses === undefined || !isNetloomError(error) || !fits(error)) throw error;
        const { addresses: _, ...rest } = options;
        return inner.allocate(owner, rest);
      }
    },
  });
}
