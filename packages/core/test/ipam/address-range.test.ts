import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Address, formatAddress, parseAddress, parseCidr } from "../../src/address/index.ts";
import { AddressRange, type AddressRangeOptions } from "../../src/ipam/index.ts";
import { attempt } from "../address/arbitrary.ts";

const range = (cidr: string, options?: AddressRangeOptions): AddressRange =>
  new AddressRange(parseCidr(cidr), options);
const ip = parseAddress;
const code = (expected: string, text = "") =>
  expect.objectContaining({ code: expected, message: expect.stringContaining(text) });

/** What the range should hold, written the slow way. */
interface Model {
  readonly size: number;
  readonly entries: Map<string, { owner: string; state: string }>;
}

type Step = fc.Command<Model, AddressRange>;
const base = parseAddress("10.0.0.0");

function heldBy(model: Model, owner: string): string | undefined {
  return [...model.entries].find(([, entry]) => entry.owner === owner && entry.state === "allocated")?.[0];
}

function checkWhole(model: Model, real: AddressRange): void {
  const { capacity, allocated, free, reserved, quarantined } = real.status();
  expect(allocated + free + reserved + quarantined).toBe(capacity);
  expect(free).toBe(model.size - model.entries.size);
  const entries = [...real.entries()].map(
    ({ address, owner, state }) => [formatAddress(address), { owner, state }] as const,
  );
  expect(new Map(entries)).toEqual(model.entries);
  expect(entries).toHaveLength(model.entries.size);
}

function step(name: string, run: (model: Model, real: AddressRange) => void): Step {
  return {
    check: () => true,
    run(model, real) {
      run(model, real);
      checkWhole(model, real);
    },
    toString: () => name,
  };
}

const allocate = (owner: string): Step =>
  step(`allocate(${owner})`, (model, real) => {
    const held = heldBy(model, owner);
    const result = attempt(() => formatAddress(real.allocate(owner)));
    if (held !== undefined) expect(result).toBe(held);
    else if (model.entries.size === model.size) expect(result).toBe("ERR_IPAM_EXHAUSTED");
    else {
      expect(model.entries.has(result)).toBe(false);
      expect(real.cidr.contains(ip(result))).toBe(true);
      model.entries.set(result, { owner, state: "allocated" });
    }
  });

const claim = (offset: number, owner: string, state: "allocated" | "quarantined"): Step =>
  step(`claim(${offset}, ${owner}, ${state})`, (model, real) => {
    const address = base.offset(offset);
    const text = formatAddress(address);
    const before = model.entries.get(text);
    let expected = text;
    if (offset >= model.size) expected = "ERR_IPAM_OUT_OF_RANGE";
    else if (before !== undefined && (before.owner !== owner || before.state !== state))
      expected = "ERR_IPAM_CONFLICT";
    else if (before === undefined && state === "allocated" && heldBy(model, owner) !== undefined)
      expected = "ERR_IPAM_CONFLICT";
    else model.entries.set(text, { owner, state });
    expect(attempt(() => formatAddress(real.claim(address, owner, state)))).toBe(expected);
  });

const retire = (offset: number, owner: string): Step =>
  step(`retire(${offset}, ${owner})`, (model, real) => {
    const entry = model.entries.get(formatAddress(base.offset(offset)));
    const changes = entry?.owner === owner && entry.state === "allocated";
    expect(real.retire(base.offset(offset), owner)).toBe(changes);
    if (changes) entry.state = "quarantined";
  });

const release = (offset: number, owner: string): Step =>
  step(`release(${offset}, ${owner})`, (model, real) => {
    const text = formatAddress(base.offset(offset));
    const entry = model.entries.get(text);
    const changes = entry?.owner === owner && entry.state !== "reserved";
    expect(real.release(base.offset(offset), owner)).toBe(changes);
    if (changes) model.entries.delete(text);
  });

/** Of its allocated address, wherever it is. */
const leave = (owner: string, how: "retire" | "release"): Step =>
  step(`${how} what ${owner} has`, (model, real) => {
    const held = heldBy(model, owner);
    expect(real.addressOf(owner)?.toString()).toBe(held);
    if (held === undefined) return;
    expect(real[how](ip(held), owner)).toBe(true);
    if (how === "release") model.entries.delete(held);
    else model.entries.get(held)!.state = "quarantined";
  });

const owner = fc.constantFrom("a", "b", "c", "d", "e", "f", "router", "network");
const offset = fc.integer({ min: 0, max: 10 });
const states = fc.constantFrom("allocated" as const, "quarantined" as const);
const steps = [
  owner.map(allocate),
  fc.tuple(offset, owner, states).map((it) => claim(...it)),
  fc.tuple(offset, owner).map((it) => retire(...it)),
  fc.tuple(offset, owner).map((it) => release(...it)),
  fc.tuple(owner, fc.constantFrom("retire" as const, "release" as const)).map((it) => leave(...it)),
];

describe("an address range", () => {
  it("behaves like a table of owners, and its counts always add up to its capacity", () => {
    const start = fc.option(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
      nil: undefined,
    });
    fc.assert(
      fc.property(fc.commands(steps, { maxCommands: 60, size: "max" }), start, (commands, at) => {
        const reserved = [{ address: ip("10.0.0.3"), owner: "router" }];
        const real = range("10.0.0.0/29", at === undefined ? { reserved } : { reserved, random: () => at });
        const model: Model = {
          size: 8,
          entries: new Map([
            ["10.0.0.0", { owner: "network", state: "reserved" }],
            ["10.0.0.7", { owner: "broadcast", state: "reserved" }],
            ["10.0.0.3", { owner: "router", state: "reserved" }],
          ]),
        };
        checkWhole(model, real);
        fc.modelRun(() => ({ model, real }), commands);
        expect(real.status().capacity).toBe(8);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ["10.0.0.0/24", 256, 2],
    ["10.0.0.0/30", 4, 2],
    ["10.0.0.0/31", 2, 0],
    ["10.0.0.0/32", 1, 0],
    ["fd00::/120", 256, 2],
    ["fd00::/127", 2, 0],
    ["fd00::/128", 1, 0],
  ])("of %s has %i addresses and reserves %i ends", (cidr, capacity, reserved) => {
    expect(range(cidr).status()).toMatchObject({ capacity, reserved, free: capacity - reserved });
  });

  it("hands out the ends when it may", () => {
    const whole = range("10.0.0.0/30", { allowFirst: true, allowLast: true });
    const got = ["a", "b", "c", "d"].map((name) => formatAddress(whole.allocate(name)));
    expect(got).toEqual(["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    expect(range("10.0.0.0/30", { allowFirst: true }).status().reserved).toBe(1);
  });

  it("never hands out what is reserved, and passes over reservations elsewhere", () => {
    const reserved = ["10.0.0.1", "10.0.0.2", "10.0.0.1", "192.0.2.1", "::1"].map((it) => ({
      address: ip(it),
      owner: "node",
    }));
    const small = range("10.0.0.0/29", { reserved });
    expect(small.status()).toMatchObject({ reserved: 4, free: 4 });
    expect([1, 2, 3, 4].map((i) => formatAddress(small.allocate(`pod-${i}`)))).toEqual([
      "10.0.0.3",
      "10.0.0.4",
      "10.0.0.5",
      "10.0.0.6",
    ]);
    expect(() => small.allocate("pod-5")).toThrow(
      code("ERR_IPAM_EXHAUSTED", "10.0.0.0/29 (4 allocated, 4 reserved, 0 quarantined of 8)"),
    );
    expect(() => small.claim(ip("10.0.0.1"), "pod-5")).toThrow(
      code("ERR_IPAM_CONFLICT", "reserved for node"),
    );
    expect(small.release(ip("10.0.0.1"), "node")).toBe(false);
  });

  it("says who has an address that somebody else claims", () => {
    const tested = range("10.0.0.0/24");
    tested.claim(ip("10.0.0.9"), "web-0");
    expect(tested.claim(ip("10.0.0.9"), "web-0").equals(ip("10.0.0.9"))).toBe(true);
    expect(() => tested.claim(ip("10.0.0.9"), "db-0")).toThrow(
      code("ERR_IPAM_CONFLICT", "allocated to web-0"),
    );
    expect(() => tested.claim(ip("10.0.0.8"), "web-0")).toThrow(
      code("ERR_IPAM_CONFLICT", "which has 10.0.0.9"),
    );
    expect(() => tested.claim(ip("10.0.1.9"), "db-0")).toThrow(code("ERR_IPAM_OUT_OF_RANGE", "10.0.0.0/24"));
    tested.retire(ip("10.0.0.9"), "web-0");
    const error = expect.objectContaining({ code: "ERR_IPAM_CONFLICT", retryable: true });
    expect(() => tested.claim(ip("10.0.0.9"), "db-0")).toThrow(error);
    expect(tested.ownerOf(ip("10.0.0.9"))).toBe("web-0");
  });

  it("gives an owner a new address while its old one is quarantined", () => {
    const tested = range("10.0.0.0/24");
    const old = tested.allocate("web-0");
    tested.retire(old, "web-0");
    const fresh = tested.allocate("web-0");
    expect(fresh.equals(old)).toBe(false);
    expect(tested.status()).toMatchObject({ allocated: 1, quarantined: 1 });
    expect(tested.release(old, "web-0")).toBe(true);
    expect(tested.release(old, "web-0")).toBe(false);
    expect(tested.addressOf("web-0")?.equals(fresh)).toBe(true);
  });

  it("reuses an address only after all others that are free", () => {
    const tested = range("10.0.0.0/24", { random: () => 0.5 });
    const handed: string[] = [];
    for (let i = 0; i < 254 * 3; i++) {
      const address = tested.allocate(`pod-${i}`);
      handed.push(formatAddress(address));
      tested.release(address, `pod-${i}`);
    }
    for (let round = 0; round < 3; round++)
      expect(new Set(handed.slice(round * 254, (round + 1) * 254)).size).toBe(254);
  });

  it("begins its search at random and wraps round", () => {
    const tested = range("10.0.0.0/24", { random: () => 0.999 });
    expect(formatAddress(tested.allocate("a"))).toBe("10.0.0.1"); // .255 is reserved
    expect(formatAddress(range("10.0.0.0/24", { random: () => 0.25 }).allocate("a"))).toBe("10.0.0.64");
  });

  it("serves a /64 without holding a bitmap of it", () => {
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 0x7fff_ffff) / 0x7fff_ffff;
    const vast = range("fd00::/64", { random, reserved: [{ address: ip("fd00::1"), owner: "router" }] });
    expect(vast.status()).toEqual({
      capacity: 2 ** 32,
      allocated: 0,
      free: 2 ** 32 - 2,
      reserved: 2,
      quarantined: 0,
    });
    const seen = new Set<string>();
    for (let i = 0; i < 1000; i++) seen.add(formatAddress(vast.allocate(`pod-${i}`)));
    expect(seen.size).toBe(1000);
    for (const text of seen) expect(vast.release(ip(text), vast.ownerOf(ip(text))!)).toBe(true);
    expect(vast.status().free).toBe(2 ** 32 - 2);
    vast.claim(ip("fd00::abcd:1"), "web-0");
    expect(() => vast.claim(ip("fd00::1:0:0"), "db-0")).toThrow(code("ERR_IPAM_OUT_OF_RANGE"));
    expect(() => vast.claim(ip("fd00:0:0:1::1"), "db-0")).toThrow(code("ERR_IPAM_OUT_OF_RANGE"));
  });

  it("takes the next address after a taken one in a vast range too", () => {
    const vast = range("fd00::/64", { random: () => 0 });
    expect(formatAddress(vast.allocate("a"))).toBe("fd00::1"); // :: is reserved
    expect(formatAddress(vast.allocate("b"))).toBe("fd00::2");
  });

  it("does not confuse families", () => {
    expect(() => range("10.0.0.0/8").claim(new Address(0, 0, 0, 0x0a000001), "a")).toThrow(
      code("ERR_IPAM_OUT_OF_RANGE"),
    );
  });

  it("refuses owners without a name", () => {
    expect(() => range("10.0.0.0/24").allocate("")).toThrow(code("ERR_OPTIONS_INVALID", "the empty string"));
    expect(() => range("10.0.0.0/24").allocate(undefined as unknown as string)).toThrow(
      code("ERR_OPTIONS_INVALID"),
    );
  });
});
