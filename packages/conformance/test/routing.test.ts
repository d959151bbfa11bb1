import { routingChecks, routingConformance } from "@netloom/conformance/routing";
import { describe, expect, it } from "vitest";
import { brokenRoutings, routingOptions } from "./broken/routing.ts";
import { record } from "./support/recorder.ts";

describe("the kit for routings", () => {
  it("has a broken routing for each check", () => {
    expect(Object.keys(brokenRoutings).sort()).toEqual(routingChecks.map(({ id }) => id).sort());
  });

  it("passes a right routing", async () => {
    const { messages, skipped } = await record((runner) => routingConformance(runner, routingOptions()));
    expect({ messages, skipped }).toEqual({ messages: [], skipped: [] });
  });

  it.each(Object.entries(brokenRoutings))("finds what is wrong by %s alone", async (id, change) => {
    const { failed, messages } = await record((runner) => routingConformance(runner, routingOptions(change)));
    expect(failed, messages.join("\n")).toEqual([id]);
  });
});
