import { identityChecks, identityConformance } from "@netloom/conformance/identity";
import { describe, expect, it } from "vitest";
import { brokenIdentities, identityOptions } from "./broken/identity.ts";
import { record } from "./support/recorder.ts";

describe("the kit for identities", () => {
  it("has broken identities for each check", () => {
    expect(Object.keys(brokenIdentities).sort()).toEqual(identityChecks.map(({ id }) => id).sort());
  });

  it("passes right identities", async () => {
    const { messages, skipped } = await record((runner) => identityConformance(runner, identityOptions()));
    expect({ messages, skipped }).toEqual({ messages: [], skipped: [] });
  });

  it.each(Object.entries(brokenIdentities))("finds what is wrong by %s alone", async (id, wrong) => {
    const { failed, messages } = await record((runner) =>
      identityConformance(runner, identityOptions(wrong)),
    );
    expect(failed, messages.join("\n")).toEqual([id]);
  });
});
