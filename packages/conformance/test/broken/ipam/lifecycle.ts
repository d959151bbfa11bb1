import { NetloomError, TypedEmitter, type IpamEvents, type Lease } from "@netloom/core";
import { isSurrounded, type Breaks } from "./broken-ipam.ts";

/** IPAMs that start or end wrongly, by the check that finds it. */
export const lifecycle: Breaks = {
  // Smaller than what it leases of.
  "ipam/ranges": (inner) => {
    const smaller = (ranges: readonly string[]): readonly string[] =>
      ranges.map((range) => (range === "10.77.0.16/28" ? "10.77.0.16/30" : range));
    const events = new TypedEmitter<IpamEvents>(() => undefined);
    inner.events.on("range:exhausted", (range) => events.emit("range:exhausted", range));
    inner.events.on("ranges:changed", (ranges) => events.emit("ranges:changed", smaller(ranges)));
    return { events, ranges: () => smaller(inner.ranges()) };
  },
  "ipam/routers": (inner) => ({ routers: () => inner.routers().slice(0, 1) }),
  // Nobody hears of it.
  "ipam/ranges-changed": (inner) => {
    const events = new TypedEmitter<IpamEvents>(() => undefined);
    inner.events.on("range:exhausted", (range) => events.emit("range:exhausted", range));
    return { events };
  },
  "ipam/start-waits": (inner) => ({
    start: async (context, options = {}) => {
      const started = inner.start(context, options);
      if (await isSurrounded(context)) await started;
      else started.catch(() => undefined);
    },
  }),
  "ipam/start-abort": (inner) => ({
    start: (context, options = {}) => inner.start(context, options.signal?.aborted === true ? {} : options),
  }),
  // Begins with nothing.
  "ipam/start-twice": (inner) => {
    const leases: Lease[] = [];
    return {
      start: async (context, options) => {
        for (const lease of leases) await inner.release(lease);
        await inner.start(context, options);
      },
      allocate: async (owner, options) => {
        const lease = await inner.allocate(owner, options);
        leases.push(lease);
        return lease;
      },
    };
  },
  "ipam/closed": () => ({ [Symbol.asyncDispose]: async () => {} }),
  "ipam/closed-twice": (inner) => {
    let closed = false;
    return {
      async [Symbol.asyncDispose]() {
        if (closed) throw new NetloomError("ERR_CLOSED", "it is closed already");
        closed = true;
        await inner[Symbol.asyncDispose]();
      },
    };
  },
};
