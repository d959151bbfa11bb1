import { parseCidr } from "@netloom/core";
import { faultOf } from "@netloom/ipam-cloud";
import { azureLike } from "@netloom/sim-cloud";
import { mistaking, type Breaks } from "./broken-cloud.ts";

/** Providers that take a refusal wrongly, or somebody who gives up, by the check that finds it. */
export const refusals: Breaks = {
  "cloud/throttled": { change: mistaking(({ kind }) => kind === "throttled", { kind: "transient" }) },
  "cloud/denied": { change: mistaking(({ kind }) => kind === "denied", { kind: "denied", action: "" }) },
  "cloud/admitted": {
    change: (inner) => ({
      limits: async (node, call) => {
        // It was, once.
        let asked = false;
        await call.admit("DescribeInstanceTypes");
        return inner.limits(node, {
          ...call,
          admit: async () => {
            if (asked) await call.admit("DescribeInstanceTypes");
            asked = true;
          },
        });
      },
      readNode: (node, call) => inner.readNode(node, { ...call, admit: () => call.admit("ReadInterfaces") }),
    }),
  },
  "cloud/abort": {
    change: (inner) => ({
      limits: async (node, call) => {
        if (call.signal.aborted) throw new Error("it was aborted");
        return inner.limits(node, call);
      },
    }),
  },
  // It did not say what it was called off for.
  "cloud/called-off": {
    change: (inner) => ({
      readNode: async (node, call) => {
        try {
          return await inner.readNode(node, call);
        } catch (error) {
          if (error instanceof Error && error.message === "called off") return undefined;
          throw error;
        }
      },
    }),
  },
  "cloud/version": {
    shape: azureLike,
    change: (inner) => ({
      assign: (request, call) => {
        const { version: _, ...rest } = request;
        return inner.assign(rest, call);
      },
    }),
  },
  // Whoever writes last is right.
  "cloud/lost-update": {
    shape: azureLike,
    change: (inner, sim) => ({
      assign: async (request, call) => {
        const before = sim.interfaces.find(({ id }) => id === request.interface)?.addresses ?? [];
        try {
          return await inner.assign(request, call);
        } catch (error) {
          const fault = faultOf(inner, error);
          if (fault.kind !== "conflict" || fault.what !== "version" || request.version !== undefined)
            throw error;
          const { version } = sim.world.interface(request.interface);
          const wishes = before
            .filter(({ role }) => role !== "primary")
            .map(({ cidr }) => ({ cidr, family: 4 as const, prefix: parseCidr(cidr).prefix }));
          sim.world.replace(request.interface, wishes, version);
          return [];
        }
      },
    }),
  },
  "cloud/failed-operation": {
    shape: azureLike,
    change: (inner) => ({
      assign: async (request, call) => {
        try {
          return await inner.assign(request, call);
        } catch (error) {
          if (error instanceof Error && error.message.includes("internal")) return [];
          throw error;
        }
      },
    }),
  },
  "cloud/no-secrets": {
    change: (inner) => ({
      assign: async (request, call) => {
        try {
          return await inner.assign(request, call);
        } catch (error) {
          if (error instanceof Error) error.message += " (signed with sim-secret-access-key)";
          throw error;
        }
      },
    }),
  },
};
