import { describe, expect, it } from "vitest";
import { Slices } from "../../src/session/slices.ts";
import { header, Lab, notificationHex, plainOpen, unhex } from "./support/lab.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

describe("slices", () => {
  it("give all who share them five milliseconds a turn together, one after the other", async () => {
    const clock = new VirtualClock();
    const slices = new Slices(clock, clock.turn);
    const done: string[] = [];
    const job = (name: string, pieces: number) => (): boolean => {
      while (pieces > 0) {
        pieces -= 1;
        done.push(name);
        clock.block(1);
        if (slices.spent) return pieces > 0;
      }
      return false;
    };
    expect(slices.run(job("a", 7))).toBe(false);
    expect(slices.run(job("b", 7))).toBe(false);
    expect(slices.run(job("c", 1))).toBe(false);
    const turns: string[] = [];
    while (done.length > 0) {
      turns.push(done.splice(0).join(""));
      await clock.runTurn();
    }
    expect(turns).toEqual(["aaaaa", "aabbb", "cbbbb"]);
  });

  it("run what is small at once", async () => {
    const clock = new VirtualClock();
    const slices = new Slices(clock, clock.turn);
    expect(slices.run(() => false)).toBe(true);
    await clock.idle();
    expect(slices.run(() => false)).toBe(true);
  });
});

const EMPTY_UPDATE = unhex(`${header(23, 2)}00000000`);

/** So many of them, in one piece. */
function updates(count: number): Uint8Array {
  const bytes = new Uint8Array(count * EMPTY_UPDATE.length);
  for (let index = 0; index < count; index += 1) bytes.set(EMPTY_UPDATE, index * EMPTY_UPDATE.length);
  return bytes;
}

describe("a table that arrives", () => {
  it("is read in slices, paused in between, while keepalives go out and nothing expires", async () => {
    const lab = new Lab();
    lab.random = 1;
    await lab.peerListens();
    await lab.listen();
    lab.session.start();
    await lab.clock.advance(501);
    const { call } = lab;
    call.open({ ...plainOpen, holdTime: 3 });
    call.keepalive();
    await lab.clock.advance(1);
    let work = 0;
    lab.recorder.onUpdate = () => {
      lab.clock.block(2);
      work += 2;
    };
    const connection = lab.session.connection as NonNullable<typeof lab.session.connection>;
    let paused = false;
    let most = 0;
    const pauses = new Set<boolean>();
    const chunk = connection.onData;
    connection.onData = (bytes) => {
      expect(paused).toBe(false);
      most = Math.max(most, bytes.length);
      chunk(bytes);
    };
    const pause = connection.pause.bind(connection);
    const resume = connection.resume.bind(connection);
    connection.pause = () => {
      paused = true;
      pause();
    };
    connection.resume = () => {
      paused = false;
      resume();
    };
    for (let pieces = 0; pieces < 4; pieces += 1) call.send(updates(2500));
    for (let turns = 0; turns < 20_000 && lab.recorder.updates < 10_000; turns += 1) {
      const before = work;
      lab.clock.fireDue();
      await lab.clock.runTurn();
      if (lab.recorder.updates > 0 && lab.recorder.updates < 10_000) pauses.add(paused);
      // What came, and one slice.
      expect(work - before).toBeLessThanOrEqual(12);
    }
    expect(lab.recorder.updates).toBe(10_000);
    expect(lab.session.state).toBe("established");
    expect(pauses).toContain(true);
    expect(most).toBeLessThanOrEqual(65_536);
    const sent = call.times("keepalive");
    const gaps = sent.slice(1).map((at, index) => at - (sent[index] ?? 0));
    expect(sent.length).toBeGreaterThan(18);
    expect(Math.max(...gaps)).toBeLessThan(1020);
  });

  it("is read to the end, and the last word with it, when the peer has hung up behind it", async () => {
    const lab = new Lab();
    const call = await lab.establish();
    lab.recorder.onUpdate = () => lab.clock.block(2);
    call.send(updates(100));
    call.send(notificationHex(6, 3));
    call.connection.end(1000);
    await lab.clock.advance(1);
    for (let turns = 0; turns < 200; turns += 1) {
      lab.clock.fireDue();
      await lab.clock.runTurn();
    }
    expect(lab.recorder.updates).toBe(100);
    expect(lab.recorder.downs).toMatchObject([{ notification: { code: 6, subcode: 3 } }]);
  });

  it("stops where the session is ended from within", async () => {
    const lab = new Lab();
    const call = await lab.establish();
    lab.recorder.onUpdate = () => {
      if (lab.recorder.updates === 3) lab.session.reset(1);
    };
    call.send(updates(100));
    await lab.clock.advance(1);
    expect(lab.recorder.updates).toBe(3);
    expect(call.notifications()).toEqual([notificationHex(6, 1)]);
  });

  it("may come byte by byte", async () => {
    const lab = new Lab();
    const call = await lab.establish();
    for (const byte of updates(3)) {
      call.send(Uint8Array.of(byte));
      await lab.clock.advance(0);
    }
    await lab.clock.advance(1);
    expect(lab.recorder.updates).toBe(3);
  });
});
