import { NetloomError, type Ipam } from "@netloom/core";
import { hostScope } from "@netloom/ipam-host-scope";
import { ready, type Breaks } from "./broken-ipam.ts";

/** IPAMs that start or end wrongly, by the check that finds it. */
export const lifecycle: Breaks = {
  "ipam/ranges": (inner) => ({
    ranges: () => inner.ranges().map((range) => range.replace("/28", "/30")),
    routers: () => inner.routers(),
  }),
  "ipam/routers": (inner) => ({ routers: () => inner.routers().slice(0, 1) }),
  "ipam/start-waits": (inner) => ({
    start: async (context, options = {}) => {
      const started = inner.start(context, options);
      const { entries } = await context.store.list(context.prefix);
      if (entries.length > 0) await started;
      else started.catch(() => undefined);
    },
  }),
  "ipam/start-abort": (inner) => ({
    start: (context, options = {}) => inner.start(context, options.signal?.aborted === true ? {} : options),
  }),
  "ipam/start-twice": () => {
    let current: Ipam = hostScope();
    let [started, closed] = [false, false];
    return {
      start: async (context, options = {}) => {
        await ready(context, options.signal);
        if (started) current = hostScope();
        started = true;
        await current.start(context, options);
      },
      ranges: () => current.ranges(),
      routers: () => current.routers(),
      restore: (leases) => current.restore(leases),
      allocate: async (owner, options) => {
        if (closed) throw new NetloomError("ERR_CLOSED", "closed");
        return current.allocate(owner, options);
      },
      retire: (lease) => current.retire(lease),
      release: (lease) => current.release(lease),
      status: () => current.status(),
      get events() {
        return current.events;
      },
      [Symbol.asyncDispose]: async () => {
        closed = true;
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
