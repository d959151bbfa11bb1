import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Session } from "../../src/session/session.ts";
import type { Connection } from "../../src/transport/transport.ts";
import { gracefulOpen, Lab, notificationHex, plainOpen, Recorder } from "./support/lab.ts";
import { Shuffled } from "./support/shuffled.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

interface Side {
  readonly address: string;
  readonly asn: number;
  readonly routerId: string;
  readonly graceful: boolean;
}

const side = (address: string): fc.Arbitrary<Side> =>
  fc.record({
    address: fc.constant(address),
    asn: fc.oneof(fc.constantFrom(65001, 65002), fc.integer({ min: 1, max: 0xffff_fffe })),
    routerId: fc.oneof(
      fc.constantFrom("10.0.0.1", "10.0.0.2", "192.0.2.1", "255.255.255.255", "127.255.255.255", "128.0.0.0"),
      fc.ipV4(),
    ),
    graceful: fc.boolean(),
  });

interface Meeting {
  readonly one: Session;
  readonly other: Session;
  readonly network: Shuffled;
  readonly clock: VirtualClock;
}

/** Two sessions that call each other. */
async function meet(a: Side, b: Side, random: () => number = () => 0): Promise<Meeting> {
  const clock = new VirtualClock();
  const network = new Shuffled();
  const sessionOf = (us: Side, them: Side): Session => {
    const session: Session = new Session({
      config: {
        name: them.address,
        remote: { address: them.address },
        remoteAsn: "any",
        ...(us.graceful ? {} : { gracefulRestart: false }),
      },
      local: us,
      transport: network.host(us.address, (connection) => session.accept(connection)),
      clock,
      turn: clock.turn,
      random,
      handler: new Recorder(),
    });
    return session;
  };
  const [one, other] = [sessionOf(a, b), sessionOf(b, a)];
  one.start();
  other.start();
  await clock.advance(0);
  return { one, other, network, clock };
}

/** Whether both have the same connection for their session, and no other. */
function agree({ one, other, network }: Meeting): boolean {
  if (one.state !== "established" || other.state !== "established") return false;
  const [left, right] = [one.connection, other.connection] as (Connection & { peer?: unknown })[];
  return left !== undefined && left.peer === right && network.open.has(left) && network.open.size === 2;
}

const distinct = (a: Side, b: Side): boolean =>
  [a, b].every(({ asn, routerId }) => asn !== 23456 && routerId !== "0.0.0.0") &&
  (a.routerId !== b.routerId || a.asn !== b.asn);

describe("two speakers that call each other at once", () => {
  it("end up with one connection, without one that was established and given up, whatever comes first", async () => {
    await fc.assert(
      fc.asyncProperty(
        side("192.0.2.1"),
        side("192.0.2.2"),
        fc.array(fc.nat(12), { minLength: 1, maxLength: 60 }),
        async (a, b, choices) => {
          fc.pre(distinct(a, b));
          const meeting = await meet(a, b);
          const { one, other, network, clock } = meeting;
          for (let index = 0; network.step(choices[index % choices.length] ?? 0); index += 1)
            await clock.idle();
          expect(clock.monotonic()).toBe(0);
          expect([one.state, other.state]).toEqual(["established", "established"]);
          expect(agree(meeting)).toBe(true);
          expect([one.stats.established, other.stats.established]).toEqual([1, 1]);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("two speakers whose connections break again and again", () => {
  it("come to one session when that is over, within minutes", async () => {
    await fc.assert(
      fc.asyncProperty(
        side("192.0.2.1"),
        side("192.0.2.2"),
        fc.array(fc.nat(40), { minLength: 1, maxLength: 200 }),
        fc.array(fc.double({ min: 0, max: 0.99, noNaN: true }), { minLength: 3, maxLength: 7 }),
        async (a, b, choices, chances) => {
          fc.pre(distinct(a, b));
          let count = 0;
          const meeting = await meet(a, b, () => chances[count++ % chances.length] ?? 0);
          const { network, clock } = meeting;
          for (const choice of choices) {
            if (choice > 36) [...network.open][choice % Math.max(1, network.open.size)]?.destroy();
            if (choice < 4) await clock.advance(choice * 700);
            network.step(choice);
            await clock.idle();
          }
          const settle = async (): Promise<void> => {
            while (network.step(0)) await clock.idle();
          };
          await settle();
          for (let seconds = 0; seconds < 200 && !agree(meeting); seconds += 1) {
            await clock.advance(1000);
            await settle();
          }
          expect(agree(meeting)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("with two connections, the one of the higher identifier stays", () => {
  const both = async (routerId: string): Promise<{ lab: Lab; called: Lab["call"]; calling: Lab["call"] }> => {
    const lab = new Lab();
    await lab.peerListens();
    await lab.listen();
    lab.session.start();
    await lab.clock.advance(1);
    const calling = await lab.peerCalls();
    const called = lab.call;
    calling.open({ ...plainOpen, routerId });
    called.open({ ...plainOpen, routerId });
    await lab.clock.advance(1);
    return { lab, called, calling };
  };

  it.each([
    ["192.0.2.200", "theirs"],
    ["9.255.255.255", "ours"],
  ])("which for a peer %s is %s, and the other gets Cease/7", async (routerId, whose) => {
    const { lab, called, calling } = await both(routerId);
    const [stays, goes] = whose === "ours" ? [called, calling] : [calling, called];
    expect(goes.notifications()).toEqual([notificationHex(6, 7)]);
    expect(stays.kinds).toEqual(["open", "keepalive"]);
    stays.keepalive();
    await lab.clock.advance(1);
    expect(lab.session.state).toBe("established");
    await lab.clock.advance(60_000);
    expect(lab.calls).toHaveLength(1);
    expect(lab.session.lastError).toBeUndefined();
  });

  it("unless one is confirmed: then the other waits, and is refused when that is established", async () => {
    const lab = new Lab();
    await lab.peerListens();
    await lab.listen();
    lab.session.start();
    await lab.clock.advance(1);
    lab.call.open({ ...plainOpen, routerId: "192.0.2.200" });
    await lab.clock.advance(1);
    const late = await lab.peerCalls();
    late.open({ ...plainOpen, routerId: "192.0.2.200" });
    await lab.clock.advance(1);
    expect(late.kinds).toEqual([]);
    lab.call.keepalive();
    await lab.clock.advance(1);
    expect(late.notifications()).toEqual([notificationHex(6, 7)]);
    expect(lab.session.state).toBe("established");
  });

  it("and goes on where the confirmed one fails", async () => {
    const lab = new Lab();
    await lab.peerListens();
    await lab.listen();
    lab.session.start();
    await lab.clock.advance(1);
    lab.call.open();
    await lab.clock.advance(1);
    const late = await lab.peerCalls();
    late.open();
    late.keepalive();
    lab.call.send(notificationHex(6, 7));
    await lab.clock.advance(1);
    expect(lab.session.state).toBe("established");
    expect(late.kinds).toEqual(["open", "keepalive"]);
  });
});

describe("a peer that calls again", () => {
  it("is refused while a session stands", async () => {
    const lab = new Lab();
    await lab.establish(plainOpen);
    const second = await lab.peerCalls();
    expect(second.notifications()).toEqual([notificationHex(6, 7)]);
    expect(lab.session.state).toBe("established");
    expect(lab.session.stats.refused).toBe(1);
  });

  it("has restarted where it can do that gracefully: the old connection goes without a word", async () => {
    const lab = new Lab();
    const old = await lab.establish(gracefulOpen());
    const second = await lab.peerCalls();
    expect(lab.session.state).toBe("established");
    second.open(gracefulOpen(true, true));
    await lab.clock.advance(1);
    expect(lab.recorder.downs).toMatchObject([{ graceful: true, notification: undefined }]);
    expect(old.kinds).toEqual(["open", "keepalive", "close"]);
    second.keepalive();
    await lab.clock.advance(1);
    expect(lab.session.state).toBe("established");
    expect(lab.session.negotiated?.gracefulRestart?.restarted).toBe(true);
    await lab.clock.advance(60_000);
    expect(lab.calls).toHaveLength(1);
  });

  it("and says nothing, does not end the session that stands", async () => {
    const lab = new Lab();
    const old = await lab.establish(gracefulOpen());
    const second = await lab.peerCalls();
    for (let seconds = 0; seconds < 250; seconds += 10) {
      await lab.clock.advance(10_000);
      old.keepalive();
    }
    expect(lab.session.state).toBe("established");
    expect(second.notifications()).toEqual([notificationHex(4, 0)]);
    expect(lab.recorder.downs).toEqual([]);
  });

  it("and again, has one connection pending and the others refused", async () => {
    const lab = new Lab();
    await lab.listen();
    lab.session.start();
    const first = await lab.peerCalls();
    for (let count = 0; count < 100; count += 1) {
      const other = await lab.peerCalls();
      expect(other.notifications()).toEqual([notificationHex(6, 5)]);
    }
    expect(first.kinds).toEqual(["open"]);
    expect(lab.session.stats.refused).toBe(100);
    first.open();
    first.keepalive();
    await lab.clock.advance(1);
    expect(lab.session.state).toBe("established");
  });

  it("right after an error waits a second", async () => {
    const lab = new Lab();
    const call = await lab.establish();
    call.send(notificationHex(6, 4));
    await lab.clock.advance(1);
    const again = await lab.peerCalls();
    again.open();
    again.keepalive();
    await lab.clock.advance(990);
    expect(again.kinds).toEqual([]);
    await lab.clock.advance(10);
    expect(lab.session.state).toBe("established");
  });

  it("and has hung up before it is heard, is forgotten", async () => {
    const lab = new Lab({ passive: true });
    await lab.listen();
    lab.session.start();
    const first = await lab.peerCalls();
    first.connection.destroy();
    await lab.clock.advance(1);
    expect(lab.session.state).toBe("active");
    const second = await lab.peerCalls();
    expect(second.kinds).toEqual(["open"]);
  });
});
