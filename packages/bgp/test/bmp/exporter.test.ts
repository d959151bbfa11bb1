import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exportBmp, type BmpExporter, type BmpOptions } from "../../src/bmp/exporter.ts";
import { BgpError } from "../../src/errors.ts";
import { Slices, type Job } from "../../src/session/slices.ts";
import type { LocalRoute } from "../../src/api/local-route.ts";
import type { Speaker } from "../../src/speaker/types.ts";
import { encodeRouteRefresh } from "../../src/wire/route-refresh.ts";
import { plainOpen, Scripted } from "../session/support/lab.ts";
import { toHex, updateOf } from "../wire/support/build.ts";
import { ALL, Fabric } from "../speaker/support/fabric.ts";
import { FakeStation, routesOf } from "./support/fake-station.ts";

const A = "192.0.2.1";
const B = "192.0.2.2";
const C = "192.0.2.3";
const S = "192.0.2.9";
const PORT = 11_019;
const BOTH = { "ipv4-unicast": { import: ALL, export: ALL }, "ipv6-unicast": { import: ALL, export: ALL } };

let fabric: Fabric;
let station: FakeStation;
let errors: BgpError[];
beforeEach(async () => {
  fabric = new Fabric();
  station = new FakeStation();
  errors = [];
  await station.listen(fabric.transport(S), S, PORT);
});
afterEach(() => fabric.close());

/** A speaker at A and its peer at B, up. */
async function pair(
  options: Partial<Parameters<Fabric["speaker"]>[2][number]> = {},
): Promise<[Speaker, Speaker]> {
  const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002, ...options }]);
  const b = fabric.speaker(B, 65_002, [{ at: A, asn: 65_001, ...options }]);
  await fabric.seconds(5);
  return [a, b];
}

function watch(speaker: Speaker, options: Partial<BmpOptions> = {}): BmpExporter {
  return exportBmp(speaker, {
    ...{ stations: [{ address: S, port: PORT }], sysName: "a", statisticsInterval: 0 },
    ...{ transport: fabric.transport(A), clock: fabric.clock, random: () => 0.5, defer: fabric.clock.turn },
    onError: (error) => void errors.push(error),
    ...options,
  });
}

const received = (speaker: Speaker, peer: string): string[] =>
  routesOf(speaker.routes({ peer, direction: "received" }));

const prefixes = (count: number, changes: Partial<LocalRoute> = {}): LocalRoute[] =>
  Array.from({ length: count }, (_, at) => ({ prefix: `10.${at >> 8}.${at & 255}.0/24`, ...changes }));

describe("BMP export", () => {
  it("begins with who we are, then tells a session that stands: who, what it has told, that this is all", async () => {
    const [a, b] = await pair({ families: BOTH });
    b.advertise("one", prefixes(700, { med: 7 }));
    b.advertise("two", [{ prefix: "2001:db8:1::/48", nextHop: "2001:db8::2", communities: ["65002:1"] }]);
    await fabric.seconds(1);
    watch(a);
    await fabric.seconds(1);
    const { heard } = station;
    expect(heard.kinds.slice(0, 3)).toEqual(["initiation", "peer-up", "route-monitoring"]);
    const [initiation] = heard.of("initiation");
    expect(initiation?.information.map(({ type, value }) => [type, Buffer.from(value).toString()])).toEqual([
      [1, "@netloom/bgp"],
      [2, "a"],
    ]);
    const [up] = heard.of("peer-up");
    expect(up).toMatchObject({ localAddress: A, peer: { address: B, asn: 65_002, routerId: B, type: 0 } });
    expect(up?.peer).toMatchObject({ postPolicy: false, legacyAsPath: false, adjRibOut: false });
    expect(up?.peer.at).toBe(a.peers()[0]?.establishedAt);
    expect(received(a, B)).toHaveLength(701);
    expect(heard.routes(B)).toEqual(received(a, B));
    const ends = heard.of("route-monitoring").map(({ update }) => toHex(update).slice(32));
    expect(ends.filter((update) => update === "00170200000000")).toHaveLength(1);
    expect(ends.at(-1)).toBe("001d0200000006800f03000201");
    // 700 prefixes of one set of attributes in two steps, not 700 messages.
    expect(ends.length).toBeLessThan(8);
  });

  it("tells what comes as it came: after Peer Up, with the time, until Peer Down", async () => {
    const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002 }]);
    watch(a);
    const raw: string[] = [];
    a.monitor({
      up: () => void raw.push("up"),
      update: (_, message) => void raw.push(toHex(message)),
      withdrawn: () => void raw.push("withdrawn"),
      down: () => void raw.push("down"),
    });
    await fabric.seconds(5);
    const b = fabric.speaker(B, 65_002, [{ at: A, asn: 65_001 }]);
    b.advertise("pods", prefixes(3));
    await fabric.seconds(10);
    b.advertise("pods", prefixes(1));
    await fabric.seconds(1);
    const { heard } = station;
    const before = heard.routes(B);
    expect(before).toEqual(received(a, B));
    expect(before).toHaveLength(1);
    const closing = b.close("withdraw", "done");
    await fabric.seconds(3);
    await closing;
    expect(heard.messages.flatMap((each) => ("update" in each ? [toHex(each.update)] : []))).toEqual(
      raw.slice(1, -1),
    );
    expect([raw[0], raw.at(-1)]).toEqual(["up", "down"]);
    expect(heard.of("route-monitoring").at(-1)?.peer.at).toBeGreaterThan(1_700_000_000_000);
    expect(heard.of("peer-down")).toMatchObject([
      { reason: { by: "remote", notification: { code: 6, subcode: 9 } }, peer: { address: B } },
    ]);
  });

  it("says how sessions end", async () => {
    const reasons = async (end: (a: Speaker, b: Speaker) => unknown, seconds = 2): Promise<unknown> => {
      const [a, b] = await pair();
      const exporter = watch(a);
      await fabric.seconds(1);
      end(a, b);
      await fabric.seconds(seconds);
      const [down] = station.heard.of("peer-down");
      await again(exporter);
      return down?.reason;
    };
    expect(await reasons((a) => a.reset(B))).toMatchObject({
      by: "local",
      notification: { code: 6, subcode: 4 },
    });
    expect(await reasons((a) => a.close("preserve"))).toEqual({ by: "local", fsmEvent: 2 });
    expect(await reasons((_, b) => b.close("preserve"))).toEqual({ by: "remote" });
    expect(await reasons((_, b) => b.reset(A))).toMatchObject({
      by: "remote",
      notification: { code: 6, subcode: 4 },
    });
    expect(await reasons(() => fabric.network.cut(A, B), 100)).toMatchObject({
      by: "local",
      notification: { code: 4, subcode: 0 },
    });
  });

  it("takes leave of stations when it is closed, and of peers before when the speaker is", async () => {
    const [a] = await pair();
    const exporter = watch(a);
    await fabric.seconds(1);
    const closing = exporter.close();
    await fabric.seconds(2);
    await closing;
    expect(station.heard.messages.at(-1)).toEqual({ kind: "termination", reason: 0, information: [] });
    expect(station.heard.closed).toBe(true);
    expect(station.heard.kinds).not.toContain("peer-down");

    await a.apply({
      ...fabric.config(A, 65_001, [{ at: B, asn: 65_002 }]),
      bmp: { stations: [{ address: S, port: PORT }] },
    });
    await fabric.seconds(1);
    const stopping = a.close();
    await fabric.seconds(3);
    await stopping;
    expect(station.heard.kinds.slice(-2)).toEqual(["peer-down", "termination"]);
    expect(station.heard.of("initiation")[0]?.information[1]).toEqual({
      type: 2,
      value: new TextEncoder().encode(A),
    });
  });

  it("gives up a station that does not read, and tells it everything anew when it is back", async () => {
    const [a, b] = await pair();
    b.advertise("pods", prefixes(500));
    await fabric.seconds(1);
    const exporter = watch(a, { limit: 100_000 });
    await fabric.seconds(1);
    expect(exporter.stations()).toEqual([{ address: S, port: PORT, connected: true }]);
    fabric.network.throttle(S, 0);
    for (let round = 0; round < 200; round += 1) {
      b.advertise("pods", prefixes(500, { med: round }));
      await fabric.seconds(0.1);
    }
    expect(errors.map(({ message }) => message)).toEqual([
      `BMP station ${S} port ${PORT}: it does not read: more than 100000 bytes wait for it`,
    ]);
    expect(exporter.stations()[0]?.connected).toBe(false);
    expect(a.peers()[0]).toMatchObject({ state: "established", established: 1 });
    fabric.network.throttle(S);
    await fabric.seconds(40);
    expect(station.calls).toHaveLength(2);
    expect(station.heard.kinds.slice(0, 2)).toEqual(["initiation", "peer-up"]);
    expect(station.heard.routes(B)).toEqual(received(a, B));
    expect(station.heard.routes(B)[0]).toMatch(/ 199 -$/);
  });

  it("waits with the dump for a slow station, however much there is", async () => {
    const [a, b] = await pair();
    b.advertise(
      "pods",
      prefixes(4000).map((route, med) => ({ ...route, med })),
    );
    await fabric.seconds(5);
    fabric.network.throttle(S, 100);
    // Less than the dump has, more than waits at once.
    watch(a, { limit: 300_000 });
    await fabric.seconds(60);
    expect(errors).toEqual([]);
    expect(station.heard.routes(B)).toHaveLength(4000);
    expect(station.heard.routes(B)).toEqual(received(a, B));
  });

  it("calls a station that is not there again, later each time", async () => {
    const [a] = await pair();
    watch(a, { stations: [{ address: S, port: 9 }] });
    await fabric.seconds(1000);
    // 30, 60, 120, 240, 480 seconds with RFC 4271's jitter in the middle: 0.875.
    expect(errors).toHaveLength(6);
    expect(errors[0]?.message).toMatch(/refused/);
  });

  it("adds up whatever changes while tables are dumped", async () => {
    const step = fc.record({
      turns: fc.integer({ min: 1, max: 6 }),
      who: fc.constantFrom(B, C),
      set: fc.constantFrom("one", "two"),
      count: fc.integer({ min: 0, max: 3000 }),
      med: fc.integer({ min: 0, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const addPath = { send: true, receive: true };
        const a = fabric.speaker(A, 65_001, [
          { at: B, asn: 65_002, addPath },
          { at: C, asn: 65_003 },
        ]);
        // C's routes come by B too: several paths of a prefix.
        const b = fabric.speaker(B, 65_002, [
          { at: A, asn: 65_001, addPath },
          { at: C, asn: 65_003 },
        ]);
        const c = fabric.speaker(C, 65_003, [
          { at: A, asn: 65_001 },
          { at: B, asn: 65_002 },
        ]);
        b.advertise("one", prefixes(1500));
        c.advertise("one", prefixes(800, { prepend: 2 }));
        await fabric.seconds(10);
        const exporter = watch(a, { slices: new StepByStep(fabric.clock.turn) });
        await fabric.clock.idle();
        for (const { turns, who, set, count, med } of steps) {
          (who === B ? b : c).advertise(set, prefixes(count, { med }));
          await passTurns(turns);
        }
        await fabric.seconds(5);
        expect(station.heard.routes(B)).toEqual(received(a, B));
        expect(station.heard.routes(C)).toEqual(received(a, C));
        await again(exporter);
      }),
      { numRuns: 15 },
    );
  });

  it("tells nothing of a session that waits for its turn, and no more of one that ends", async () => {
    const [a, b] = await pair();
    const c = fabric.speaker(C, 65_003, [{ at: A, asn: 65_001 }]);
    await a.apply(
      fabric.config(A, 65_001, [
        { at: B, asn: 65_002 },
        { at: C, asn: 65_003 },
      ]),
    );
    b.advertise("b", prefixes(5000));
    c.advertise("c", prefixes(10));
    await fabric.seconds(5);
    const slices = new StepByStep(fabric.clock.turn);
    watch(a, { slices });
    slices.hold(3);
    await fabric.seconds(1);
    expect(station.heard.kinds).toEqual(["initiation", "peer-up", "route-monitoring", "route-monitoring"]);
    c.advertise("c", prefixes(20));
    b.reset(A);
    await fabric.seconds(1);
    expect(station.heard.kinds.slice(4)).toEqual(["peer-down"]);
    expect(received(a, C)).toHaveLength(20);
    slices.hold(Infinity);
    await fabric.seconds(20);
    expect(station.heard.routes(B)).toEqual(received(a, B));
    expect(station.heard.routes(B)).toHaveLength(5000);
    expect(station.heard.routes(C)).toEqual(received(a, C));
  });

  it("withdraws what a peer leaves out when it tells all again, though no UPDATE does", async () => {
    const calls: Scripted[] = [];
    const listener = await fabric.transport(B).listen({
      ...{ address: B, port: 179, onError: () => undefined },
      onConnection: (connection) => void calls.push(new Scripted(connection, fabric.clock)),
    });
    listener.expect([{ remote: A }]);
    const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002 }]);
    watch(a);
    await fabric.seconds(1);
    const peer = calls[0]!;
    const refreshing = [{ kind: "route-refresh" }, { kind: "enhanced-route-refresh" }] as const;
    peer.open({ ...plainOpen, capabilities: [...plainOpen.capabilities, ...refreshing] });
    await fabric.seconds(1);
    peer.keepalive();
    const attributes = "4001010040020602010000fdea400304c0000202";
    peer.send(updateOf({ attributes, nlri: "180a0100180a0200" }));
    await fabric.seconds(1);
    expect(station.heard.routes(B)).toHaveLength(2);
    peer.send(encodeRouteRefresh("ipv4-unicast", "begin"));
    peer.send(updateOf({ attributes, nlri: "180a0200" }));
    peer.send(encodeRouteRefresh("ipv4-unicast", "end"));
    await fabric.seconds(1);
    expect(station.heard.routes(B)).toEqual([`10.2.0.0/24 0 via ${B} [65002] - -`]);
    expect(station.heard.routes(B)).toEqual(received(a, B));
  });

  it("reports statistics", async () => {
    const only = {
      statements: [{ match: { prefixes: [{ prefix: "10.0.1.0/24" }] }, action: "accept" as const }],
    };
    const [a, b] = await pair({ families: { "ipv4-unicast": { import: only, export: ALL } } });
    b.advertise("pods", prefixes(10));
    await fabric.seconds(1);
    watch(a, { statisticsInterval: 10 });
    await fabric.seconds(21);
    expect(station.heard.of("statistics-report")).toHaveLength(2);
    b.advertise("pods", prefixes(4));
    await fabric.seconds(10);
    expect(station.heard.of("statistics-report").map(({ statistics }) => statistics)).toEqual(
      [10n, 10n, 4n].map((count) => [
        // A counter: what was rejected once stays counted.
        { type: 0, value: 9n, bits: 32 },
        { type: 7, value: count, bits: 64 },
        { type: 9, family: "ipv4-unicast", value: count },
      ]),
    );
  });
});

describe("the configuration of BMP", () => {
  const config = (bmp: NonNullable<Parameters<Speaker["apply"]>[0]["bmp"]> | undefined) => ({
    ...fabric.config(A, 65_001, [{ at: B, asn: 65_002 }]),
    ...(bmp === undefined ? {} : { bmp }),
  });

  it("changes under open sessions, station by station", async () => {
    const other = new FakeStation();
    await other.listen(fabric.transport(C), C, PORT);
    const [a, b] = await pair();
    b.advertise("pods", prefixes(2));
    const stations = [
      { address: S, port: PORT },
      { address: C, port: PORT },
    ];
    const effect = await a.apply(config({ stations: stations.slice(0, 1) }));
    expect(effect).toEqual({ added: [], removed: [], soft: [], reset: [] });
    await fabric.seconds(1);
    await a.apply(config({ stations }));
    await fabric.seconds(1);
    expect(other.heard.routes(B)).toHaveLength(2);
    await a.apply(config({ stations: stations.slice(1), statisticsInterval: 5 }));
    await fabric.seconds(6);
    expect(station.heard.kinds.at(-1)).toBe("termination");
    expect(other.heard.kinds.at(-1)).toBe("statistics-report");
    await a.apply(config(undefined));
    await fabric.seconds(3);
    expect(other.heard.kinds.at(-1)).toBe("termination");
    expect([station.calls.length, other.calls.length]).toEqual([1, 1]);
    expect(a.peers()[0]).toMatchObject({ state: "established", established: 1 });
  });

  it("is refused where it cannot be right", async () => {
    const [a] = await pair();
    const refused: [NonNullable<Parameters<typeof config>[0]>, RegExp][] = [
      [{ stations: [{ address: "station", port: 1 }] }, /bmp.stations\[\].address/],
      [{ stations: [{ address: S, port: 0 }] }, /bmp.stations\[\].port/],
      [
        {
          stations: [
            { address: S, port: 1 },
            { address: S, port: 1 },
          ],
        },
        /once/,
      ],
      [{ stations: [], statisticsInterval: -1 }, /bmp.statisticsInterval/],
      [{ stations: [], sysName: "" }, /bmp.sysName/],
    ];
    for (const [bmp, message] of refused) expect(() => a.plan(config(bmp))).toThrow(message);
  });
});

/** One step for each turn, so that everything else comes in between. */
class StepByStep extends Slices {
  readonly #turn: (turn: () => void) => void;
  readonly #held: Job[] = [];
  #left = Infinity;

  constructor(turn: (turn: () => void) => void) {
    super(fabric.clock, turn);
    this.#turn = turn;
  }

  /** So many steps, then none until it is asked for more. */
  hold(steps: number): void {
    this.#left = steps;
    for (const job of this.#held.splice(0)) this.run(job);
  }

  override get spent(): boolean {
    return true;
  }

  override run(job: Job): boolean {
    this.#turn(() => {
      if (this.#left <= 0) return void this.#held.push(job);
      this.#left -= 1;
      if (job()) this.run(job);
    });
    return false;
  }
}

async function passTurns(count: number): Promise<void> {
  fabric.clock.fireDue();
  for (let turn = 0; turn < count; turn += 1) {
    await fabric.clock.runTurn();
    fabric.clock.block(1);
    fabric.clock.fireDue();
  }
}

/** Everything from the beginning. */
async function again(exporter: BmpExporter): Promise<void> {
  void exporter.close();
  await fabric.close();
  fabric = new Fabric();
  station = new FakeStation();
  await station.listen(fabric.transport(S), S, PORT);
}
