import type { CloudProvider } from "@netloom/ipam-cloud";
import { mistaking, remember, type Breaks, type Change, type Memory } from "./broken-cloud.ts";

/** Providers that recover wrongly, by the check that finds it. */
export const recovery: Breaks = {
  "cloud/crash-ensure": { change: beginningAnew("crash") },
  "cloud/crash-remove": { change: takingForRemoved("crash") },
  "cloud/crash-assign": { change: assigningOver("crash") },
  "cloud/lost-ensure": { change: beginningAnew("loss") },
  "cloud/lost-remove": { change: takingForRemoved("loss") },
  "cloud/lost-assign": { change: assigningOver("loss") },
  "cloud/lost-ambiguous": {
    change: mistaking((_, error) => error instanceof Error && error.name === "SimConnectionError", {
      kind: "transient",
    }),
  },
  "cloud/unknown-error": {
    change: mistaking((_, error) => !(error instanceof Error) || error.name === "Error", {
      kind: "transient",
    }),
  },
  // What cannot be seen is not there.
  "cloud/stale-ensure": {
    change: (inner, sim, memory) => ({
      ensureInterface: (request, call) => {
        const seen = sim.seen().interfaces.some(({ tags }) => tags["netloom:intent"] === call.intent);
        const again = !seen && memory.done.has(call.intent) && isThere(sim, call.intent);
        const intent = again ? `${call.intent}-again` : call.intent;
        return remember(memory, call.intent, () => inner.ensureInterface!(request, { ...call, intent }));
      },
    }),
  },
  "cloud/stale-remove": {
    change: (inner, sim) => ({
      removeInterface: async (request, call) => {
        const seen = sim.seen().interfaces.some(({ id }) => id === request.interface);
        if (seen || !sim.interfaces.some(({ id }) => id === request.interface))
          await inner.removeInterface!(request, call);
      },
    }),
  },
  // Nobody's instance, nobody's interface.
  "cloud/instance-ends": {
    change: (inner, _, memory) => ({
      ensureInterface: (request, call) =>
        remember(memory, call.intent, () => inner.ensureInterface!(request, call)),
      async *orphans(call) {
        for await (const orphan of inner.orphans!(call))
          if (memory.failed.get(orphan.intent ?? "") !== "other") yield orphan;
      },
    }),
  },
};

function isThere(sim: Parameters<Change>[1], intent: string): boolean {
  return sim.interfaces.some(({ tags }) => tags["netloom:intent"] === intent);
}

/** Forgets what it had begun: the intent of a second attempt is another. */
function beginningAnew(after: "crash" | "loss"): Change {
  return (inner, _, memory) => ({
    ensureInterface: (request, call) => {
      const intent = memory.failed.get(call.intent) === after ? `${call.intent}-again` : call.intent;
      return remember(memory, call.intent, () => inner.ensureInterface!(request, { ...call, intent }));
    },
  });
}

/** What it once tried to remove is removed, says a second attempt. */
function takingForRemoved(after: "crash" | "loss"): Change {
  return (inner, _, memory) => ({
    removeInterface: async (request, call) => {
      if (memory.failed.get(request.interface) !== after) await removing(inner, memory, request, call);
    },
  });
}

function removing(
  inner: CloudProvider,
  memory: Memory,
  ...[request, call]: Parameters<NonNullable<CloudProvider["removeInterface"]>>
): Promise<void> {
  return remember(memory, request.interface, () => inner.removeInterface!(request, call));
}

/** A second attempt takes one more, to be sure. */
function assigningOver(after: "crash" | "loss"): Change {
  return (inner, _, memory) => ({
    assign: (request, call) =>
      remember(memory, call.intent, async () => {
        if (memory.failed.get(call.intent) === after) {
          const { exact: _, ...rest } = request;
          await inner.assign(rest, call);
        }
        return inner.assign(request, call);
      }),
  });
}
