import { ipamChecks, ipamConformance } from "@netloom/conformance/ipam";
import { describe, expect, it } from "vitest";
import { brokenIpams, ipamOptions } from "./broken/ipam.ts";
import { record } from "./support/recorder.ts";

describe.concurrent("the kit for IPAMs", () => {
  it("has a broken IPAM for each check", () => {
    expect(Object.keys(brokenIpams).sort()).toEqual(ipamChecks.map(({ id }) => id).sort());
  });

  it("passes a right IPAM", async () => {
    const { messages, skipped } = await record((runner) => ipamConformance(runner, ipamOptions()));
    expect({ messages, skipped }).toEqual({ messages: [], skipped: [] });
  });

  it.each(Object.entries(brokenIpams))("finds what is wrong by %s alone", async (id, change) => {
    const { failed, messages } = await record((runner) => ipamConformance(runner, ipamOptions(change)));
    expect(failed, messages.join("\n")).toEqual([id]);
  });
});
