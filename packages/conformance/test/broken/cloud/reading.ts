import type { CloudCall, CloudInterface, CloudNode, NodeInventory } from "@netloom/ipam-cloud";
import type { Breaks } from "./broken-cloud.ts";

/** Providers that tell of a node and its cloud what is not so, by the check that finds it. */
export const reading: Breaks = {
  "cloud/read-assigned": {
    change: (inner) => ({
      readNode: async (node, call) =>
        mapInterfaces(await inner.readNode(node, call), (one) => ({
          ...one,
          addresses: one.addresses.map((address) => ({ ...address, ready: address.role === "primary" })),
        })),
    }),
  },
  // Looks by name, and finds those whose names begin alike too.
  "cloud/read-own-node": {
    change: (inner, sim) => {
      const isUsed = (inventory: NodeInventory | undefined): boolean =>
        (inventory?.interfaces.flatMap(({ addresses }) => addresses).length ?? 0) > 1;
      return {
        readNode: async (node, call) => {
          const inventory = await inner.readNode(node, call);
          const [first] = [...sim.owners().values()];
          if (inventory === undefined || first?.instance === node.instance || !isUsed(inventory))
            return inventory;
          const others = await inner.readNode({ ...node, instance: first!.instance! }, call);
          return isUsed(others)
            ? { ...inventory, interfaces: [...inventory.interfaces, ...others!.interfaces] }
            : inventory;
        },
      };
    },
  },
  "cloud/pools": {
    change: (inner) => ({
      async *pools(node, call) {
        for await (const pool of inner.pools(node, call)) {
          yield pool;
          if (pool.id === "subnet-c") yield pool;
        }
      },
    }),
  },
  // Its first page.
  "cloud/pages": {
    change: (inner) => ({
      async *pools(node, call) {
        yield* firstPage(call, (call) => inner.pools(node, call));
      },
    }),
  },
  "cloud/limits": {
    change: (inner) => ({
      limits: async (node, call) => {
        const limits = await inner.limits(node, call);
        return limits === undefined ? undefined : { interfaces: limits.interfaces, slots: {} };
      },
    }),
  },
  "cloud/unknown-type": {
    change: (inner) => ({
      limits: async (node, call) =>
        (await inner.limits(node, call)) ?? { interfaces: 2, slots: { 4: 4, 6: 4 } },
    }),
  },
  "cloud/gone": {
    change: (inner, _, { done }) => ({
      readNode: async (node, call) => {
        const inventory = await inner.readNode(node, call);
        // A name that another instance has is not gone.
        if (inventory !== undefined) done.add(node.instance);
        const replaced = [...done].some((instance) => instance !== node.instance);
        return inventory ?? (replaced ? undefined : { node, interfaces: [] });
      },
    }),
  },
  "cloud/assign-gone": {
    change: (inner) => ({
      classify: (error) => {
        const fault = inner.classify(error);
        return fault.kind === "gone" ? { kind: "transient" } : fault;
      },
    }),
  },
  // Knows a node by its name, once it has seen it.
  "cloud/name-reused": {
    change: (inner) => {
      const known = new Map<string, CloudNode>();
      return {
        readNode: (node, call) => {
          const first = known.get(node.name) ?? node;
          known.set(node.name, first);
          return inner.readNode(first, call);
        },
      };
    },
  },
};

export function mapInterfaces(
  inventory: NodeInventory | undefined,
  map: (one: CloudInterface) => CloudInterface,
): NodeInventory | undefined {
  return inventory === undefined
    ? undefined
    : { ...inventory, interfaces: inventory.interfaces.map((one) => map(one)) };
}

/** What comes before a second request. */
export async function* firstPage<Item>(
  call: CloudCall,
  list: (call: CloudCall) => AsyncIterable<Item>,
): AsyncGenerator<Item> {
  const enough = new Error("enough");
  let pages = 0;
  const once: CloudCall = {
    ...call,
    admit: async (action) => {
      if (pages++ > 0) throw enough;
      await call.admit(action);
    },
  };
  try {
    yield* list(once);
  } catch (error) {
    if (error !== enough) throw error;
  }
}
