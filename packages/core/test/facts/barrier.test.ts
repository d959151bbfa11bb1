import { describe, expect, it } from "vitest";
import { createClusterClient, type ChangeBatch, type Store } from "../../src/index.ts";
import { memoryStore } from "../../src/memory/index.ts";

const ROOT = "netloom/default/v1/";

/** Watches of nodes tell nothing any more: they lag. */
function withLaggingNodes(store: Store): Store {
  return new Proxy(store, {
    get(target, property) {
      if (property !== "watch") {
        const value = Reflect.get(target, property, target) as unknown;
        return typeof value === "function" ? (value as (...of: unknown[]) => unknown).bind(target) : value;
      }
      return (
        prefix: string,
        options: { from: number; signal?: AbortSignal },
      ): AsyncIterable<ChangeBatch> => {
        const from = prefix.endsWith("nodes/") ? Number.MAX_SAFE_INTEGER : options.from;
        return target.watch(prefix, { ...options, from });
      };
    },
  });
}

describe("a cluster client that waits for every node", () => {
  it("waits for one that was registered before the revision, though its watch has not told of it yet", async () => {
    const store = memoryStore();
    const join = async (name: string): Promise<void> => {
      await store.create(`${ROOT}state/nodes/${name}`, { name, addresses: ["192.0.2.1"] });
    };
    const acknowledge = async (name: string, revision: number): Promise<void> => {
      await store.create(`${ROOT}acknowledgements/${name}`, { revision });
    };
    const client = createClusterClient({ store: withLaggingNodes(store) });
    await join("a");
    // Keeps the client following: the second wait joins it.
    const stop = new AbortController();
    const first = client.settled(1000, { signal: stop.signal }).catch(() => "aborted");
    await new Promise((resolve) => setTimeout(resolve, 5));
    await join("b");
    await acknowledge("a", 100);
    let settled = false;
    const second = client.settled(store.revision).then(() => (settled = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(settled).toBe(false);
    await acknowledge("b", 100);
    await second;
    stop.abort();
    expect(await first).toBe("aborted");
  });
});
