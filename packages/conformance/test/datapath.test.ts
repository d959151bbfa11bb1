import { datapathChecks, datapathConformance } from "@netloom/conformance/datapath";
import { describe, expect, it } from "vitest";
import { brokenDatapaths, memoryOptions, modelOptions } from "./broken/datapath.ts";
import { record } from "./support/recorder.ts";

describe("the kit for datapaths", () => {
  it("has a broken datapath for each check", () => {
    expect(Object.keys(brokenDatapaths).sort()).toEqual(datapathChecks.map(({ id }) => id).sort());
  });

  it.each([
    ["with packets", modelOptions(), ["no packets"]],
    [
      "without",
      memoryOptions(),
      ["audit", "audit", "survivesAgent", ...Array.from({ length: 7 }, () => "packets")],
    ],
  ])("passes a right datapath %s, and skips what is not declared", async (_, options, lacking) => {
    const { messages, skipped } = await record((runner) => datapathConformance(runner, options));
    expect(messages).toEqual([]);
    expect(skipped.map((title) => /declare (.*)\)$/.exec(title)?.[1])).toEqual(lacking);
  });

  it.each(Object.entries(brokenDatapaths))("finds what is wrong by %s alone", async (id, options) => {
    const { failed, messages } = await record((runner) => datapathConformance(runner, options));
    expect(failed, messages.join("\n")).toEqual([id]);
  });
});
