import { describe, expect, it } from "vitest";
import { BgpError } from "../../src/errors.ts";
import { encodeRouteRefresh } from "../../src/wire/route-refresh.ts";
import { gracefulOpen, header, hex, Lab, notificationHex, plainOpen, unhex } from "./support/lab.ts";

const LONG_AFTER = 600_000;

describe("a session comes up", () => {
  it("by our call: OPEN, KEEPALIVE, and then it is established", async () => {
    const lab = new Lab();
    const call = await lab.establish();
    expect(call.kinds).toEqual(["open", "keepalive"]);
    // Version 4, AS 65001, hold time 90 s, identifier 10.0.0.1.
    expect(hex(call.received[0]?.bytes ?? unhex("")).slice(38, 56)).toBe("04fde9005a0a000001");
    expect(lab.recorder.states).toEqual([
      "idle>connect",
      "connect>open-sent",
      "open-sent>open-confirm",
      "open-confirm>established",
    ]);
    expect(lab.session.state).toBe("established");
    expect(lab.session.negotiated?.remoteAsn).toBe(65002);
    expect(lab.recorder.up).toEqual([lab.session.negotiated]);
    expect(lab.session.stats).toMatchObject({
      established: 1,
      received: { open: 1, keepalive: 1 },
      sent: { open: 1, keepalive: 1 },
    });
  });

  it("by the peer's call, where we are passive and never call", async () => {
    const lab = new Lab({ passive: true });
    await lab.peerListens();
    await lab.listen();
    lab.session.start();
    expect(lab.session.state).toBe("active");
    await lab.clock.advance(LONG_AFTER);
    expect(lab.calls).toEqual([]);
    const peer = await lab.peerCalls();
    peer.open();
    peer.keepalive();
    await lab.clock.advance(1);
    expect(lab.session.state).toBe("established");
    expect(peer.kinds).toEqual(["open", "keepalive"]);
  });

  it("within an AS", async () => {
    const lab = new Lab({ remoteAsn: "internal" });
    await lab.establish({ ...plainOpen, asn: 65001, capabilities: [] });
    expect(lab.session.negotiated?.context.internal).toBe(true);
  });

  it("first after up to half a second", async () => {
    const lab = new Lab();
    lab.random = 0.5;
    await lab.peerListens();
    lab.session.start();
    await lab.clock.advance(249);
    expect(lab.session.state).toBe("idle");
    await lab.clock.advance(2);
    expect(lab.session.state).toBe("open-sent");
  });

  it("asks at each call whom to call", async () => {
    const address = ["192.0.2.9", "192.0.2.2"];
    const lab = new Lab(
      { remote: { interface: "eth0" } },
      { resolve: () => ({ address: address.shift() ?? "192.0.2.2" }) },
    );
    await lab.peerListens();
    lab.session.start();
    await lab.clock.advance(10_000);
    expect(lab.session.state).toBe("open-sent");
  });

  it("and what the peer asks for is passed on, for families it has", async () => {
    const lab = new Lab();
    const call = await lab.establish();
    call.send(encodeRouteRefresh("ipv4-unicast"));
    call.send(encodeRouteRefresh("ipv4-unicast", "begin"));
    call.send(encodeRouteRefresh("ipv6-unicast"));
    await lab.clock.advance(1);
    expect(lab.recorder.refreshes).toEqual(["ipv4-unicast request", "ipv4-unicast begin"]);
    expect(lab.session.state).toBe("established");
  });
});

describe("keepalives and hold time", () => {
  it.each([
    [0, 22_500],
    [1, 30_000],
  ])("go out each third of the hold time, at chance %d", async (chance, interval) => {
    const lab = new Lab();
    lab.random = chance;
    await lab.peerListens();
    lab.session.start();
    await lab.clock.advance(501);
    lab.call.open();
    lab.call.keepalive();
    await lab.clock.advance(1);
    const first = lab.call.times("keepalive")[0] ?? Number.NaN;
    for (let seconds = 0; seconds < 120; seconds += 20) {
      await lab.clock.advance(20_000);
      lab.call.keepalive();
    }
    const after = lab.call.times("keepalive").map((at) => at - first);
    expect(after.slice(0, 5)).toEqual([0, 1, 2, 3, 4].map((count) => count * interval));
  });

  it("ends the session when nothing was heard for the hold time agreed on", async () => {
    const lab = new Lab();
    const call = await lab.establish({ ...plainOpen, holdTime: 9 });
    const since = lab.clock.monotonic();
    await lab.clock.advance(8000);
    call.keepalive();
    await lab.clock.advance(8990);
    expect(lab.session.state).toBe("established");
    await lab.clock.advance(100);
    expect(lab.session.state).toBe("idle");
    expect(call.notifications()).toEqual([notificationHex(4, 0)]);
    expect((call.received.at(-1)?.at ?? 0) - since).toBeLessThan(17_100);
    expect(call.kinds.at(-1)).toBe("close");
    expect(lab.recorder.downs).toMatchObject([{ graceful: false, notification: { code: 4, subcode: 0 } }]);
    expect(lab.session.lastError?.error.code).toBe("ERR_BGP_TIMEOUT");
  });

  it("survives a blocked loop when the peer's keepalive was there to be read", async () => {
    const lab = new Lab();
    const call = await lab.establish({ ...plainOpen, holdTime: 3 });
    call.keepalive();
    lab.clock.block(5000);
    lab.clock.fireDue();
    await lab.clock.advance(10);
    expect(lab.session.state).toBe("established");
  });

  it("has neither where the hold time is 0", async () => {
    const lab = new Lab({ timers: { hold: 0 } });
    const call = await lab.establish();
    await lab.clock.advance(LONG_AFTER);
    expect(lab.session.state).toBe("established");
    expect(call.times("keepalive")).toHaveLength(1);
    expect(lab.session.negotiated?.holdTime).toBe(0);
  });

  it("gives up a peer that has not confirmed in four minutes, also where the hold time is 0", async () => {
    const lab = new Lab({ timers: { hold: 0 } });
    await lab.peerListens();
    lab.session.start();
    await lab.clock.advance(1);
    lab.call.open();
    await lab.clock.advance(239_990);
    expect(lab.session.state).toBe("open-confirm");
    await lab.clock.advance(20);
    expect(lab.session.state).toBe("idle");
    expect(lab.call.notifications()).toEqual([notificationHex(4, 0)]);
  });

  it("gives up a peer that has not sent OPEN in four minutes, however many bytes came in between", async () => {
    const lab = new Lab();
    await lab.peerListens();
    lab.session.start();
    await lab.clock.advance(1);
    const { call } = lab;
    for (let minute = 0; minute < 4; minute += 1) {
      call.send("ff");
      await lab.clock.advance(59_990);
    }
    expect(lab.session.state).toBe("open-sent");
    await lab.clock.advance(100);
    expect(lab.session.state).toBe("idle");
    expect(call.notifications()).toEqual([notificationHex(4, 0)]);
  });
});

describe("a peer that takes nothing", () => {
  it("is given up after the send-hold time, and not while it takes something", async () => {
    const lab = new Lab({ timers: { hold: 60, sendHold: 480 } });
    const call = await lab.establish();
    lab.network.throttle("192.0.2.2", 0);
    const update = unhex(`${header(4096, 2)}${"00".repeat(4077)}`);
    while (lab.session.writable) lab.session.send(update.slice());
    expect(lab.session.writable).toBe(false);
    const beat = async (milliseconds: number): Promise<void> => {
      for (let passed = 0; passed < milliseconds; passed += 10_000) {
        call.keepalive();
        await lab.clock.advance(10_000);
      }
    };
    await beat(470_000);
    expect(lab.session.state).toBe("established");
    lab.network.throttle("192.0.2.2", 10);
    await lab.clock.advance(1000);
    lab.network.throttle("192.0.2.2", 0);
    await beat(470_000);
    expect(lab.session.state).toBe("established");
    await beat(80_000);
    expect(lab.recorder.downs).toMatchObject([{ notification: { code: 8, subcode: 0 } }]);
    expect(lab.session.lastError?.error.code).toBe("ERR_BGP_TIMEOUT");
  });

  it("is waited for where the send-hold time is 0", async () => {
    const lab = new Lab({ timers: { sendHold: 0 } });
    const call = await lab.establish();
    lab.network.throttle("192.0.2.2", 0);
    const update = unhex(`${header(4096, 2)}${"00".repeat(4077)}`);
    while (lab.session.writable) lab.session.send(update.slice());
    for (let passed = 0; passed < 900_000; passed += 30_000) {
      call.keepalive();
      await lab.clock.advance(30_000);
    }
    expect(lab.session.state).toBe("established");
  });

  it("says when there is room again", async () => {
    const lab = new Lab();
    await lab.establish();
    lab.network.throttle("192.0.2.2", 0);
    const update = unhex(`${header(4096, 2)}${"00".repeat(4077)}`);
    while (lab.session.writable) lab.session.send(update.slice());
    await lab.clock.advance(100);
    expect(lab.recorder.writables).toBe(0);
    lab.network.throttle("192.0.2.2");
    await lab.clock.advance(100);
    expect(lab.recorder.writables).toBe(1);
    expect(lab.session.writable).toBe(true);
  });
});

describe("what must not come is answered exactly", () => {
  const update = `${header(23, 2)}00000000`;
  const keepalive = header(19, 4);
  const refresh = hex(encodeRouteRefresh("ipv4-unicast"));

  it.each([
    ["a KEEPALIVE", keepalive, notificationHex(5, 1)],
    ["an UPDATE", update, notificationHex(5, 1)],
    ["a ROUTE-REFRESH", refresh, notificationHex(5, 1)],
    ["bytes without a marker", "00".repeat(19), notificationHex(1, 1)],
    ["a message too short", header(18, 4), notificationHex(1, 2, "0012")],
    ["a message type that is none", header(19, 9), notificationHex(1, 3, "09")],
    ["an OPEN of version 3", `${header(29, 1)}03fdea005a0a00000200`, notificationHex(2, 1, "0004")],
    ["an OPEN of another AS", `${header(29, 1)}04fdeb005a0a00000200`, notificationHex(2, 2)],
    ["an OPEN without identifier", `${header(29, 1)}04fdea005a0000000000`, notificationHex(2, 3)],
    ["an OPEN with a hold time of 2", `${header(29, 1)}04fdea00020a00000200`, notificationHex(2, 6)],
  ])("in OpenSent: %s", async (_, bytes, expected) => {
    const lab = new Lab();
    await lab.peerListens();
    lab.session.start();
    await lab.clock.advance(1);
    lab.call.send(bytes);
    await lab.clock.advance(1);
    expect(lab.call.notifications()).toEqual([expected]);
    expect(lab.session.state).toBe("idle");
    expect(lab.call.kinds.at(-1)).toBe("close");
    expect(lab.session.lastError?.error).toBeInstanceOf(BgpError);
  });

  it.each([
    ["an UPDATE", update],
    ["a ROUTE-REFRESH", refresh],
    ["a second OPEN", `${header(29, 1)}04fdea005a0a00000200`],
  ])("in OpenConfirm: %s", async (_, bytes) => {
    const lab = new Lab();
    await lab.peerListens();
    lab.session.start();
    await lab.clock.advance(1);
    lab.call.open();
    lab.call.send(bytes);
    await lab.clock.advance(1);
    expect(lab.call.notifications()).toEqual([notificationHex(5, 2)]);
    expect(lab.session.state).toBe("idle");
  });

  it.each([
    ["a second OPEN", `${header(29, 1)}04fdea005a0a00000200`, notificationHex(5, 3)],
    ["bytes without a marker", "00".repeat(19), notificationHex(1, 1)],
    ["an UPDATE cut short", `${header(23, 2)}00ff0000`, notificationHex(3, 1)],
  ])("in Established: %s", async (_, bytes, expected) => {
    const lab = new Lab();
    const call = await lab.establish();
    call.send(bytes + update);
    await lab.clock.advance(1);
    expect(call.notifications()).toEqual([expected]);
    expect(lab.recorder.downs).toHaveLength(1);
    // What came behind it means nothing any more.
    expect(lab.recorder.updates).toBe(0);
  });

  it("answers no NOTIFICATION, in no state, and tells of it", async () => {
    const lab = new Lab();
    const call = await lab.establish();
    call.send(notificationHex(6, 4) + update);
    await lab.clock.advance(1);
    expect(call.notifications()).toEqual([]);
    expect(call.kinds.at(-1)).toBe("close");
    expect(lab.recorder.updates).toBe(0);
    expect(lab.session.lastError?.error).toMatchObject({
      code: "ERR_BGP_NOTIFIED",
      notification: { code: 6, subcode: 4 },
    });
    const early = new Lab();
    await early.peerListens();
    early.session.start();
    await early.clock.advance(1);
    early.call.send(notificationHex(6, 5));
    await early.clock.advance(1);
    expect(early.call.notifications()).toEqual([]);
    expect(early.session.lastError?.error.code).toBe("ERR_BGP_NOTIFIED");
  });
});

describe("an end of ours", () => {
  it("tells the peer why, in bytes of RFC 9003, and waits until that is out", async () => {
    const lab = new Lab();
    const call = await lab.establish();
    const stopped = lab.session.stop({ subcode: 2, message: "wartung · bis 6" });
    await lab.clock.advance(1);
    await stopped;
    const text = hex(Buffer.from("wartung · bis 6"));
    expect(call.notifications()).toEqual([notificationHex(6, 2, `10${text}`)]);
    expect(call.kinds.at(-1)).toBe("close");
    expect(lab.session.state).toBe("idle");
    expect(lab.recorder.downs).toHaveLength(1);
    await lab.clock.advance(LONG_AFTER);
    expect(lab.calls).toHaveLength(1);
    expect(lab.clock.pending).toBe(0);
  });

  it("delivers the NOTIFICATION behind what is queued, and does not wait longer than two seconds", async () => {
    const lab = new Lab();
    await lab.establish();
    lab.network.throttle("192.0.2.2", 0);
    const update = unhex(`${header(4096, 2)}${"00".repeat(4077)}`);
    while (lab.session.writable) lab.session.send(update.slice());
    const since = lab.clock.monotonic();
    let over = false;
    const stopped = lab.session.stop().then(() => (over = true));
    await lab.clock.advance(1990);
    expect(over).toBe(false);
    await lab.clock.advance(20);
    await stopped;
    expect(lab.clock.monotonic() - since).toBe(2010);
  });

  it("can be silent", async () => {
    const lab = new Lab();
    const call = await lab.establish(gracefulOpen());
    const stopped = lab.session.stop("silent");
    await lab.clock.advance(1);
    await stopped;
    expect(call.kinds).toEqual(["open", "keepalive", "close"]);
    expect(lab.recorder.downs).toMatchObject([{ graceful: true, notification: undefined }]);
  });

  it("can be silent, and what was sent before still arrives", async () => {
    const lab = new Lab();
    const call = await lab.establish();
    lab.network.throttle("192.0.2.2", 100);
    const update = unhex(`${header(4096, 2)}${"00".repeat(4077)}`);
    while (lab.session.writable) lab.session.send(update.slice());
    const { sent } = lab.session.stats;
    const stopped = lab.session.stop("silent");
    await lab.clock.advance(1000);
    lab.network.throttle("192.0.2.2");
    await lab.clock.advance(2000);
    await stopped;
    expect(call.times("update")).toHaveLength(sent.update);
    expect(call.kinds.at(-1)).toBe("close");
  });

  it("can be hard, where the peer would keep our routes past a NOTIFICATION", async () => {
    for (const [notification, expected] of [
      [true, notificationHex(6, 9, "0602")],
      [false, notificationHex(6, 2)],
    ] as const) {
      const lab = new Lab();
      const call = await lab.establish(gracefulOpen(notification));
      void lab.session.stop({ subcode: 2, hard: true });
      await lab.clock.advance(1);
      expect(call.notifications()).toEqual([expected]);
      expect(lab.recorder.downs).toMatchObject([{ graceful: false }]);
    }
  });

  it("can be a new beginning", async () => {
    const lab = new Lab();
    const call = await lab.establish();
    lab.session.reset(4, "again");
    await lab.clock.advance(1);
    expect(call.notifications()).toEqual([notificationHex(6, 4, "05616761696e")]);
    await lab.clock.advance(500);
    expect(lab.calls).toHaveLength(2);
    expect(lab.session.state).toBe("open-sent");
  });

  it("refuses calls: before the start, and with the reason of a shutdown", async () => {
    const lab = new Lab();
    await lab.listen();
    const peer = await lab.peerCalls();
    expect(peer.notifications()).toEqual([notificationHex(6, 5)]);
    const down = new Lab({ shutdown: "off" });
    await down.listen();
    expect((await down.peerCalls()).notifications()).toEqual([notificationHex(6, 2, "036f6666")]);
  });
});

describe("whether the peer's routes may be kept", () => {
  const ends: readonly [string, (lab: Lab, call: Awaited<ReturnType<Lab["establish"]>>) => void][] = [
    ["the connection is lost", (_, call) => call.connection.destroy()],
    ["a NOTIFICATION came", (_, call) => call.send(notificationHex(6, 4))],
    ["a hard reset came", (_, call) => call.send(notificationHex(6, 9, "0602"))],
    ["we reset it", (lab) => lab.session.reset(4)],
    ["we reset it hard", (lab) => lab.session.reset(4, undefined, { hard: true })],
    ["nothing was heard", () => undefined],
  ];
  it.each([
    ["without graceful restart", plainOpen, [false, false, false, false, false, false]],
    ["with it", gracefulOpen(false), [true, false, false, false, false, false]],
    ["with it, past NOTIFICATIONs", gracefulOpen(true), [true, true, false, true, false, true]],
  ])("%s", async (_, open, expected) => {
    for (const [index, [what, end]] of ends.entries()) {
      const lab = new Lab();
      const call = await lab.establish(open);
      end(lab, call);
      await lab.clock.advance(what === "nothing was heard" ? 91_000 : 1);
      expect(
        lab.recorder.downs.map(({ graceful }) => graceful),
        what,
      ).toEqual([expected[index]]);
    }
  });

  it("is not, where we do not restart gracefully ourselves", async () => {
    const lab = new Lab({ gracefulRestart: false });
    const call = await lab.establish(gracefulOpen());
    call.connection.destroy();
    await lab.clock.advance(1);
    expect(lab.recorder.downs).toMatchObject([{ graceful: false }]);
  });
});

const gapsOf = (times: readonly number[]): number[] =>
  times.slice(1).map((at, index) => at - (times[index] ?? 0));

describe("the next attempt", () => {
  it("comes later each time, up to a minute", async () => {
    const lab = new Lab();
    lab.random = 1;
    lab.session.start();
    const starts: number[] = [];
    for (let at = 0; at < 400_000; at += 500) {
      const before = lab.recorder.states.length;
      await lab.clock.advance(500);
      if (lab.recorder.states.slice(before).includes("idle>connect")) starts.push(at);
    }
    expect(gapsOf(starts).slice(0, 7)).toEqual([5000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  });

  it("comes after the connect-retry time, each time, as long as nobody knows where the peer is", async () => {
    const asked: number[] = [];
    let address: string | undefined = "192.0.2.2";
    const resolve = () => {
      asked.push(lab.clock.monotonic());
      return address === undefined ? undefined : { address };
    };
    const lab = new Lab({ remote: { interface: "eth0" } }, { resolve });
    lab.random = 1;
    lab.session.start();
    // It was known once, and did not answer.
    await lab.clock.advance(100_000);
    address = undefined;
    await lab.clock.advance(60_000);
    asked.length = 0;
    await lab.clock.advance(100_000);
    expect(gapsOf(asked)).toEqual(Array.from({ length: asked.length - 1 }, () => 5000));
    expect(asked.length).toBeGreaterThan(18);
    expect(lab.session.state).toBe("idle");
    expect(lab.session.lastError?.error.message).toBe("nobody knows where the peer is");
    // Once it is known, it is called with the patience of the first time.
    address = "192.0.2.2";
    asked.length = 0;
    await lab.clock.advance(50_000);
    expect(gapsOf(asked)).toEqual([5000, 10_000, 20_000].map((gap) => expect.closeTo(gap, -2)));
    await lab.peerListens();
    await lab.clock.advance(40_000);
    expect(lab.session.state).toBe("open-sent");
  });

  it("comes after the connect-retry time, where the last session had stood long enough", async () => {
    const lab = new Lab();
    lab.random = 1;
    lab.session.start();
    await lab.clock.advance(100_000);
    await lab.peerListens();
    await lab.clock.advance(60_000);
    const { call } = lab;
    call.open();
    call.keepalive();
    for (let seconds = 0; seconds < 70; seconds += 10) {
      await lab.clock.advance(10_000);
      call.keepalive();
    }
    expect(lab.session.state).toBe("established");
    call.connection.destroy();
    await lab.clock.advance(4990);
    expect(lab.session.state).toBe("idle");
    await lab.clock.advance(20);
    expect(lab.session.state).toBe("open-sent");
  });

  it("is not waited for when the peer calls before", async () => {
    const lab = new Lab();
    await lab.listen();
    lab.session.start();
    await lab.clock.advance(2000);
    expect(lab.session.state).toBe("idle");
    const peer = await lab.peerCalls();
    peer.open();
    peer.keepalive();
    await lab.clock.advance(1);
    expect(lab.session.state).toBe("established");
  });

  it("calls again when a call is not answered within the connect-retry time", async () => {
    const lab = new Lab();
    lab.random = 1;
    await lab.peerListens();
    lab.network.cut("192.0.2.1", "192.0.2.2");
    lab.session.start();
    await lab.clock.advance(5400);
    expect(lab.session.state).toBe("connect");
    lab.network.heal("192.0.2.1", "192.0.2.2");
    await lab.clock.advance(5200);
    expect(lab.session.state).toBe("open-sent");
  });
});
