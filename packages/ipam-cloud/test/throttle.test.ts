import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManualClock } from "@netloom/core/memory";
import type { ThrottleBucket } from "@netloom/ipam-cloud";
import { Throttles, throttlesOf, type Urgency } from "../src/throttle.ts";
import { FakeCloud } from "./support/fake-cloud.ts";

const never = new AbortController().signal;

function bucket(some: Partial<ThrottleBucket> = {}): ThrottleBucket {
  return { name: "b", actions: ["Assign"], capacity: 2, perSecond: 1, ...some };
}

/** Asks, and says when it was let through. */
function asker(
  clock: ManualClock,
  throttles: Throttles,
  spec: ThrottleBucket,
): (urgency?: Urgency, node?: string, action?: string) => { at?: number } {
  const provider = new FakeCloud({ capabilities: { throttles: [spec] } });
  return (urgency = "change", node = "n", action = "Assign") => {
    const let_: { at?: number } = {};
    void throttles.admit(provider, node, action, urgency, never).then(() => (let_.at = clock.now()));
    return let_;
  };
}

describe("throttles", () => {
  it("lets as many through as the cloud does", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 10 }),
        fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 20 }),
        async (capacity, perSecond, gaps) => {
          const clock = new ManualClock();
          const ask = asker(clock, new Throttles(clock), bucket({ capacity, perSecond }));
          const asked: { at?: number }[] = [];
          for (const gap of gaps) {
            asked.push(ask());
            await clock.advance(0);
            await clock.advance(gap);
          }
          await clock.advance(60_000);
          // The cloud's own bucket, asked at these times, never runs dry.
          let [tokens, last] = [capacity, 0];
          for (const { at } of asked) {
            expect(at).toBeDefined();
            tokens = Math.min(capacity, tokens + ((at! - last) / 1000) * perSecond) - 1;
            expect(tokens).toBeGreaterThan(-1e-6);
            last = at!;
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it("waits for the whole minute where the cloud refills then", async () => {
    const clock = new ManualClock(30_000);
    const ask = asker(clock, new Throttles(clock), bucket({ capacity: 1, refill: "each-minute" }));
    const [first, second] = [ask(), ask()];
    await clock.advance(0);
    await clock.advance(29_000);
    expect([first.at, second.at]).toEqual([30_000, undefined]);
    await clock.advance(1000);
    expect(second.at).toBe(60_000);
  });

  it("lets changes go before reads", async () => {
    const clock = new ManualClock();
    const ask = asker(clock, new Throttles(clock), bucket({ capacity: 1 }));
    ask();
    const [read, change] = [ask("read"), ask("change")];
    await clock.advance(5000);
    expect(change.at).toBeLessThan(read.at!);
  });

  it("keeps other actions out of it, and other nodes where each has its own", async () => {
    const clock = new ManualClock();
    const ask = asker(clock, new Throttles(clock), bucket({ capacity: 1, per: "node" }));
    ask();
    const [same, other, action] = [ask(), ask("change", "m"), ask("change", "n", "Attach")];
    await clock.advance(0);
    expect([same.at, other.at, action.at]).toEqual([undefined, 0, 0]);
  });

  it("asks nothing of a bucket that the cloud calls empty", async () => {
    const clock = new ManualClock();
    const spec = bucket({ capacity: 10 });
    const throttles = new Throttles(clock);
    throttles.refused(new FakeCloud({ capabilities: { throttles: [spec] } }), "n", "b", 3000);
    const late = asker(clock, throttles, spec)();
    await clock.advance(2999);
    expect(late.at).toBeUndefined();
    await clock.advance(1);
    expect(late.at).toBe(3000);
  });

  it.each([
    ["the action's name for the bucket's", "Assign", 3000, 3000],
    ["no number", "b", Number.NaN, 1000],
    ["a time that never comes", "b", 1e12, 600_000],
  ])("takes %s", async (_, name, retryAfter, expected) => {
    const clock = new ManualClock();
    const spec = bucket({ capacity: 10 });
    const throttles = new Throttles(clock);
    throttles.refused(new FakeCloud({ capabilities: { throttles: [spec] } }), "n", name, retryAfter);
    const late = asker(clock, throttles, spec)();
    await clock.advance(expected - 1);
    expect(late.at).toBeUndefined();
    await clock.advance(1);
    expect(late.at).toBe(expected);
  });

  it("stops waiting when it is told to, and takes no token", async () => {
    const clock = new ManualClock();
    const throttles = new Throttles(clock);
    const spec = bucket({ capacity: 1 });
    const ask = asker(clock, throttles, spec);
    ask();
    const stop = new AbortController();
    const provider = new FakeCloud({ capabilities: { throttles: [spec] } });
    const stopped = throttles
      .admit(provider, "n", "Assign", "change", stop.signal)
      .catch((error: unknown) => error);
    const next = ask();
    stop.abort("enough");
    await clock.advance(1000);
    expect(await stopped).toBe("enough");
    expect(next.at).toBe(1000);
  });

  it("is one for all nodes of an account", () => {
    const clock = new ManualClock();
    expect(throttlesOf(clock, "a")).toBe(throttlesOf(clock, "a"));
    expect(throttlesOf(clock, "a")).not.toBe(throttlesOf(clock, "b"));
  });
});
