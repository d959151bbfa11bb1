import { describe, expect, it } from "vitest";
import { systemRuntime } from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { Acknowledger } from "../../src/agent/acknowledger.ts";

describe("the acknowledger", () => {
  it("writes the latest revision, however closely one follows the other", async () => {
    for (let gap = 0; gap < 30; gap++) {
      const store = memoryStore();
      const { signal } = new AbortController();
      const errors: unknown[] = [];
      const acknowledger = new Acknowledger({
        store,
        key: "ack",
        runtime: systemRuntime,
        signal,
        onError: (error) => errors.push(error),
      });
      acknowledger.acknowledge(1);
      for (let turn = 0; turn < gap; turn++) await Promise.resolve();
      acknowledger.acknowledge(2);
      for (let turn = 0; turn < 100; turn++) await Promise.resolve();
      expect((await store.get("ack"))?.value, `after ${gap} turns`).toEqual({ revision: 2 });
      expect(errors).toEqual([]);
    }
  });
});
