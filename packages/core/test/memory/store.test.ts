import { describe, expect, it } from "vitest";
import { ManualClock, memoryStore, seededRandom } from "@netloom/core/memory";

describe("the in-memory store", () => {
  it("creates a key once, and changes it only at the revision that was read", async () => {
    const store = memoryStore();
    const created = await store.create("a", 1);
    await expect(store.create("a", 2)).rejects.toMatchObject({ code: "ERR_STORE_EXISTS" });
    const updated = await store.update("a", 2, { revision: created });
    await expect(store.update("a", 3, { revision: created })).rejects.toMatchObject({
      code: "ERR_STORE_CONFLICT",
    });
    await expect(store.delete("a", { revision: created })).rejects.toMatchObject({
      code: "ERR_STORE_CONFLICT",
    });
    expect(await store.get("a")).toEqual({ key: "a", value: 2, created, revision: updated });
    expect(await store.delete("a")).toBeGreaterThan(updated);
    expect(await store.delete("a")).toBeUndefined();
    await expect(store.update("a", 3, { revision: 1 })).rejects.toMatchObject({
      code: "ERR_STORE_NOT_FOUND",
    });
  });

  it("keeps copies: neither what was given nor what was read can be changed later", async () => {
    const store = memoryStore();
    const given = { list: [1] };
    await store.create("a", given);
    given.list.push(2);
    const read = (await store.get("a"))!.value as { list: number[] };
    expect(read).toEqual({ list: [1] });
    expect(() => read.list.push(3)).toThrow(TypeError);
  });

  it("tells a watcher every change after the revision it names, in order", async () => {
    const store = memoryStore();
    await store.create("x/a", 1);
    const { revision } = await store.list("x/");
    await store.create("x/b", 2);
    await store.create("y", 0);
    const seen: string[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const { changes } of store.watch("x/", { from: revision, signal: stop.signal })) {
        for (const change of changes)
          seen.push(change.type === "put" ? `+${change.entry.key}` : `-${change.key}`);
        if (seen.length >= 3) stop.abort();
      }
    })();
    await store.delete("x/a");
    await store.create("x/a", 3);
    await watching;
    expect(seen).toEqual(["+x/b", "-x/a", "+x/a"]);
  });

  it("sends a watcher that is too far behind back to the list", async () => {
    const store = memoryStore();
    const from = await store.create("a", 1);
    await store.create("b", 1);
    store.compact();
    const watch = store.watch("", { from })[Symbol.asyncIterator]();
    await expect(watch.next()).rejects.toMatchObject({ code: "ERR_STORE_COMPACTED", retryable: true });
  });

  it("removes a session's keys when it is lost, also to a pause that was too long", async () => {
    const clock = new ManualClock();
    const store = memoryStore({ runtime: { clock, random: seededRandom(1) } });
    const session = await store.session({ ttl: 9000 });
    await store.create("alive", 1, { session });
    await clock.advance(60_000);
    expect(await store.get("alive")).toBeDefined();
    store.expire(session);
    expect(session.lost.aborted).toBe(true);
    expect(await store.get("alive")).toBeUndefined();
  });
});
