import { describe, expect, it } from "vitest";
import { isNetloomError, NetloomError, type Store } from "@netloom/core";
import { memoryStore, seededRandom } from "@netloom/core/memory";
import { Journal } from "../src/journal.ts";
import { NodeRecord } from "../src/node-record.ts";

const node = { name: "node1", instance: "i-1" };
const action = { do: "assign", interface: "eni-1", family: 4, prefix: 32, count: 3 } as const;

describe("the journal", () => {
  it("keeps intents until they end, for the next life", async () => {
    const store = memoryStore();
    const first = new Journal(store, "p/", seededRandom(1));
    const one = await first.begin(node, action, 5);
    const two = await first.begin({ ...node, name: "node2" }, action, 6);
    const second = new Journal(store, "p/", seededRandom(1));
    expect(await second.open("node1")).toEqual([one]);
    expect(await second.open()).toEqual([one, two]);
    const abandoned = await second.abandon(one);
    expect(await first.open("node1")).toEqual([abandoned]);
    await second.end(one);
    await second.end(one);
    expect(await first.open("node1")).toEqual([]);
  });

  it("gives each its own name, also where two have the same luck", async () => {
    const store = memoryStore();
    const [a, b] = [1, 1].map((seed) => new Journal(store, "p/", seededRandom(seed)));
    const [one, two] = [await a!.begin(node, action, 0), await b!.begin(node, action, 0)];
    expect(one.id).not.toBe(two.id);
    expect(one.id).toMatch(/^[a-z0-9-]{1,32}$/);
  });

  it("takes what the store has for written where the store does not say", async () => {
    const real = memoryStore();
    let ambiguous = true;
    const store: Store = new Proxy(real, {
      get: (target, name) =>
        name === "create"
          ? async (key: string, value: never) => {
              await target.create(key, value);
              if (ambiguous) throw new NetloomError("ERR_AMBIGUOUS", "no answer");
            }
          : (Reflect.get(target, name) as { bind?: (to: object) => unknown }).bind?.(target),
    });
    const journal = new Journal(store, "p/", seededRandom(1));
    const intent = await journal.begin(node, action, 0);
    ambiguous = false;
    expect(await journal.open("node1")).toEqual([intent]);
  });

  it("rejects at once where the store neither says that it was written nor shows it", async () => {
    let asked = 0;
    const store: Store = Object.assign(Object.create(memoryStore()) as Store, {
      create: () => {
        asked++;
        return Promise.reject(new NetloomError("ERR_AMBIGUOUS", "no answer"));
      },
      get: async () => undefined,
    });
    const begun = new Journal(store, "p/", seededRandom(1)).begin(node, action, 0);
    const refused = await begun.catch((error: unknown) => error);
    expect(isNetloomError(refused, "ERR_AMBIGUOUS")).toBe(true);
    expect(asked).toBe(1);
  });

  it("refuses what it did not write", async () => {
    const store = memoryStore();
    await store.create("p/intents/node1/x", 7);
    const refused = await new Journal(store, "p/", seededRandom(1)).open().catch((error: unknown) => error);
    expect(isNetloomError(refused, "ERR_OBJECT_CORRUPT")).toBe(true);
  });
});

describe("the record of a node", () => {
  it("keeps the order of its ranges, and forgets those of another instance", async () => {
    const store = memoryStore();
    const record = new NodeRecord(store, "p/", "node1", "i-1", "life-1");
    expect(await record.load()).toBeUndefined();
    await record.save(["10.0.0.9/32", "10.0.0.2/32"]);
    expect(await new NodeRecord(store, "p/", "node1", "i-1", "life-2").load()).toEqual([
      "10.0.0.9/32",
      "10.0.0.2/32",
    ]);
    const other = new NodeRecord(store, "p/", "node1", "i-2", "life-3");
    expect(await other.load()).toBeUndefined();
    await other.save(["10.0.0.7/32"]);
    expect(await record.load()).toBeUndefined();
  });

  it("is written by the process that began last, and by none that was the node before", async () => {
    const store = memoryStore();
    const [before, after] = ["life-1", "life-2"].map(
      (life) => new NodeRecord(store, "p/", "node1", "i-1", life),
    );
    await before!.save(["10.0.0.9/32"]);
    await after!.save(["10.0.0.9/32"]);
    const refused = await before!.save(["10.0.0.9/32", "10.0.0.2/32"]).catch((error: unknown) => error);
    expect(isNetloomError(refused, "ERR_IPAM_CONFLICT")).toBe(true);
    await after!.save([]);
    // An operator that thought that the node was gone.
    await store.delete("p/nodes/node1");
    await after!.save(["10.0.0.7/32"]);
    expect(await after!.load()).toEqual(["10.0.0.7/32"]);
  });
});
