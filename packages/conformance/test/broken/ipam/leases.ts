import { NetloomError, TypedEmitter, type IpamEvents, type Lease } from "@netloom/core";
import type { Breaks } from "./broken-ipam.ts";
import { onExhausted } from "./exhausted.ts";

/** IPAMs that are wrong about who gets what, by the check that finds it. */
export const leases: Breaks = {
  // Takes what stands before a slash for the name.
  "ipam/lease": (inner) => ({
    allocate: async (owner, options) => {
      const lease = await inner.allocate(owner, options);
      return { ...lease, owner: owner.replace(/.*\//, "") };
    },
  }),
  "ipam/same-owner": (inner) => {
    const seen = new Set<string>();
    let busy = 0;
    return {
      allocate: async (owner, options) => {
        const again = seen.has(owner) && busy === 0 && options.addresses === undefined;
        busy++;
        seen.add(owner);
        try {
          return { ...(await inner.allocate(again ? `${owner} again` : owner, options)), owner };
        } finally {
          busy--;
        }
      },
      // After a restart, nobody has asked yet; and whoever has started twice is asked for what he had.
      start: async (...parameters) => {
        seen.clear();
        await inner.start(...parameters);
      },
    };
  },
  // One more than there are.
  "ipam/every-address": (inner) => {
    let last: Lease | undefined;
    let given = false;
    return {
      allocate: (owner, options) =>
        onExhausted(inner, owner, options, (error) => {
          if (given || last === undefined) throw error;
          given = true;
          return { ...last, owner };
        }).then((lease) => (last = lease)),
    };
  },
  "ipam/one-family": (inner) => ({
    allocate: (owner, options) =>
      inner.allocate(owner, owner.startsWith("only") ? { ...options, families: [4, 6] } : options),
  }),
  "ipam/both-or-neither": (inner) => ({
    allocate: (owner, options) =>
      onExhausted(inner, owner, options, async (error) => {
        const [four] = inner.status().ranges;
        if (options.families.length > 1 && four!.free > 0) await inner.allocate(owner, { families: [4] });
        throw error;
      }),
  }),
  "ipam/exhaustion": (inner) => ({
    allocate: (owner, options) =>
      onExhausted(inner, owner, options, ({ message }) => {
        throw new NetloomError("ERR_IPAM_EXHAUSTED", message, { retryable: false });
      }),
  }),
  "ipam/exhaustion-counts": (inner) => ({
    allocate: (owner, options) =>
      onExhausted(inner, owner, options, () => {
        throw new NetloomError("ERR_IPAM_EXHAUSTED", "no free address", { retryable: true });
      }),
  }),
  "ipam/exhaustion-event": (inner) => {
    const events = new TypedEmitter<IpamEvents>(() => undefined);
    inner.events.on("ranges:changed", (ranges) => events.emit("ranges:changed", ranges));
    return { events };
  },
  "ipam/pool-unknown": (inner) => ({
    allocate: (owner, options) => inner.allocate(owner, { ...options, pool: "default" }),
  }),
  // Who comes while another is served gets the other's.
  "ipam/concurrent-owners": (inner) => {
    const serving = new Map<string, Promise<Lease>>();
    return {
      allocate: async (owner, options) => {
        const [other] = serving;
        if (other !== undefined && other[0] !== owner) return { ...(await other[1]), owner };
        const lease = inner.allocate(owner, options);
        serving.set(owner, lease);
        try {
          return await lease;
        } finally {
          serving.delete(owner);
        }
      },
    };
  },
  "ipam/concurrent-owner": (inner) => {
    const serving = new Map<string, number>();
    return {
      allocate: async (owner, options) => {
        const others = serving.get(owner) ?? 0;
        serving.set(owner, others + 1);
        try {
          return { ...(await inner.allocate(others === 0 ? owner : `${owner}+${others}`, options)), owner };
        } finally {
          serving.set(owner, serving.get(owner)! - 1);
        }
      },
    };
  },
  "ipam/abort": (inner) => ({
    allocate: async (owner, { signal, ...options }) => {
      const lease = await inner.allocate(owner, options);
      signal?.throwIfAborted();
      return lease;
    },
  }),
};
