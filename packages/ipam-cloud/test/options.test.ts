import type { NetloomError } from "@netloom/core";
import { cloudIpam, cloudIpamOperator, cloudPolicy, type CloudIpamOptions } from "@netloom/ipam-cloud";
import { describe, expect, it } from "vitest";
import { FakeCloud } from "./support/fake-cloud.ts";

/** As somebody may write them who has no types. */
function given(options: unknown): CloudIpamOptions {
  return options as CloudIpamOptions;
}

function valid(): Record<string, unknown> {
  return { provider: new FakeCloud(), instance: { instance: "i-1" } };
}

const WRONG = expect.objectContaining({
  code: "ERR_OPTIONS_INVALID",
  remedy: expect.stringMatching(/^(write|list|the options)/) as string,
}) as NetloomError;

/** A cloud that declares one bucket. */
function bucket(some: object): FakeCloud {
  const one = { name: "reads", actions: ["ReadNode"], capacity: 1, perSecond: 1, ...some };
  return new FakeCloud({ capabilities: { throttles: [one] } });
}

describe("the options of cloudIpam", () => {
  it("may be as few as these", () => {
    expect(cloudIpam(given(valid())).name).toBe("fake");
  });

  it.each([undefined, null, 5, [], {}])("are not %j", (options) =>
    expect(() => cloudIpam(given(options))).toThrow(WRONG),
  );

  it.each([
    { provider: undefined },
    { provider: 5 },
    { provider: { name: "x", account: "x" } },
    { instance: undefined },
    { instance: {} },
    { instance: "i-1" },
    { instance: { instance: "" } },
    { limits: {} },
    { limits: { interfaces: Number.NaN, slots: { 4: 3 } } },
    { limits: { interfaces: 2, slots: { 4: -3 } } },
    { limits: { interfaces: 2, slots: { 5: 3 } } },
    { limits: { interfaces: 2, slots: { 4: 3 }, blocks: { 4: 33 } } },
    { pools: "subnet-1" },
    { securityGroups: "sg-1" },
    { securityGroups: [5] },
    { policy: 5 },
    { policy: { preallocate: 5 } },
    { policy: { preAllocate: Infinity } },
    { policy: { blocks: "no" } },
    { policy: { singles: 1 } },
    { policy: { maxAllocate: 0 } },
    { policy: { maxAllocate: 1 } },
    { policy: { excessDelay: 2 ** 31 } },
    { policy: { excessDelay: Infinity } },
    { policy: { targets: 5 } },
    { policy: { targets: { warm: 5 } } },
    { policy: { targets: { maxAddresses: 1 } } },
    { policy: { targets: { warmAddresses: 2 }, preAllocate: 3 } },
    { times: 5 },
    { times: { patince: 5 } },
    { times: { patience: Infinity } },
    { times: { lull: 1.5 } },
    { times: { refreshAfter: 2 ** 31 } },
    { times: { refreshAfter: 99 } },
    { times: { retryAfter: 0 } },
    { times: { attachTime: 0 } },
    { tiems: {} },
    { provider: bucket({ perSecond: 0 }) },
    { provider: bucket({ capacity: 0.5 }) },
    { provider: bucket({ capacity: 0, refill: "each-minute" }) },
    { provider: bucket({ actions: undefined }) },
  ])("are refused with %j", (some) => expect(() => cloudIpam(given({ ...valid(), ...some }))).toThrow(WRONG));

  it("leave out what is undefined", () => {
    const some = {
      times: { lull: undefined },
      policy: { preAllocate: undefined, targets: undefined },
      pools: undefined,
    };
    expect(cloudIpam(given({ ...valid(), ...some })).name).toBe("fake");
  });

  it("may be at the edge", () => {
    const policy = { maxAllocate: 2, excessDelay: 2 ** 31 - 1 };
    const times = { refreshAfter: 100, patience: 2 ** 31 - 1, coalesce: 0 };
    const provider = bucket({ perSecond: 0, refill: "each-minute" });
    expect(cloudIpam(given({ ...valid(), provider, policy, times })).name).toBe("fake");
    expect(cloudPolicy({ targets: { maxAddresses: Infinity } }).warm.by).toBe("targets");
  });
});

describe("the options of cloudIpamOperator", () => {
  const provider = new FakeCloud();
  it.each([
    undefined,
    {},
    { provider, interval: 0 },
    { provider, interval: Number.NaN },
    { provider, interval: Infinity },
    { provider, intervall: 1000 },
  ])("are refused as %j", (options) => {
    const given_ = options as { provider: FakeCloud };
    expect(() => cloudIpamOperator(given_)).toThrow(WRONG);
  });
});
