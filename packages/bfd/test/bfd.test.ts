import { describe, expect, it } from "vitest";
import { SocketError, type OpenUdpOptions } from "@netloom/sockets";
import {
  type Bfd,
  type BfdSocket,
  createBfd,
  encodeControl,
  failureDetector,
  type OpenSocket,
} from "../src/index.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

interface FakeSocket extends BfdSocket {
  readonly options: OpenUdpOptions;
  open: boolean;
}

/** A wire between any number of hosts: what is sent to an address reaches whoever has opened it. */
class Wire {
  readonly clock = new VirtualClock();
  readonly sockets: FakeSocket[] = [];
  /** Addresses to which nothing gets. */
  readonly cut = new Set<string>();
  #seed = 1;

  readonly open: OpenSocket = (options) => {
    const taken = this.sockets.some(
      (one) => one.open && one.options.address === options.address && one.options.port === options.port,
    );
    if (taken) throw new SocketError("ERR_ADDRESS_IN_USE", "open", "address already in use");
    const socket: FakeSocket = {
      options,
      open: true,
      onMessage: () => undefined,
      onError: () => undefined,
      receive: () => undefined,
      close: () => (socket.open = false),
      send: (bytes, address, port) => {
        if (!socket.open) return;
        const copy = Buffer.from(bytes);
        this.clock.after(1, () => {
          if (this.cut.has(address)) return;
          const to = this.sockets.find(
            (one) => one.open && one.options.address === address && one.options.port === port,
          );
          to?.onMessage(copy, options.address, options.port);
        });
      },
    };
    this.sockets.push(socket);
    return socket;
  };

  bfd(): Bfd {
    return createBfd({
      clock: this.clock,
      openSocket: this.open,
      random: () => (this.#seed = (this.#seed * 16_807) % 2_147_483_647) / 2_147_483_647,
    });
  }

  get openSockets(): readonly FakeSocket[] {
    return this.sockets.filter(({ open }) => open);
  }
}

const nothing = (): void => undefined;

describe("createBfd", () => {
  it("watches many neighbours from one address, through one port for all that arrives", () => {
    const wire = new Wire();
    const hub = wire.bfd();
    const neighbours = ["10.0.0.2", "10.0.0.3", "10.0.0.4"];
    for (const remote of neighbours) {
      hub.watch({ local: "10.0.0.1", remote }, nothing);
      wire.bfd().watch({ local: remote, remote: "10.0.0.1" }, nothing);
    }
    wire.clock.advance(5_000);
    expect(hub.sessions().map(({ remote, state }) => `${remote} ${state}`)).toEqual(
      neighbours.map((remote) => `${remote} up`),
    );
    const ours = wire.openSockets.filter(({ options }) => options.address === "10.0.0.1");
    expect(ours.filter(({ options }) => options.port === 3784)).toHaveLength(1);
    const sources = ours.map(({ options }) => options.port).filter((port) => port !== 3784);
    expect(new Set(sources).size).toBe(3);
    expect(Math.min(...sources)).toBeGreaterThanOrEqual(49_152);
    // RFC 5881 section 5: no more than one hop, both ways.
    expect(ours.every(({ options }) => options.ttl === 255 && options.requireTtl === 255)).toBe(true);
  });

  it("loses one neighbour and keeps the others", () => {
    const wire = new Wire();
    const hub = wire.bfd();
    const changes: string[] = [];
    for (const remote of ["10.0.0.2", "10.0.0.3"]) {
      hub.watch({ local: "10.0.0.1", remote }, (state, diagnostic, status) =>
        changes.push(`${status.remote} ${state} ${diagnostic}`),
      );
      wire.bfd().watch({ local: remote, remote: "10.0.0.1" }, nothing);
    }
    wire.clock.advance(5_000);
    changes.length = 0;
    const dead = wire.openSockets.filter(({ options }) => options.address === "10.0.0.2");
    for (const socket of dead) socket.close();
    wire.clock.advance(901);
    expect(changes).toEqual(["10.0.0.2 down detection-time-expired"]);
  });

  it("knows an address however it is written", () => {
    const wire = new Wire();
    const bfd = wire.bfd();
    const watch = bfd.watch({ local: "FE80:0::0001", remote: "fe80:0:0::2", interface: "eth0" }, nothing);
    wire.bfd().watch({ local: "fe80::2%eth0", remote: "fe80::1%eth0" }, nothing);
    wire.clock.advance(5_000);
    expect(watch.status).toMatchObject({ local: "fe80::1%eth0", remote: "fe80::2%eth0", state: "up" });
    const again = { local: "fe80::1", remote: "fe80::2", interface: "eth0" };
    expect(() => bfd.watch(again, nothing)).toThrow(TypeError);
  });

  it("takes no packet of one neighbour for another's, whatever discriminator it bears", () => {
    const wire = new Wire();
    const bfd = wire.bfd();
    const watch = bfd.watch({ local: "10.0.0.1", remote: "10.0.0.2" }, nothing);
    wire.bfd().watch({ local: "10.0.0.2", remote: "10.0.0.1" }, nothing);
    wire.clock.advance(5_000);
    const stranger = wire.open({ address: "10.0.0.66", port: 50_000 });
    const packet = encodeControl({
      ...{ diagnostic: "none", state: "admin-down", poll: false, final: false },
      ...{ controlPlaneIndependent: false, demand: false, detectMultiplier: 3, myDiscriminator: 5 },
      ...{ yourDiscriminator: watch.status.discriminator, requiredMinEcho: 0 },
      ...{ desiredMinTransmit: 300_000, requiredMinReceive: 300_000 },
    });
    stranger.send(packet, "10.0.0.1", 3784);
    stranger.send(packet.subarray(1), "10.0.0.1", 3784);
    wire.clock.advance(10);
    expect(watch.status.state).toBe("up");
    expect(Object.fromEntries(bfd.discarded)).toEqual({
      "of no session": 1,
      "shorter than a control packet": 1,
    });
  });

  it("goes on when sending fails, and counts it", () => {
    const wire = new Wire();
    const failing: OpenSocket = (options) => ({
      ...wire.open(options),
      send: () => {
        throw new SocketError("ERR_UNREACHABLE", "send", "network is unreachable");
      },
    });
    const bfd = createBfd({ clock: wire.clock, openSocket: failing });
    const watch = bfd.watch({ local: "10.0.0.1", remote: "10.0.0.2" }, nothing);
    wire.clock.advance(3_000);
    expect(watch.status).toMatchObject({ state: "down", sent: 0 });
    expect(watch.status.sendErrors).toBeGreaterThan(2);
  });

  it("takes another source port where one is taken", () => {
    const wire = new Wire();
    const attempts: number[] = [];
    const crowded: OpenSocket = (options) => {
      attempts.push(options.port);
      if (attempts.length === 2) throw new SocketError("ERR_ADDRESS_IN_USE", "open", "in use");
      return wire.open(options);
    };
    const bfd = createBfd({ clock: wire.clock, openSocket: crowded });
    bfd.watch({ local: "10.0.0.1", remote: "10.0.0.2" }, nothing);
    expect(attempts).toHaveLength(3);
    bfd.close();
  });

  it.each([
    [{ local: "10.0.0" }, TypeError],
    [{ remote: "neighbour" }, TypeError],
    [{ transmitInterval: 9 }, RangeError],
    [{ receiveInterval: 60_001 }, RangeError],
    [{ multiplier: 0 }, RangeError],
    [{ multiplier: 256 }, RangeError],
    [{ multiplier: 2.5 }, RangeError],
  ])("refuses %o and opens nothing", (wrong, kind) => {
    const wire = new Wire();
    const path = { local: "10.0.0.1", remote: "10.0.0.2" };
    expect(() => wire.bfd().watch({ ...path, ...wrong }, nothing)).toThrow(kind);
    expect(wire.openSockets).toEqual([]);
  });

  it("gives each session a discriminator of its own, also where chance says the same each time", () => {
    const wire = new Wire();
    for (const [number, found] of [
      [0.5, [0x8000_0000, 0x8000_0001]],
      [1 - Number.EPSILON / 2, [0xffff_ffff, 1]],
    ] as const) {
      let asked = 0;
      const random = (): number => {
        if ((asked += 1) > 1000) throw new Error("asked for ever");
        return number;
      };
      using bfd = createBfd({ clock: wire.clock, openSocket: wire.open, random });
      for (const local of ["10.0.0.1", "10.0.0.2"]) bfd.watch({ local, remote: "10.0.0.3" }, nothing);
      expect(bfd.sessions().map(({ discriminator }) => discriminator)).toEqual(found);
    }
  });

  it("closes every socket with the last who needs it", () => {
    const wire = new Wire();
    const bfd = wire.bfd();
    const first = bfd.watch({ local: "10.0.0.1", remote: "10.0.0.2" }, nothing);
    const second = bfd.watch({ local: "10.0.0.1", remote: "10.0.0.3" }, nothing);
    first.close();
    expect(wire.openSockets.map(({ options }) => options.port).filter((port) => port === 3784)).toHaveLength(
      1,
    );
    second.close();
    expect(wire.openSockets).toEqual([]);
    // What is under way arrives nowhere; no timer is left.
    wire.clock.advance(5);
    expect(wire.clock.pending).toBe(0);
  });
});

describe("failureDetector", () => {
  it("tells down of what was up, and nothing of an administrator's will", () => {
    const wire = new Wire();
    const told: string[] = [];
    const path = { local: "10.0.0.1", remote: "10.0.0.2", interface: undefined };
    const watched = failureDetector(wire.bfd()).watch(path, { transmitInterval: 100 }, (state) =>
      told.push(state),
    );
    wire.clock.advance(5_000);
    expect(told).toEqual([]);
    const neighbour = wire.bfd();
    const theirs = neighbour.watch({ local: "10.0.0.2", remote: "10.0.0.1" }, nothing);
    wire.clock.advance(5_000);
    expect(told).toEqual(["up"]);
    wire.cut.add("10.0.0.1");
    wire.clock.advance(1_000);
    expect(told).toEqual(["up", "down"]);
    wire.cut.clear();
    wire.clock.advance(5_000);
    expect(told).toEqual(["up", "down", "up"]);
    theirs.close();
    wire.clock.advance(5_000);
    expect(told).toEqual(["up", "down", "up"]);
    watched[Symbol.dispose]();
    expect(wire.openSockets).toEqual([]);
  });
});
