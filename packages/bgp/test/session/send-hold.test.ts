import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SendHold } from "../../src/session/send-hold.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

describe("the send hold", () => {
  it("expires once, when nothing was taken for so long, whatever the time and the limit", async () => {
    const positive = fc.double({ min: 0.001, max: 1_000_000, noNaN: true });
    await fc.assert(
      fc.asyncProperty(positive, positive, async (start, limit) => {
        const clock = new VirtualClock();
        clock.block(start);
        const expired: number[] = [];
        const hold = new SendHold(clock, () => expired.push(clock.monotonic()));
        hold.arm(limit, { taken: 0, drained: false });
        await clock.advance(limit * 2);
        expect(expired).toEqual([start + limit]);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 1000 },
    );
  });
});
