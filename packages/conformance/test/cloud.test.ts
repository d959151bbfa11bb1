import { cloudChecks, cloudConformance } from "@netloom/conformance/cloud";
import { awsLike, azureLike, gcpLike } from "@netloom/sim-cloud";
import { describe, expect, it } from "vitest";
import { brokenClouds, cloudOptions } from "./broken/cloud.ts";
import { record } from "./support/recorder.ts";

describe.concurrent("the kit for clouds", () => {
  it("has a broken provider for each check", () => {
    expect(Object.keys(brokenClouds).sort()).toEqual(cloudChecks.map(({ id }) => id).sort());
  });

  it.each([
    ["AWS", awsLike, 2],
    ["Azure", azureLike, 23],
    ["Google", gcpLike, 23],
  ] as const)("passes a right provider like %s", async (_, shape, unasked) => {
    const { messages, skipped } = await record((runner) => cloudConformance(runner, cloudOptions(shape)));
    expect(messages).toEqual([]);
    expect(skipped).toHaveLength(unasked);
  });

  it.each(Object.entries(brokenClouds))("finds what is wrong by %s alone", async (id, { shape, change }) => {
    const { failed, messages } = await record((runner) =>
      cloudConformance(runner, cloudOptions(shape ?? awsLike, change)),
    );
    expect(failed, messages.join("\n")).toEqual([id]);
  });
});
