import { isSocketError, openUdp } from "@netloom/sockets";
import { Lab, makeSegment, type Segment, whyNoLab } from "@netloom/lab";
import { describe, expect, it } from "vitest";
import { createBfd, encodeControl, failureDetector, type SessionStatus, type Watch } from "../src/index.ts";
import { isInstalled } from "./support/installed.ts";
import { type PeerOptions, startBird, startFrr, type StartPeer } from "./support/peers.ts";

/** Waits for what others do; fails long before the test does, so that the lab is cleared away. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`it did not come true: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A machine of ours and another's on a switch. */
function segment(lab: Lab): Segment {
  return makeSegment(lab, [
    { name: "ours", addresses: ["10.9.0.1/24", "fd09::1/64"] },
    { name: "theirs", addresses: ["10.9.0.2/24", "fd09::2/64"] },
  ]);
}

const netnsOf = (lab: Lab, name: string): string => `/run/netns/${lab.namespace(name).name}`;

const FAMILIES: readonly (readonly [string, (segment: Segment, host: string) => string])[] = [
  ["IPv4", (_segment, host) => (host === "ours" ? "10.9.0.1" : "10.9.0.2")],
  ["IPv6", (_segment, host) => (host === "ours" ? "fd09::1" : "fd09::2")],
  ["IPv6 link-local", (segment, host) => `${segment.linkLocal(host)}%eth0`],
];

function block(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

const unfit = whyNoLab("BFD between namespaces") !== undefined;

const PEERS: readonly (readonly [string, StartPeer, boolean])[] = [
  ["BIRD", startBird, isInstalled("bird")],
  ["FRR", startFrr, isInstalled("bfdd")],
];

for (const [kind, start, installed] of PEERS)
  describe.skipIf(unfit || !installed)(`BFD with ${kind}`, () => {
    const SETTINGS = { interval: 300, multiplier: 3 };

    async function withPeer(
      lab: Lab,
      of: (segment: Segment, host: string) => string,
      settings: Partial<PeerOptions> = {},
    ) {
      const cable = segment(lab);
      const [local, remote] = [of(cable, "ours"), of(cable, "theirs")];
      const sessions = [{ local: remote, remote: local }];
      const peer = await start(lab, { name: "theirs", sessions, ...SETTINGS, ...settings });
      const bfd = createBfd({ netns: netnsOf(lab, "ours") });
      lab.defer(() => bfd.close());
      return { cable, local, remote, peer, bfd };
    }

    const isUp = async (peer: Awaited<ReturnType<StartPeer>>, local: string): Promise<boolean> =>
      (await peer.view(local))?.state === "up";

    it.each(FAMILIES)(
      "comes up over %s, goes down when the link is cut, and comes back",
      async (_name, of) => {
        await using lab = new Lab("bfd");
        const { cable, local, remote, peer, bfd } = await withPeer(lab, of);
        const changes: { readonly what: string; readonly at: number }[] = [];
        const watch = bfd.watch({ local, remote, interface: "eth0" }, (state, diagnostic) => {
          changes.push({ what: `${state} ${diagnostic}`, at: performance.now() });
        });
        await until(() => watch.status.state === "up");
        await until(() => isUp(peer, local));
        // The poll sequence is over: both go by the intervals they asked for.
        await until(() => watch.status.detectionTime === 900);
        const before = changes.length;
        const cut = performance.now();
        cable.cut("theirs");
        await until(() => changes.length > before);
        expect(changes[before]?.what).toBe("down detection-time-expired");
        console.info(`${kind}: down ${Math.round((changes[before]?.at ?? 0) - cut)} ms after the cut`);
        await until(async () => !(await isUp(peer, local)));
        cable.heal("theirs");
        await until(() => watch.status.state === "up");
        await until(() => isUp(peer, local));
        expect(bfd.discarded.get("of no session") ?? 0).toBeLessThan(5);
      },
    );

    it("changes intervals by a poll sequence, without going down", async () => {
      await using lab = new Lab("bfd");
      const { local, remote, peer, bfd } = await withPeer(lab, FAMILIES[0]![1]);
      const states: string[] = [];
      const watch = bfd.watch({ local, remote }, (state) => states.push(state));
      await until(() => watch.status.detectionTime === 900 && isUp(peer, local));
      watch.setIntervals({ transmitInterval: 400, receiveInterval: 500 });
      await until(() => watch.status.detectionTime === 1500);
      await until(async () => (await peer.view(local))?.detectionTime === 1200);
      expect(states.at(-1)).toBe("up");
      expect(states).not.toContain("down");
    });

    // BIRD says no last word: it falls silent.
    if (kind === "FRR")
      it("hears of the peer that it ends: no failure of the path", async () => {
        await using lab = new Lab("bfd");
        const { local, remote, peer, bfd } = await withPeer(lab, FAMILIES[0]![1]);
        const told: string[] = [];
        const path = { local, remote, interface: undefined };
        const watched = failureDetector(bfd).watch(path, {}, (state) => told.push(state));
        await until(() => isUp(peer, local));
        await until(() => told.length > 0);
        await peer.shutdown(local);
        await until(() => bfd.sessions()[0]?.state === "down");
        expect(bfd.sessions()[0]).toMatchObject({
          ...{ diagnostic: "neighbour-signaled-down", remoteState: "admin-down" },
        } satisfies Partial<SessionStatus>);
        expect(told).toEqual(["up"]);
        watched[Symbol.dispose]();
        expect(bfd.sessions()).toEqual([]);
      });

    it("stays up though our loop is blocked for longer than the detection time", async () => {
      await using lab = new Lab("bfd");
      const { local, remote, peer, bfd } = await withPeer(lab, FAMILIES[0]![1]);
      const states: string[] = [];
      // The peer has patience with us: 6 s.
      const watch = bfd.watch({ local, remote, multiplier: 20 }, (state) => states.push(state));
      await until(() => watch.status.detectionTime === 900 && isUp(peer, local));
      // Blocked outside of a timer: timers come next, and before any socket.
      for (let count = 0; count < 3; count += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        block(1200);
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      expect(states).toEqual(["init", "up"].slice(-states.length));
      expect(await isUp(peer, local)).toBe(true);
    });

    it("stays up in a thread of its own, though this one is blocked", async () => {
      await using lab = new Lab("bfd");
      const { local, remote, peer } = await withPeer(lab, FAMILIES[0]![1]);
      const errors: Error[] = [];
      const bfd = createBfd({
        ...{ netns: netnsOf(lab, "ours"), worker: true },
        onError: (error) => errors.push(error),
      });
      lab.defer(() => bfd.close());
      const states: string[] = [];
      const watch = bfd.watch({ local, remote }, (state) => states.push(state));
      expect(() => bfd.watch({ local, remote }, () => undefined)).toThrow(TypeError);
      await until(() => watch.status.detectionTime === 900 && isUp(peer, local));
      block(4000);
      // Neither has the peer lost us, nor have we lost it, meanwhile.
      expect(await isUp(peer, local)).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      expect(watch.status.state).toBe("up");
      expect(states.filter((state) => state === "down")).toEqual([]);
      expect(errors).toEqual([]);
      bfd.watch({ local: "192.0.2.9", remote: "192.0.2.8" }, () => undefined);
      await until(() => errors.length > 0);
      expect(isSocketError(errors[0], "ERR_NOT_FOUND")).toBe(true);
      expect(bfd.sessions()).toEqual([watch.status]);
      watch.close();
      await until(async () => !(await isUp(peer, local)));
      bfd.close();
    });

    it("tells the peer at once when a watch is closed", async () => {
      await using lab = new Lab("bfd");
      const { local, remote, peer, bfd } = await withPeer(lab, FAMILIES[0]![1]);
      // Slow enough that silence alone would take a minute to be noticed.
      const watch = bfd.watch({ local, remote, transmitInterval: 20_000 }, () => undefined);
      await until(() => watch.status.state === "up" && isUp(peer, local));
      watch.close();
      await until(async () => !(await isUp(peer, local)));
      expect((await peer.view(local))?.state).not.toBe("up");
    });
  });

describe.skipIf(unfit)("BFD of ours between namespaces", () => {
  function pair(lab: Lab): { ours: Watch; theirs: Watch; log: string[] } {
    segment(lab);
    const log: string[] = [];
    const watch = (name: string, local: string, remote: string): Watch => {
      const bfd = createBfd({ netns: netnsOf(lab, name) });
      lab.defer(() => bfd.close());
      return bfd.watch({ local, remote }, (state, diagnostic) => {
        log.push(`${name} ${state} ${diagnostic}`);
      });
    };
    return {
      log,
      ours: watch("ours", "10.9.0.1", "10.9.0.2"),
      theirs: watch("theirs", "10.9.0.2", "10.9.0.1"),
    };
  }

  it("hears nothing that came over a router, nor of who is not watched", async () => {
    await using lab = new Lab("bfd");
    const { ours, theirs, log } = pair(lab);
    await until(() => ours.status.state === "up" && theirs.status.state === "up");
    const bytes = encodeControl({
      ...{ diagnostic: "none", state: "admin-down", poll: false, final: false },
      ...{ controlPlaneIndependent: false, demand: false, detectMultiplier: 3 },
      ...{ myDiscriminator: 1, yourDiscriminator: ours.status.discriminator },
      ...{ desiredMinTransmit: 300_000, requiredMinReceive: 300_000, requiredMinEcho: 0 },
    });
    const before = log.length;
    const netns = netnsOf(lab, "theirs");
    using far = openUdp({ address: "10.9.0.2", port: 50_000, ttl: 254, netns });
    far.send(bytes, "10.9.0.1", 3784);
    const { received } = ours.status;
    await until(() => ours.status.received > received + 2);
    expect(log.slice(before)).toEqual([]);
    // The same from next door is heard: it was the distance.
    using near = openUdp({ address: "10.9.0.2", port: 50_001, ttl: 255, netns });
    near.send(bytes, "10.9.0.1", 3784);
    await until(() => log.length > before);
    expect(log[before]).toBe("ours down neighbour-signaled-down");
  });

  it("leaves no socket behind, and says when a port is taken", async () => {
    await using lab = new Lab("bfd");
    segment(lab);
    const netns = netnsOf(lab, "ours");
    const bfd = createBfd({ netns });
    const path = { local: "10.9.0.1", remote: "10.9.0.2" };
    const watch = bfd.watch(path, () => undefined);
    expect(() => bfd.watch(path, () => undefined)).toThrow(TypeError);
    const other = createBfd({ netns });
    expect(() => other.watch(path, () => undefined)).toThrow(/EADDRINUSE/);
    watch.close();
    watch.close();
    other.watch(path, () => undefined);
    other.close();
    bfd.close();
    expect(() => bfd.watch(path, () => undefined)).toThrow(/closed/);
    expect(() => other.watch(path, () => undefined)).toThrow(/closed/);
  });
});
