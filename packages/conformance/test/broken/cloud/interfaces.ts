import { CLUSTER_TAG, INTENT_TAG, type SimCloud } from "@netloom/sim-cloud";
import { CloudError } from "@netloom/ipam-cloud";
import { refuse, remember, type Breaks } from "./broken-cloud.ts";
import { firstPage } from "./reading.ts";

/** Providers that are wrong about interfaces, by the check that finds it. */
export const interfaces: Breaks = {
  // The addresses can come later.
  "cloud/ensure": {
    change: (inner) => ({
      ensureInterface: (request, call) => inner.ensureInterface!({ ...request, want: [] }, call),
    }),
  },
  // What made it knew the subnet; what reads it does not.
  "cloud/way-out": {
    change: (inner) => ({
      async readNode(node, call) {
        const read = await inner.readNode(node, call);
        const interfaces = read?.interfaces.map((one) => {
          const { gateway, ...rest } = one;
          return gateway === undefined ? one : rest;
        });
        return read && { ...read, interfaces: interfaces ?? [] };
      },
    }),
  },
  // Done is done: what is asked for now is another.
  "cloud/ensure-again": {
    change: (inner, sim, memory) => ({
      ensureInterface: (request, call) => {
        const known =
          memory.done.has(call.intent) &&
          !memory.failed.has(call.intent) &&
          sim.leaks("conformance").length === 0 &&
          sim.seen().interfaces.some(({ tags }) => tags[INTENT_TAG] === call.intent);
        const intent = known ? `${call.intent}-again` : call.intent;
        return remember(memory, call.intent, () => inner.ensureInterface!(request, { ...call, intent }));
      },
    }),
  },
  // Says that it goes with its instance.
  "cloud/goes-with-instance": {
    change: (inner, sim, memory) => ({
      ensureInterface: async (request, call) => {
        const isFirst = memory.done.size === 0 && memory.failed.size === 0;
        const made = await remember(memory, call.intent, () => inner.ensureInterface!(request, call));
        if (isFirst) sim.world.setDeleteWithInstance(made.id, false);
        return made;
      },
    }),
  },
  "cloud/flag-repaired": {
    change: (inner, sim, memory) => ({
      ensureInterface: async (request, call) => {
        const known = memory.done.has(call.intent) ? await inner.readNode(request.node, call) : undefined;
        const made = known?.interfaces.find(({ intent }) => intent === call.intent);
        return made ?? remember(memory, call.intent, () => inner.ensureInterface!(request, call));
      },
    }),
  },
  "cloud/index-taken": {
    change: (inner, sim) => ({
      ensureInterface: async (request, call) => {
        if (request.index !== undefined && indicesOf(sim, request.node.instance).includes(request.index))
          throw new CloudError({ kind: "conflict", what: "device-index" }, "it is taken");
        return inner.ensureInterface!(request, call);
      },
    }),
  },
  // The next one is the one after as many as there are.
  "cloud/index-gap": {
    change: (inner, sim) => ({
      ensureInterface: async (request, call) => {
        const taken = indicesOf(sim, request.node.instance);
        if (taken.includes(taken.length)) refuse("transient", "it is taken");
        return inner.ensureInterface!(request, call);
      },
    }),
  },
  // Only where it is told from which node.
  "cloud/remove": {
    change: (inner, sim) => ({
      removeInterface: async (request, call) => {
        const one = sim.interfaces.find(({ id }) => id === request.interface);
        if (request.node !== undefined || one?.attachment === undefined)
          await inner.removeInterface!(request, call);
      },
    }),
  },
  "cloud/remove-again": {
    change: (inner, _, memory) => ({
      removeInterface: async (request, call) => {
        if (memory.done.has(request.interface)) refuse("invalid", "it is gone");
        await remember(memory, request.interface, () => inner.removeInterface!(request, call));
      },
    }),
  },
  "cloud/remove-primary": {
    change: (inner) => {
      const hidden = new Set<string>();
      return {
        removeInterface: (request, call) => {
          hidden.add(request.interface);
          return inner.removeInterface!(request, call);
        },
        readNode: async (node, call) => {
          const inventory = await inner.readNode(node, call);
          if (inventory === undefined) return undefined;
          const interfaces = inventory.interfaces.filter(({ id, primary }) => !primary || !hidden.has(id));
          return { ...inventory, interfaces };
        },
      };
    },
  },
  "cloud/remove-unmanaged": {
    change: (inner, sim) => ({
      removeInterface: (request, call) =>
        markOf(sim, request.interface) === "none"
          ? destroy(sim, request.interface)
          : inner.removeInterface!(request, call),
    }),
  },
  "cloud/remove-other-cluster": {
    change: (inner, sim) => ({
      removeInterface: (request, call) =>
        markOf(sim, request.interface) === "other"
          ? destroy(sim, request.interface)
          : inner.removeInterface!(request, call),
    }),
  },
  // Whoever's.
  "cloud/orphans": {
    change: (inner, sim) => ({
      async *orphans(call) {
        yield* inner.orphans!(call);
        for (const { interface: id } of sim.leaks("other")) yield { interface: id };
      },
    }),
  },
  // Whatever has an intent of ours, where there is an orphan at all.
  "cloud/orphans-detached": {
    change: (inner, sim) => ({
      async *orphans(call) {
        let any = false;
        for await (const orphan of inner.orphans!(call)) {
          any = true;
          yield orphan;
        }
        const ours = sim.interfaces.filter(({ tags }) => tags[INTENT_TAG] !== undefined);
        if (any) for (const { id } of ours) yield { interface: id };
      },
    }),
  },
  "cloud/orphans-pages": {
    change: (inner) => ({
      async *orphans(call) {
        yield* firstPage(call, (call) => inner.orphans!(call));
      },
    }),
  },
};

function markOf(sim: SimCloud, id: string): string | undefined {
  const one = sim.interfaces.find((one) => one.id === id);
  return one === undefined ? undefined : (one.tags[CLUSTER_TAG] ?? "none");
}

async function destroy(sim: SimCloud, id: string): Promise<void> {
  sim.world.detach(id);
  sim.world.delete(id);
}

function indicesOf(sim: SimCloud, instance: string): number[] {
  return (sim.interfacesSeenAt(instance) ?? []).map(({ attachment }) => attachment!.index);
}
