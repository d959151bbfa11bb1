import { routingChecks, routingConformance } from "@netloom/conformance/routing";
import { describe, expect, it } from "vitest";
import { brokenNative, brokenRoutings, nativeOptions, routingOptions } from "./broken/routing.ts";
import { record } from "./support/recorder.ts";

describe("the kit for routings", () => {
  it("has a broken routing for each check", () => {
    const broken = [...Object.keys(brokenRoutings), ...Object.keys(brokenNative)];
    expect(broken.sort()).toEqual(routingChecks.map(({ id }) => id).sort());
  });

  it("passes a right routing", async () => {
    const { messages, skipped } = await record((runner) => routingConformance(runner, routingOptions()));
    expect({ messages, skipped }).toEqual({ messages: [], skipped: [] });
  });

  it("passes one without tunnels, and says what does not concern it", async () => {
    const { messages, skipped } = await record((runner) => routingConformance(runner, nativeOptions()));
    expect(messages).toEqual([]);
    expect(skipped).toHaveLength(2);
  });

  it.each(Object.entries(brokenNative))("finds what is wrong by %s alone", async (id, change) => {
    const { failed, messages } = await record((runner) => routingConformance(runner, nativeOptions(change)));
    expect(failed, messages.join("\n")).toEqual([id]);
  });

  it.each(Object.entries(brokenRoutings))("finds what is wrong by %s alone", async (id, change) => {
    const { failed, messages } = await record((runner) => routingConformance(runner, routingOptions(change)));
    expect(failed, messages.join("\n")).toEqual([id]);
  });
});
