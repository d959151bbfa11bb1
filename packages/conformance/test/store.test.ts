import { storeChecks, storeConformance } from "@netloom/conformance/store";
import { describe, expect, it } from "vitest";
import { brokenStores, storeOptions } from "./broken/store.ts";
import { record } from "./support/recorder.ts";

describe.concurrent("the kit for stores", () => {
  it("has a broken store for each check", () => {
    expect(Object.keys(brokenStores).sort()).toEqual(storeChecks.map(({ id }) => id).sort());
  });

  it("passes a right store", async () => {
    const { messages, skipped } = await record((runner) => storeConformance(runner, storeOptions()));
    expect({ messages, skipped }).toEqual({ messages: [], skipped: [] });
  });

  it.each(Object.entries(brokenStores))("finds what is wrong by %s alone", async (id, change) => {
    const { failed, messages } = await record((runner) => storeConformance(runner, storeOptions(change)));
    expect(failed, messages.join("\n")).toEqual([id]);
  });
});
