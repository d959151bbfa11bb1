import type { AssignRequest, CloudFault } from "@netloom/ipam-cloud";
import { mistaking, refuse, remember, type Breaks } from "./broken-cloud.ts";
import { mapInterfaces } from "./reading.ts";

/** Providers that assign and take away wrongly, or for want of the wrong thing, by the check that finds it. */
export const assigning: Breaks = {
  // All that the interface has, where it has some already.
  "cloud/assign-new": {
    change: (inner, sim) => ({
      assign: async (request, call) => {
        const before = ofInterface(sim.owners(), request.interface);
        const added = await inner.assign(request, call);
        return before.length === 2 && request.count === 3 ? [...before, ...added] : added;
      },
    }),
  },
  "cloud/assign-blocks": {
    change: (inner) => ({
      assign: async (request, call) =>
        (await inner.assign(request, call)).map((cidr) => cidr.replace("/28", "/32")),
    }),
  },
  // One, and then it fails.
  "cloud/assign-partly": {
    change: (inner) => ({
      assign: async (request, call) => {
        if (request.count < 10) return inner.assign(request, call);
        await inner.assign({ ...request, count: 1 }, call);
        return refuse("transient", "there were not enough");
      },
    }),
  },
  // Says another than it was asked for, unless it is asked again.
  "cloud/assign-exact": {
    change: (inner, sim, { done }) => ({
      assign: async (request, call) => {
        const { exact } = request;
        const added = await inner.assign(request, call);
        if (exact === undefined || done.has(exact[0]!)) return added;
        done.add(exact[0]!);
        return ofInterface(sim.owners(), request.interface).slice(0, 1);
      },
    }),
  },
  "cloud/assign-exact-again": {
    change: (inner, _, memory) => ({
      assign: (request, call) =>
        remember(memory, call.intent, async () => {
          if (request.exact !== undefined && memory.done.has(call.intent))
            await inner.assign(withoutExact(request), call);
          return inner.assign(request, call);
        }),
    }),
  },
  "cloud/assign-taken": {
    change: mistaking((fault) => fault.kind === "conflict" && fault.what === "in-use", { kind: "invalid" }),
  },
  // The first of them.
  "cloud/unassign": {
    change: (inner, sim) => ({
      unassign: (request, call) => {
        const owners = sim.owners();
        const cidrs = request.cidrs.every((cidr) => owners.has(cidr))
          ? request.cidrs.slice(0, 1)
          : request.cidrs;
        return inner.unassign!({ ...request, cidrs }, call);
      },
    }),
  },
  "cloud/unassign-again": {
    change: (inner, sim) => ({
      unassign: async (request, call) => {
        const owners = sim.owners();
        if (!request.cidrs.every((cidr) => owners.has(cidr))) refuse("invalid", "some are not there");
        await inner.unassign!(request, call);
      },
    }),
  },
  "cloud/unassign-primary": {
    change: (inner) => {
      const hidden = new Set<string>();
      return {
        unassign: (request, call) => {
          for (const cidr of request.cidrs) hidden.add(cidr);
          return inner.unassign!(request, call);
        },
        readNode: async (node, call) =>
          mapInterfaces(await inner.readNode(node, call), (one) => ({
            ...one,
            addresses: one.addresses.filter(({ cidr, role }) => role !== "primary" || !hidden.has(cidr)),
          })),
      };
    },
  },
  "cloud/exhausted-pool-addresses": {
    change: mistaking(isExhausted("pool-addresses"), { kind: "exhausted", what: "interface-slots" }),
  },
  "cloud/exhausted-pool-blocks": {
    change: mistaking(isExhausted("pool-blocks"), { kind: "exhausted", what: "pool-addresses" }),
  },
  "cloud/exhausted-interface-slots": {
    change: mistaking(isExhausted("interface-slots"), { kind: "exhausted", what: "pool-addresses" }),
  },
  "cloud/exhausted-node-interfaces": {
    change: mistaking(isExhausted("node-interfaces"), { kind: "exhausted", what: "interface-slots" }),
  },
  "cloud/exhausted-quota": { change: mistaking(isExhausted("quota"), { kind: "transient" }) },
};

function isExhausted(what: string): (fault: CloudFault) => boolean {
  return (fault) => fault.kind === "exhausted" && fault.what === what;
}

function ofInterface(owners: ReadonlyMap<string, { readonly interface: string }>, id: string): string[] {
  return [...owners].filter(([, owner]) => owner.interface === id).map(([cidr]) => cidr);
}

function withoutExact(request: AssignRequest): AssignRequest {
  const { exact: _, ...rest } = request;
  return rest;
}
