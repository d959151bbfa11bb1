import { sleep } from "@netloom/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../src/twin/virtual-clock.ts";

describe("VirtualClock", () => {
  it("fires timers at their times, in their order, and none that were cancelled", async () => {
    const timers = fc.array(fc.record({ after: fc.nat(20), cancelled: fc.boolean() }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(timers, async (timers) => {
        const clock = new VirtualClock(1000);
        const fired: (readonly [number, number])[] = [];
        for (const [index, { after, cancelled }] of timers.entries()) {
          const timer = clock.after(after, () => fired.push([clock.monotonic(), index]));
          if (cancelled) timer.cancel();
        }
        await clock.pass(20);
        const wanted = timers
          .map(({ after, cancelled }, index) => ({ cancelled, entry: [after, index] as const }))
          .filter(({ cancelled }) => !cancelled)
          .map(({ entry }) => entry)
          .toSorted(([a, first], [b, second]) => a - b || first - second);
        expect(fired).toEqual(wanted);
        expect(clock.now()).toBe(1020);
      }),
    );
  });

  it("leaps to where a promise settles, over all that is started on the way", async () => {
    const clock = new VirtualClock();
    const slept = async (): Promise<string> => {
      for (let hour = 0; hour < 24; hour++) await sleep(clock, 3_600_000);
      return "a day";
    };
    expect(await clock.until(slept())).toBe("a day");
    expect(clock.monotonic()).toBe(86_400_000);
  });

  it("says so where nothing is left to happen, or it takes too long", async () => {
    const clock = new VirtualClock();
    await expect(clock.until(new Promise(() => {}))).rejects.toThrow("nothing is left");
    await expect(clock.until(sleep(clock, 100), 99)).rejects.toThrow("longer than 99 ms");
    await expect(clock.until(Promise.reject(new Error("its own")))).rejects.toThrow("its own");
  });
});
