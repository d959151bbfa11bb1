import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { idleHold } from "../../src/session/backoff.ts";
import { identifierNumber, survivor } from "../../src/session/collision.ts";
import { jittered, Timers, Watchdog } from "../../src/session/timers.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

describe("named timers", () => {
  it("run once, the latest setting counts, and none runs after it was disarmed", async () => {
    const clock = new VirtualClock();
    const expired: string[] = [];
    const timers = new Timers<"a" | "b" | "c">(clock, (name) => expired.push(`${name}@${clock.monotonic()}`));
    timers.arm("a", 100);
    timers.arm("b", 50);
    timers.arm("a", 200);
    timers.arm("c", 60);
    timers.disarm("c");
    expect(timers.isRunning("a")).toBe(true);
    await clock.advance(1000);
    expect(expired).toEqual(["b@50", "a@200"]);
    expect(timers.isRunning("a")).toBe(false);
    timers.arm("a", 1);
    timers.clear();
    await clock.advance(1000);
    expect(expired).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  it("jitter takes away up to a quarter", () => {
    expect(jittered(1000, () => 0)).toBe(750);
    expect(jittered(1000, () => 0.999_999)).toBeCloseTo(1000, 0);
  });
});

describe("the idle hold", () => {
  it("doubles from the connect-retry time to twelve times as much", () => {
    const holds = [1, 2, 3, 4, 5, 6, 100].map((failures) => idleHold(5000, failures, () => 1));
    expect(holds).toEqual([5000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  });
});

describe("a watchdog", () => {
  const watch = (): { clock: VirtualClock; dog: Watchdog; expired: number[] } => {
    const clock = new VirtualClock();
    const expired: number[] = [];
    const dog = new Watchdog(clock, clock.turn, () => expired.push(clock.monotonic()));
    return { clock, dog, expired };
  };

  it("expires when nothing was heard for so long, once", async () => {
    const { clock, dog, expired } = watch();
    dog.arm(3000);
    await clock.advance(2000);
    dog.sign();
    await clock.advance(2999);
    expect(expired).toEqual([]);
    await clock.advance(10_000);
    expect(expired).toEqual([5000]);
  });

  it("gives what came while the loop was blocked two turns to be read", async () => {
    for (const turn of [0, 1]) {
      const { clock, dog, expired } = watch();
      dog.arm(3000);
      clock.block(5000);
      clock.fireDue();
      for (let turns = 0; turns < turn; turns += 1) await clock.runTurn();
      dog.sign();
      await clock.idle();
      expect(expired).toEqual([]);
      await clock.advance(2999);
      expect(expired).toEqual([]);
      await clock.advance(1);
      expect(expired).toEqual([8000]);
    }
  });

  it("says nothing after it was disarmed, not even when it had run out", async () => {
    const { clock, dog, expired } = watch();
    dog.arm(3000);
    clock.block(5000);
    clock.fireDue();
    dog.disarm();
    await clock.advance(10_000);
    expect(expired).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it("armed with another time, keeps that", async () => {
    const { clock, dog, expired } = watch();
    dog.arm(240_000);
    await clock.advance(1000);
    dog.arm(3000);
    await clock.advance(10_000);
    expect(expired).toEqual([4000]);
  });
});

describe("the survivor of a collision", () => {
  const speaker = fc.record({
    asn: fc.integer({ min: 1, max: 0xffff_ffff }),
    routerId: fc.ipV4(),
  });

  it("is the same connection for both sides", () => {
    fc.assert(
      fc.property(speaker, speaker, (a, b) => {
        fc.pre(a.asn !== b.asn || a.routerId !== b.routerId);
        expect(survivor(a, b)).not.toBe(survivor(b, a));
      }),
    );
  });

  it("is decided by unsigned identifiers, then by AS numbers", () => {
    expect(identifierNumber("255.255.255.255")).toBe(4_294_967_295);
    const low = { asn: 65001, routerId: "127.0.0.1" };
    const high = { asn: 65000, routerId: "192.0.2.1" };
    expect(survivor(high, low)).toBe("outgoing");
    expect(survivor(low, high)).toBe("incoming");
    expect(survivor({ ...low, asn: 4_200_000_000 }, low)).toBe("outgoing");
  });
});
