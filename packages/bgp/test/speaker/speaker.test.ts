import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BgpError } from "../../src/errors.ts";
import type { FailureDetector } from "../../src/speaker/failure-detector.ts";
import { encodeAttributes } from "../../src/wire/attributes/encode.ts";
import { prefixSource } from "../../src/wire/nlri.ts";
import { packReach } from "../../src/wire/pack.ts";
import { CONTEXT, via } from "../rib/support/updates.ts";
import { plainOpen, Scripted } from "../session/support/lab.ts";
import { createSpeaker } from "../../src/speaker/speaker.ts";
import { ALL, best, Fabric, OPEN, states } from "./support/fabric.ts";

const A = "192.0.2.1";
const B = "192.0.2.2";
const C = "192.0.2.3";

let fabric: Fabric;
beforeEach(() => {
  fabric = new Fabric();
});
afterEach(() => fabric.close());

describe("a speaker", () => {
  it("tells external peers its prefixes, with its AS and its address of the session", async () => {
    const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002 }]);
    const b = fabric.speaker(B, 65_002, [{ at: A, asn: 65_001 }]);
    a.advertise("pods", [{ prefix: "10.1.0.0/24" }, { prefix: "10.1.1.0/24", nextHop: "192.0.2.9" }]);
    await fabric.seconds(5);
    expect(states(b)).toEqual([`${A} established`]);
    expect(best(b)).toEqual([`10.1.0.0/24 ${A} via ${A} [65001]`, `10.1.1.0/24 ${A} via 192.0.2.9 [65001]`]);
    a.advertise("pods", [{ prefix: "10.1.1.0/24" }]);
    await fabric.seconds(1);
    expect(best(b)).toEqual([`10.1.1.0/24 ${A} via ${A} [65001]`]);
  });

  it("passes on what it has learned, and takes it back when the peer that told it is gone", async () => {
    const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002 }]);
    fabric.speaker(B, 65_002, [
      { at: A, asn: 65_001, gracefulRestart: false },
      { at: C, asn: 65_003 },
    ]);
    const c = fabric.speaker(C, 65_003, [{ at: B, asn: 65_002 }]);
    a.advertise("pods", [{ prefix: "10.1.0.0/24" }]);
    await fabric.seconds(5);
    expect(best(c)).toEqual([`10.1.0.0/24 ${B} via ${B} [65002 65001]`]);
    fabric.network.cut(A, B);
    await fabric.seconds(91);
    expect(best(c)).toEqual([]);
  });

  it("tells nobody anything that no policy lets out, and takes nothing that none lets in", async () => {
    const a = fabric.speaker(A, 65_001, [
      { at: B, asn: 65_002, families: { "ipv4-unicast": { import: ALL } } },
    ]);
    const b = fabric.speaker(B, 65_002, [
      { at: A, asn: 65_001, families: { "ipv4-unicast": { export: ALL } } },
    ]);
    a.advertise("pods", [{ prefix: "10.1.0.0/24" }]);
    b.advertise("pods", [{ prefix: "10.2.0.0/24" }]);
    await fabric.seconds(5);
    expect(best(a)).toEqual([`10.1.0.0/24 local via 0.0.0.0 []`, `10.2.0.0/24 ${B} via ${B} [65002]`]);
    expect(best(b)).toEqual([`10.2.0.0/24 local via 0.0.0.0 []`]);
    expect(a.explain(B, "10.1.0.0/24")).toMatch(/policy/);
  });

  it("takes a changed policy under an open session, in both directions", async () => {
    const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002 }]);
    const b = fabric.speaker(B, 65_002, [{ at: A, asn: 65_001 }]);
    a.advertise("pods", [{ prefix: "10.1.0.0/24" }, { prefix: "10.2.0.0/24" }]);
    await fabric.seconds(5);
    const only = (prefix: string) => ({
      statements: [{ match: { prefixes: [{ prefix }] }, action: "accept" as const }],
    });
    const narrow = fabric.config(A, 65_001, [
      { at: B, asn: 65_002, families: { "ipv4-unicast": { import: ALL, export: only("10.1.0.0/24") } } },
    ]);
    expect(await a.apply(narrow)).toEqual({ added: [], removed: [], soft: [B], reset: [] });
    await fabric.seconds(1);
    expect(best(b)).toEqual([`10.1.0.0/24 ${A} via ${A} [65001]`]);
    const none = fabric.config(B, 65_002, [
      { at: A, asn: 65_001, families: { "ipv4-unicast": { import: only("10.9.0.0/24"), export: ALL } } },
    ]);
    await b.apply(none);
    expect(best(b)).toEqual([]);
    await b.apply(fabric.config(B, 65_002, [{ at: A, asn: 65_001 }]));
    expect(best(b)).toEqual([`10.1.0.0/24 ${A} via ${A} [65001]`]);
    expect(b.peers()[0]).toMatchObject({ state: "established", established: 1 });
  });

  it("uses routes only with their teller's AS first, unless it is told not to ask", async () => {
    const b = fabric.speaker(B, 65_002, [{ at: A, asn: 65_001, passive: true }]);
    await fabric.seconds(1);
    const call = fabric.transport(A).connect({ address: B, port: 179, signal: AbortSignal.timeout(5000) });
    await fabric.seconds(1);
    const peer = new Scripted(await call, fabric.clock);
    peer.open({ ...plainOpen, asn: 65_001, capabilities: [] });
    peer.keepalive();
    const path = { ...via([7]), nextHop: A };
    const attributes = encodeAttributes(path, { ...CONTEXT, fourOctetAs: false }, "ipv4-unicast");
    const prefixes = prefixSource([{ prefix: "10.0.0.0/8" }], false);
    peer.send(packReach(CONTEXT, "ipv4-unicast", attributes, prefixes, 0, 1)!.message);
    await fabric.seconds(1);
    expect(b.peers()[0]!.families).toMatchObject([{ received: 1, accepted: 0 }]);
    expect(b.explain(A, "10.0.0.0/8")).toMatch(/does not begin with the peer's AS/);
    const lenient = { at: A, asn: 65_001, passive: true, enforceFirstAs: false } as const;
    expect(await b.apply(fabric.config(B, 65_002, [lenient]))).toMatchObject({ soft: [A], reset: [] });
    expect(best(b)).toEqual([`10.0.0.0/8 ${A} via ${A} [7]`]);
    const wrong = { ...lenient, enforceFirstAs: "no" as unknown as boolean };
    expect(() => b.plan(fabric.config(B, 65_002, [wrong]))).toThrow(/enforceFirstAs/);
  });

  it("says which changes of its configuration close a session, and closes no other", async () => {
    const a = fabric.speaker(A, 65_001, [
      { at: B, asn: 65_002 },
      { at: C, asn: 65_003 },
    ]);
    fabric.speaker(B, 65_002, [{ at: A, asn: 65_001 }]);
    fabric.speaker(C, 65_003, [{ at: A, asn: 65_001 }]);
    await fabric.seconds(5);
    const next = fabric.config(A, 65_001, [
      { at: B, asn: 65_002, timers: { hold: 30 } },
      { at: C, asn: 65_003, timers: { connectRetry: 7 } },
    ]);
    const effect = {
      added: [],
      removed: [],
      soft: [C],
      reset: [{ peer: B, because: "timers.hold changed" }],
    };
    expect(a.plan(next)).toEqual(effect);
    expect(states(a)).toEqual([`${B} established`, `${C} established`]);
    const applied = a.apply(next);
    await fabric.seconds(10);
    expect(await applied).toEqual(effect);
    expect(
      a
        .peers()
        .map(({ name, holdTime }) => `${name} ${holdTime}`)
        .toSorted(),
    ).toEqual([`${B} 30`, `${C} 90`]);
  });

  it("refuses a configuration that cannot be right, and stays as it is", async () => {
    const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002 }]);
    fabric.speaker(B, 65_002, [{ at: A, asn: 65_001 }]);
    await fabric.seconds(5);
    const wrong = fabric.config(A, 65_001, [{ at: B, asn: 65_002, timers: { hold: 2 } }]);
    await expect(a.apply(wrong)).rejects.toThrow(/192\.0\.2\.2: timers\.hold 2/);
    await expect(a.apply(wrong)).rejects.toThrow(BgpError);
    expect(states(a)).toEqual([`${B} established`]);
  });

  it("ends a session in which more prefixes come than allowed", async () => {
    const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002 }]);
    const families = { "ipv4-unicast": { import: ALL, maxPrefixes: 2 } };
    const b = fabric.speaker(B, 65_002, [{ at: A, asn: 65_001, families }]);
    a.advertise(
      "pods",
      [1, 2, 3].map((each) => ({ prefix: `10.${each}.0.0/16` })),
    );
    await fabric.seconds(3);
    expect(b.peers()[0]?.state).not.toBe("established");
    // Hard: the routes are not to be kept.
    const data = Uint8Array.of(6, 1);
    expect(a.peers()[0]?.lastError).toMatchObject({ notification: { code: 6, subcode: 9, data } });
    expect(best(b)).toEqual([]);
  });

  it("tells a peer why it is shut down, and starts again when it is not", async () => {
    const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002 }]);
    const b = fabric.speaker(B, 65_002, [{ at: A, asn: 65_001 }]);
    await fabric.seconds(5);
    await a.apply(fabric.config(A, 65_001, [{ at: B, asn: 65_002, shutdown: "moving racks" }]));
    await fabric.seconds(1);
    expect(b.peers()[0]?.lastError?.message).toMatch(/moving racks/);
    await fabric.seconds(30);
    expect(states(a)).toEqual([`${B} idle`]);
    await a.apply(fabric.config(A, 65_001, [{ at: B, asn: 65_002 }]));
    await fabric.seconds(70);
    expect(states(a)).toEqual([`${B} established`]);
  });

  it("takes calls from a prefix, so many at once", async () => {
    const hub = fabric.speaker(A, 65_001, [
      { at: "hosts", asn: "any", remote: { dynamic: "192.0.2.0/24", limit: 1 } },
    ]);
    const b = fabric.speaker(B, 65_002, [{ at: A, asn: 65_001, gracefulRestart: false }]);
    const c = fabric.speaker(C, 65_003, [{ at: A, asn: 65_001 }]);
    b.advertise("pods", [{ prefix: "10.2.0.0/24" }]);
    await fabric.seconds(5);
    expect(hub.peers()).toHaveLength(1);
    const [first] = hub.peers();
    expect(first?.state).toBe("established");
    const refused = first?.remoteAddress === B ? c : b;
    expect(refused.peers()[0]?.lastError).toMatchObject({ notification: { code: 6, subcode: 5 } });
  });

  it("keeps no place for a caller from a prefix who came to nothing", async () => {
    const hub = fabric.speaker(A, 65_001, [
      { at: "hosts", asn: 65_003, remote: { dynamic: "192.0.2.0/24", limit: 1 } },
    ]);
    // Not the AS that is waited for.
    const wrong = fabric.speaker(B, 65_002, [{ at: A, asn: 65_001, timers: { connectRetry: 600 } }]);
    await fabric.seconds(5);
    expect(wrong.peers()[0]?.lastError).toMatchObject({ notification: { code: 2, subcode: 2 } });
    expect(hub.peers()).toEqual([]);
    fabric.speaker(C, 65_003, [{ at: A, asn: 65_001 }]);
    await fabric.seconds(10);
    expect(states(hub)).toEqual([`hosts/${C} established`]);
  });

  it("asks a peer to tell everything again, and is asked", async () => {
    const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002 }]);
    const b = fabric.speaker(B, 65_002, [{ at: A, asn: 65_001 }]);
    a.advertise("pods", [{ prefix: "10.1.0.0/24" }]);
    await fabric.seconds(5);
    const before = b.peers()[0]!.messages.received;
    b.refresh(A, "in");
    await fabric.seconds(1);
    // Begin, the route, end: RFC 7313.
    expect(b.peers()[0]!.messages.received).toBe(before + 3);
    expect(best(b)).toEqual([`10.1.0.0/24 ${A} via ${A} [65001]`]);
    expect(b.peers()[0]?.families[0]).toMatchObject({ received: 1, stale: 0 });
  });

  it("believes its failure detector, and does not keep the routes of a peer that is cut off", async () => {
    let report: (state: "up" | "down") => void = () => {};
    const watched: unknown[] = [];
    const failureDetector: FailureDetector = {
      watch(path, options, onChange) {
        watched.push(path, options);
        report = onChange;
        return { [Symbol.dispose]: () => void watched.push("ended") };
      },
    };
    const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002, failureDetector: { multiplier: 5 } }], {
      dependencies: { failureDetector },
    });
    const b = fabric.speaker(B, 65_002, [{ at: A, asn: 65_001 }]);
    b.advertise("pods", [{ prefix: "10.2.0.0/24" }]);
    await fabric.seconds(5);
    expect(best(a)).toHaveLength(1);
    fabric.network.cut(A, B);
    report("down");
    await fabric.seconds(0);
    expect(best(a)).toEqual([]);
    expect(watched).toEqual([{ local: A, remote: B, interface: undefined }, { multiplier: 5 }, "ended"]);
  });

  it("watches a path from the moment it is told to, and no longer than that", async () => {
    const watched: string[] = [];
    const failureDetector: FailureDetector = {
      watch: ({ remote }) => {
        watched.push(`watches ${remote}`);
        return { [Symbol.dispose]: () => void watched.push("ended") };
      },
    };
    const peer = { at: B, asn: 65_002 };
    const a = fabric.speaker(A, 65_001, [peer], { dependencies: { failureDetector } });
    fabric.speaker(B, 65_002, [{ at: A, asn: 65_001 }]);
    await fabric.seconds(5);
    expect(watched).toEqual([]);
    await a.apply(fabric.config(A, 65_001, [{ ...peer, failureDetector: {} }]));
    expect(watched).toEqual([`watches ${B}`]);
    await a.apply(fabric.config(A, 65_001, [peer]));
    expect(watched).toEqual([`watches ${B}`, "ended"]);
    expect(states(a)).toEqual([`${B} established`]);
  });

  it("keeps a session whose path nobody can watch, and says so", async () => {
    const failureDetector: FailureDetector = {
      watch: () => {
        throw new Error("port 3784 is taken");
      },
    };
    const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002, failureDetector: {} }], {
      dependencies: { failureDetector },
    });
    const errors: unknown[] = [];
    a.on("error", (error) => errors.push(error));
    fabric.speaker(B, 65_002, [{ at: A, asn: 65_001 }]);
    await fabric.seconds(5);
    expect(states(a)).toEqual([`${B} established`]);
    expect(errors).toEqual([new Error("port 3784 is taken")]);
  });

  it("is closed for good, whatever was under way", async () => {
    const starting = createSpeaker(fabric.config(C, 65_003, [{ at: A, asn: 65_001 }]), {
      ...{ transport: fabric.transport(C), clock: fabric.clock, defer: fabric.clock.turn },
    });
    const started = starting.start().catch((error: unknown) => error);
    const ended = starting.close("withdraw");
    const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002 }]);
    fabric.speaker(B, 65_002, [{ at: A, asn: 65_001 }]);
    await fabric.seconds(5);
    expect(await fabric.until(started)).toMatchObject({ code: "ERR_BGP_CLOSED" });
    await ended;
    expect(starting.peers()).toEqual([]);
    const applied = a
      .apply(fabric.config(A, 65_001, [{ at: C, asn: 65_003, passive: true }]))
      .catch((error: unknown) => error);
    const closed = Promise.all([a.close("withdraw"), a.close()]);
    expect(await fabric.until(applied)).toMatchObject({ code: "ERR_BGP_CLOSED" });
    await closed;
    expect(a.peers()).toEqual([]);
  });

  it("takes one configuration after the other, though nobody waits", async () => {
    const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002 }]);
    fabric.speaker(B, 65_002, [{ at: A, asn: 65_001 }]);
    fabric.speaker(C, 65_003, [{ at: A, asn: 65_001 }]);
    await fabric.seconds(5);
    const first = a.apply(fabric.config(A, 65_001, [{ at: C, asn: 65_003 }]));
    const second = a.apply(fabric.config(A, 65_001, []));
    expect((await fabric.until(first)).added).toEqual([C]);
    expect((await fabric.until(second)).removed).toEqual([C]);
    expect(a.peers()).toEqual([]);
  });

  it("stays as it is where it cannot listen, and tries again when told again", async () => {
    const taken = await fabric.transport(C).listen({
      ...{ address: C, port: 1179, onConnection: () => undefined, onError: () => undefined },
    });
    const c = fabric.speaker(C, 65_003, [{ at: B, asn: 65_002 }]);
    fabric.speaker(B, 65_002, [{ at: C, asn: 65_003 }]);
    await fabric.seconds(5);
    const next = {
      ...fabric.config(C, 65_003, [{ at: A, asn: 65_001 }]),
      listen: { addresses: [C], port: 1179 },
    };
    await expect(fabric.until(c.apply(next))).rejects.toMatchObject({ code: "ERR_BGP_TRANSPORT" });
    expect(states(c)).toEqual([`${B} established`]);
    await fabric.until(taken.close());
    expect(await fabric.until(c.apply(next))).toMatchObject({ added: [A], removed: [B] });
  });

  it("begins again once, however often a peer asks that does not read", async () => {
    const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002 }]);
    const b = fabric.speaker(B, 65_002, [{ at: A, asn: 65_001 }]);
    await fabric.seconds(5);
    fabric.network.throttle(B, 0);
    a.advertise("pods", hosts(150_000));
    await fabric.seconds(1);
    const before = a.peers()[0]!.messages.sent;
    for (let count = 0; count < 100; count++) b.refresh(A, "in");
    await fabric.seconds(1);
    fabric.network.throttle(B);
    await fabric.seconds(5);
    expect(b.peers()[0]?.families[0]).toMatchObject({ received: 150_000, stale: 0 });
    // Two dozen hold everything twice; a mark for each request would be 200 more.
    expect(a.peers()[0]!.messages.sent - before).toBeLessThan(60);
  });

  it("refuses what its transport cannot do before anything is tried", () => {
    const peer = { at: B, asn: 65_002, failureDetector: {} };
    expect(() => fabric.speaker(A, 65_001, [peer])).toThrow(/there is no failure detector/);
    expect(() =>
      fabric.speaker(C, 65_001, [{ at: B, asn: 65_002, families: OPEN, strictRole: true }]),
    ).toThrow(/strictRole/);
  });

  it("tells whoever asks what has become best, in batches that add up", async () => {
    const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002 }]);
    const b = fabric.speaker(B, 65_002, [{ at: A, asn: 65_001 }]);
    const table = new Map<string, string>();
    b.on("best:changed", (changes) => {
      for (const { prefix, route } of changes)
        if (route === undefined) table.delete(prefix);
        else table.set(prefix, route.attributes.nextHop);
    });
    const prefixes = Array.from({ length: 3000 }, (_, at) => `10.${at >> 8}.${at & 255}.0/24`);
    a.advertise(
      "pods",
      prefixes.map((prefix) => ({ prefix })),
    );
    await fabric.seconds(5);
    expect(table.size).toBe(3000);
    a.advertise("pods", [{ prefix: "10.0.7.0/24" }]);
    await fabric.seconds(5);
    expect([...table]).toEqual([["10.0.7.0/24", A]]);
  });
});

function* hosts(count: number): Iterable<{ readonly prefix: string }> {
  for (let at = 0; at < count; at++) yield { prefix: `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}/32` };
}
