import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Random } from "../src/clock.ts";
import { type Intervals, Session } from "../src/session.ts";
import { type ControlPacket, decodeControl, encodeControl, type State } from "../src/wire.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

const FAST: Intervals = { transmitInterval: 300, receiveInterval: 300, multiplier: 3 };

/** Numbers from a seed: mulberry32. */
function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A session against packets that the test makes. */
function alone(intervals: Intervals = FAST, random: Random = () => 0.5) {
  const clock = new VirtualClock();
  const sent: (ControlPacket & { readonly at: number })[] = [];
  const changes: string[] = [];
  const waiting: ControlPacket[] = [];
  const session = new Session({
    ...{ ...intervals, discriminator: 7, clock, random },
    send: (packet) => sent.push({ ...packet, at: clock.monotonic() }),
    onChange: (state, diagnostic) => changes.push(`${state} ${diagnostic}`),
    catchUp: () => {
      for (const packet of waiting.splice(0)) session.receive(packet);
    },
  });
  const hear = (packet: Partial<ControlPacket>): void => session.receive(peerPacket(packet));
  const comeUp = (packet: Partial<ControlPacket> = {}): void => {
    hear({ ...packet, state: "down", yourDiscriminator: 0 });
    hear({ ...packet, state: "init" });
    hear({ ...packet, state: "up", final: true });
  };
  session.start();
  return { clock, sent, changes, waiting, session, hear, comeUp };
}

function peerPacket(packet: Partial<ControlPacket>): ControlPacket {
  return {
    ...{ diagnostic: "none", state: "up", poll: false, final: false },
    ...{ controlPlaneIndependent: false, demand: false, detectMultiplier: 3 },
    ...{ myDiscriminator: 9, yourDiscriminator: 7 },
    ...{ desiredMinTransmit: 300_000, requiredMinReceive: 300_000, requiredMinEcho: 0 },
    ...packet,
  };
}

describe("a session", () => {
  // The table of RFC 5880 section 6.8.6.
  it.each<[State, State, State]>([
    ["down", "down", "init"],
    ["down", "init", "up"],
    ["down", "up", "down"],
    ["down", "admin-down", "down"],
    ["init", "down", "init"],
    ["init", "init", "up"],
    ["init", "up", "up"],
    ["init", "admin-down", "down"],
    ["up", "down", "down"],
    ["up", "init", "up"],
    ["up", "up", "up"],
    ["up", "admin-down", "down"],
  ])("that is %s and hears %s is %s", (state, heard, next) => {
    const { session, hear } = alone();
    if (state !== "down") hear({ state: "down" });
    if (state === "up") hear({ state: "init" });
    expect(session.state).toBe(state);
    hear({ state: heard });
    expect(session.state).toBe(next);
    const failed = next === "down" && state !== "down";
    expect(session.diagnostic).toBe(failed ? "neighbour-signaled-down" : "none");
  });

  it("says each change at once, in the bytes of the next packet", () => {
    const { sent, changes, comeUp } = alone();
    comeUp();
    expect(changes).toEqual(["init none", "up none"]);
    expect(sent.map(({ state, at }) => `${state} ${at}`)).toEqual(["down 0", "init 0", "up 0"]);
    expect(sent.map(({ yourDiscriminator }) => yourDiscriminator)).toEqual([0, 9, 9]);
  });

  it("sends a packet a second before it is up, and tells no less", () => {
    const { clock, sent } = alone(FAST, () => 0);
    clock.advance(10_000);
    expect(sent.map(({ at }) => at)).toEqual(Array.from({ length: 11 }, (_, at) => at * 1000));
    expect(new Set(sent.map(({ desiredMinTransmit }) => desiredMinTransmit))).toEqual(new Set([1_000_000]));
  });

  it.each([
    [3, 0.75, 1],
    [1, 0.75, 0.9],
  ])("with multiplier %i takes %f to %f of the interval", (multiplier, least, most) => {
    const { clock, sent, comeUp, hear } = alone({ ...FAST, multiplier }, seeded(multiplier));
    comeUp();
    for (let count = 0; count < 500; count += 1) {
      clock.advance(200);
      hear({});
    }
    const times = sent.filter(({ state }) => state === "up").map(({ at }) => at);
    const gaps = times.slice(1).map((at, index) => (at - (times[index] ?? 0)) / 300);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(most);
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeGreaterThan((most - least) * 0.9);
  });

  it("sends no faster than the peer can take, and heeds at once that it can take more", () => {
    const { clock, sent, session, comeUp, hear } = alone(FAST, () => 0);
    comeUp({ requiredMinReceive: 5_000_000, detectMultiplier: 255 });
    expect(session.transmissionInterval).toBe(5000);
    const before = sent.length;
    clock.advance(4999);
    expect(sent.length).toBe(before);
    clock.advance(1);
    expect(sent.length).toBe(before + 1);
    clock.advance(400);
    hear({ requiredMinReceive: 100_000 });
    clock.advance(0);
    expect(sent.length).toBe(before + 2);
  });

  it("sends nothing to who wants nothing, but answers polls and says changes", () => {
    const { clock, sent, comeUp, hear } = alone();
    comeUp({ requiredMinReceive: 0, detectMultiplier: 255 });
    const before = sent.length;
    clock.advance(60_000);
    expect(sent.length).toBe(before);
    hear({ requiredMinReceive: 0, poll: true });
    expect(sent.at(-1)).toMatchObject({ final: true, poll: false });
    hear({ requiredMinReceive: 0, state: "down" });
    expect(sent.at(-1)).toMatchObject({ state: "down", diagnostic: "neighbour-signaled-down" });
  });

  it("falls silent for a peer in demand mode once both are up, and speaks again after it", () => {
    const { clock, sent, comeUp, hear } = alone();
    comeUp({ demand: true, detectMultiplier: 255 });
    const before = sent.length;
    clock.advance(60_000);
    expect(sent.length).toBe(before);
    hear({ demand: false, detectMultiplier: 255 });
    clock.advance(3000);
    expect(sent.length).toBeGreaterThan(before + 8);
  });

  it("answers a poll at once, and does not ask in the same packet", () => {
    const { sent, hear } = alone();
    hear({ state: "down", poll: true });
    hear({ state: "init", poll: true });
    expect(sent.filter(({ final }) => final)).toHaveLength(2);
    expect(sent.some(({ poll, final }) => poll && final)).toBe(false);
  });

  it("asks until it is answered that it is faster now", () => {
    const { clock, sent, hear } = alone();
    hear({ state: "down" });
    hear({ state: "init" });
    clock.advance(500);
    const asked = sent.filter(({ state }) => state === "up");
    expect(asked.length).toBeGreaterThan(1);
    expect(asked.every(({ poll, desiredMinTransmit }) => poll && desiredMinTransmit === 300_000)).toBe(true);
    hear({ final: true });
    clock.advance(300);
    expect(sent.at(-1)).toMatchObject({ poll: false });
  });

  it("becomes slower only when the peer knows", () => {
    const { session, sent, comeUp, hear } = alone();
    comeUp();
    session.setIntervals({ transmitInterval: 900, receiveInterval: 900, multiplier: 5 });
    expect(sent.at(-1)).toMatchObject({
      poll: true,
      desiredMinTransmit: 900_000,
      requiredMinReceive: 900_000,
    });
    // Until then the peer may take us for dead by the old interval; it may itself be slow at once.
    expect(session.transmissionInterval).toBe(300);
    expect(session.detectionTime).toBe(2700);
    hear({ final: true });
    expect(session.transmissionInterval).toBe(900);
    expect(sent.at(-1)).toMatchObject({ detectMultiplier: 5 });
  });

  it("expects the peer to be faster only when it knows", () => {
    const { session, comeUp, hear } = alone();
    comeUp({ desiredMinTransmit: 50_000 });
    session.setIntervals({ transmitInterval: 100, receiveInterval: 100, multiplier: 3 });
    expect(session.detectionTime).toBe(900);
    hear({ desiredMinTransmit: 50_000, final: true });
    expect(session.detectionTime).toBe(300);
  });

  it("keeps what was asked during a poll for the next one", () => {
    const { session, sent, comeUp, hear } = alone();
    comeUp();
    session.setIntervals({ ...FAST, transmitInterval: 500 });
    session.setIntervals({ ...FAST, transmitInterval: 700 });
    expect(sent.at(-1)).toMatchObject({ poll: true, desiredMinTransmit: 500_000 });
    hear({ final: true });
    expect(sent.at(-1)).toMatchObject({ poll: true, desiredMinTransmit: 700_000 });
    hear({ final: true });
    expect(session.transmissionInterval).toBe(700);
  });

  it("goes down when the detection time is over: the peer's multiplier, the slower of both intervals", () => {
    const { clock, session, sent, changes, comeUp } = alone({ ...FAST, receiveInterval: 200 });
    comeUp({ desiredMinTransmit: 400_000, detectMultiplier: 5 });
    clock.advance(1999);
    expect(session.state).toBe("up");
    clock.advance(1);
    expect(changes.at(-1)).toBe("down detection-time-expired");
    expect(sent.at(-1)).toMatchObject({
      ...{ state: "down", diagnostic: "detection-time-expired", yourDiscriminator: 0 },
      desiredMinTransmit: 1_000_000,
    });
  });

  it("counts from the last packet", () => {
    const { clock, session, comeUp, hear } = alone();
    comeUp();
    for (let count = 0; count < 20; count += 1) {
      clock.advance(899);
      hear({});
    }
    expect(session.state).toBe("up");
    clock.advance(900);
    expect(session.state).toBe("down");
  });

  it("forgets a peer that dies before it is up", () => {
    const { clock, session, sent, hear } = alone();
    hear({ state: "up" });
    expect(session.peer?.myDiscriminator).toBe(9);
    clock.advance(2000);
    expect(session.peer).toBeUndefined();
    expect(sent.at(-1)?.yourDiscriminator).toBe(0);
  });

  it("reads what waits before it declares a peer dead", () => {
    const { clock, session, changes, waiting, comeUp } = alone();
    comeUp();
    waiting.push(peerPacket({}), peerPacket({}));
    clock.block(5000);
    clock.advance(0);
    expect(session.state).toBe("up");
    // And when nothing waited, it is dead after all.
    clock.block(5000);
    clock.advance(0);
    expect(changes.at(-1)).toBe("down detection-time-expired");
  });

  it("tells the peer when it ends, and then is still", () => {
    const { clock, session, sent, changes, hear, comeUp } = alone();
    comeUp();
    const before = changes.length;
    session.close();
    session.close();
    expect(sent.at(-1)).toMatchObject({ state: "admin-down", diagnostic: "administratively-down" });
    const count = sent.length;
    hear({ state: "down", poll: true });
    clock.advance(60_000);
    expect([sent.length, changes.length, clock.pending]).toEqual([count, before, 0]);
  });
});

/** Two sessions with a link between them that loses what `loses` says, after some milliseconds. */
function pair(seed: number, options: readonly [Intervals, Intervals], delay: number) {
  const clock = new VirtualClock();
  const random = seeded(seed);
  const link = { loss: 0 };
  const arrivals: [number, number] = [0, 0];
  const log: string[] = [];
  const make = (at: 0 | 1): Session =>
    new Session({
      ...{ ...options[at], discriminator: at + 1, clock, random },
      send: (packet) => {
        if (random() < link.loss) return;
        const bytes = encodeControl(packet);
        // A link may dawdle, and keeps the order.
        arrivals[at] = Math.max(arrivals[at], clock.monotonic() + delay * random());
        clock.after(arrivals[at] - clock.monotonic(), () => {
          const heard = decodeControl(bytes);
          if (!("discarded" in heard)) sessions[1 - at]?.receive(heard);
        });
      },
      onChange: (state, diagnostic) => log.push(`${clock.monotonic()} ${at} ${state} ${diagnostic}`),
      catchUp: () => undefined,
    });
  const sessions = [make(0), make(1)];
  for (const session of sessions) session.start();
  return { clock, link, log, states: () => sessions.map(({ state }) => state), sessions };
}

// With multiplier 1 a tenth of the interval is all that a packet may be late: 3 ms of 30.
const intervals: fc.Arbitrary<Intervals> = fc.record({
  transmitInterval: fc.integer({ min: 30, max: 2000 }),
  receiveInterval: fc.integer({ min: 30, max: 2000 }),
  multiplier: fc.integer({ min: 1, max: 10 }),
});

const runs = fc.tuple(fc.nat(), fc.tuple(intervals, intervals), fc.integer({ min: 0, max: 2 }));

/** The last packet and the detection time after it add up to a time whose difference from the first is less. */
const STANDSTILL: [[number, [Intervals, Intervals], number], number] = [
  [
    1_165_416_071,
    [
      { transmitInterval: 35, receiveInterval: 1292, multiplier: 6 },
      { transmitInterval: 1622, receiveInterval: 73, multiplier: 1 },
    ],
    1,
  ],
  0.989_999_999_999_997_9,
];

describe("two sessions", () => {
  it("come up within seconds over a link that loses nothing, and stay up", () => {
    fc.assert(
      fc.property(runs, ([seed, options, delay]) => {
        const { clock, states, log } = pair(seed, options, delay);
        clock.advance(5_000);
        expect(states()).toEqual(["up", "up"]);
        clock.advance(120_000);
        expect(log.filter((line) => line.includes("down"))).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it("agree on the intervals, whatever each asked for", () => {
    fc.assert(
      fc.property(runs, ([seed, [one, other], delay]) => {
        const { clock, sessions } = pair(seed, [one, other], delay);
        clock.advance(30_000);
        const sent = Math.max(one.transmitInterval, other.receiveInterval);
        expect(sessions[0]?.transmissionInterval).toBe(sent);
        expect(sessions[1]?.detectionTime).toBe(one.multiplier * sent);
      }),
      { numRuns: 100 },
    );
  });

  it("go down within the detection time once the link is cut, and come up when it heals", () => {
    fc.assert(
      fc.property(runs, ([seed, options, delay]) => {
        const { clock, link, states, sessions } = pair(seed, options, delay);
        clock.advance(30_000);
        expect(states()).toEqual(["up", "up"]);
        const longest = Math.max(...sessions.map(({ detectionTime }) => detectionTime ?? 0));
        link.loss = 1;
        clock.advance(longest + delay);
        expect(states()).toEqual(["down", "down"]);
        clock.advance(10_000);
        link.loss = 0;
        clock.advance(10_000);
        expect(states()).toEqual(["up", "up"]);
      }),
      { numRuns: 100 },
    );
  });

  it("find each other again after any loss", () => {
    fc.assert(
      fc.property(runs, fc.double({ min: 0, max: 0.99, noNaN: true }), ([seed, options, delay], loss) => {
        const { clock, link, states } = pair(seed, options, delay);
        link.loss = loss;
        clock.advance(120_000);
        link.loss = 0;
        // The longest detection time of all (10 times 2 s) may have to pass before a stale half goes down.
        clock.advance(30_000);
        expect(states()).toEqual(["up", "up"]);
      }),
      { numRuns: 100, examples: [STANDSTILL] },
    );
  });
});
