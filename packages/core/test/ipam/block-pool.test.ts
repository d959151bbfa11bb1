import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type Cidr, compareCidrs, formatCidr, parseCidr } from "../../src/address/index.ts";
import { BlockPool } from "../../src/ipam/index.ts";
import { attempt } from "../address/arbitrary.ts";

const pool = (blockPrefix: number, ...cidrs: string[]): BlockPool =>
  new BlockPool(4, blockPrefix, cidrs.map(parseCidr));
const code = (expected: string, text = "") =>
  expect.objectContaining({ code: expected, message: expect.stringContaining(text) });

interface Held {
  readonly cidr: Cidr;
  readonly owner: string;
}

/** Who holds what, and nothing cleverer: every question is a scan. */
class Model {
  readonly cidrs: Cidr[] = [];
  held: Held[] = [];

  overlapping(cidr: Cidr): Held[] {
    return this.held.filter((it) => it.cidr.overlaps(cidr));
  }

  isBlock(cidr: Cidr): boolean {
    return cidr.prefix === 28 && this.cidrs.some((it) => it.containsCidr(cidr));
  }

  free(): Cidr[] {
    const blocks = this.cidrs.flatMap((it) =>
      Array.from({ length: it.subnetCount(28) }, (_, i) => it.subnet(28, i)),
    );
    return blocks.filter((block) => this.overlapping(block).length === 0);
  }
}

type Step = fc.Command<Model, BlockPool>;

function checkWhole(model: Model, real: BlockPool): void {
  const { capacity, allocated, free, withheld, orphans } = real.status();
  expect(allocated + free + withheld).toBe(capacity);
  expect(free).toBe(model.free().length);
  const entries = [...real.entries()];
  expect(entries.filter((it) => it.orphan)).toHaveLength(orphans);
  const describeEntry = ({ cidr, owner }: Held): string => `${formatCidr(cidr)} ${owner}`;
  expect(entries.map(describeEntry).sort()).toEqual(model.held.map(describeEntry).sort());
  for (const { cidr, owner, orphan } of entries) {
    expect(orphan).toBe(!model.isBlock(cidr));
    expect(real.ownerOf(cidr)).toBe(owner);
  }
  const sorted = entries.map((it) => it.cidr).sort(compareCidrs);
  for (const [i, cidr] of sorted.entries()) expect(sorted[i + 1]?.overlaps(cidr) ?? false).toBe(false);
}

function step(name: string, run: (model: Model, real: BlockPool) => void): Step {
  return {
    check: () => true,
    run(model, real) {
      run(model, real);
      checkWhole(model, real);
    },
    toString: () => name,
  };
}

const append = (cidr: Cidr): Step =>
  step(`append(${formatCidr(cidr)})`, (model, real) => {
    const overlaps = model.cidrs.some((it) => it.overlaps(cidr));
    expect(attempt(() => real.append(cidr))).toBe(overlaps ? "ERR_POOL_OVERLAP" : undefined);
    if (!overlaps) model.cidrs.push(cidr);
  });

const allocate = (owner: string): Step =>
  step(`allocate(${owner})`, (model, real) => {
    const free = model.free();
    const got = attempt(() => real.allocate(owner));
    if (typeof got === "string") {
      expect([got, free]).toEqual(["ERR_POOL_EXHAUSTED", []]);
      return;
    }
    expect(free.some((it) => it.equals(got))).toBe(true);
    model.held.push({ cidr: got, owner });
  });

const claim = (cidr: Cidr, owner: string): Step =>
  step(`claim(${formatCidr(cidr)}, ${owner})`, (model, real) => {
    const overlapping = model.overlapping(cidr);
    const mine = overlapping.some((it) => it.owner === owner && it.cidr.equals(cidr));
    const result = real.claim(cidr, owner);
    if (overlapping.length > 0 && !mine) {
      expect(result.outcome).toBe("conflict");
      const named = result as { cidr: Cidr; owner: string };
      expect(overlapping.some((it) => it.owner === named.owner && it.cidr.equals(named.cidr))).toBe(true);
      return;
    }
    expect(result).toEqual({ outcome: model.isBlock(cidr) ? "ok" : "orphan" });
    if (!mine) model.held.push({ cidr, owner });
  });

const release = (cidr: Cidr, owner: string): Step =>
  step(`release(${formatCidr(cidr)}, ${owner})`, (model, real) => {
    const kept = model.held.filter((it) => it.owner !== owner || !it.cidr.equals(cidr));
    expect(real.release(cidr, owner)).toBe(kept.length < model.held.length);
    model.held = kept;
  });

const releaseOne = (n: number): Step =>
  step(`release held number ${n}`, (model, real) => {
    const [held] = model.held.splice(n % Math.max(model.held.length, 1), 1);
    if (held !== undefined) expect(real.release(held.cidr, held.owner)).toBe(true);
  });

const universe = parseCidr("10.0.0.0/24");
const owner = fc.constantFrom("node-a", "node-b", "node-c");
const cidrOf = (prefixes: number[]): fc.Arbitrary<Cidr> =>
  fc
    .tuple(fc.constantFrom(...prefixes), fc.nat())
    .map(([prefix, n]) => universe.subnet(prefix, n % universe.subnetCount(prefix)));
const anyCidr = cidrOf([24, 26, 27, 28, 28, 28, 29, 30]);
const steps = [
  cidrOf([26, 27, 28]).map(append),
  owner.map(allocate),
  fc.tuple(anyCidr, owner).map((it) => claim(...it)),
  fc.tuple(anyCidr, owner).map((it) => release(...it)),
  fc.nat().map(releaseOne),
];

describe("a block pool", () => {
  it("never lets two owners hold overlapping CIDRs, whatever is appended, claimed and released", () => {
    fc.assert(
      fc.property(fc.commands(steps, { maxCommands: 60, size: "max" }), (commands) => {
        const [model, real] = [new Model(), new BlockPool(4, 28)];
        fc.modelRun(() => ({ model, real }), commands);
        expect(real.cidrs).toEqual(model.cidrs);
      }),
      { numRuns: 1000 },
    );
  });

  it("hands out every block once, in order", () => {
    const tested = pool(24, "10.0.0.0/22", "10.1.0.0/23");
    const blocks = Array.from({ length: 6 }, (_, i) => formatCidr(tested.allocate(`node-${i}`)));
    expect(blocks).toEqual([
      "10.0.0.0/24",
      "10.0.1.0/24",
      "10.0.2.0/24",
      "10.0.3.0/24",
      "10.1.0.0/24",
      "10.1.1.0/24",
    ]);
    expect(() => tested.allocate("node-6")).toThrow(
      code("ERR_POOL_EXHAUSTED", "no free /24 in 10.0.0.0/22, 10.1.0.0/23 (6 allocated, 0 withheld of 6)"),
    );
  });

  it("goes on after a CIDR is appended", () => {
    const tested = pool(24, "10.0.0.0/24");
    tested.allocate("node-a");
    expect(() => tested.allocate("node-b")).toThrow(code("ERR_POOL_EXHAUSTED"));
    tested.append(parseCidr("10.9.0.0/24"));
    expect(formatCidr(tested.allocate("node-b"))).toBe("10.9.0.0/24");
    expect(() => new BlockPool(4, 24).allocate("node-a")).toThrow(
      code("ERR_POOL_EXHAUSTED", "an empty pool"),
    );
  });

  it("takes a restart as it comes: blocks, orphans and conflicts", () => {
    const tested = pool(24, "10.0.0.0/16");
    expect(tested.claim(parseCidr("10.0.7.0/24"), "node-a")).toEqual({ outcome: "ok" });
    expect(tested.claim(parseCidr("10.0.7.0/24"), "node-a")).toEqual({ outcome: "ok" });
    expect(tested.claim(parseCidr("10.0.7.0/24"), "node-b")).toMatchObject({
      outcome: "conflict",
      owner: "node-a",
    });
    expect(tested.claim(parseCidr("192.168.0.0/24"), "node-b")).toEqual({ outcome: "orphan" });
    expect(tested.claim(parseCidr("10.0.0.0/23"), "node-c")).toEqual({ outcome: "orphan" });
    expect(tested.status()).toEqual({ capacity: 256, allocated: 1, free: 253, withheld: 2, orphans: 2 });
    expect(formatCidr(tested.allocate("node-d"))).toBe("10.0.2.0/24");
  });

  it("takes orphans in when their CIDR is appended after all", () => {
    const tested = pool(24, "10.0.0.0/16");
    tested.claim(parseCidr("10.1.0.0/24"), "node-a");
    tested.claim(parseCidr("10.1.1.0/25"), "node-b");
    tested.append(parseCidr("10.1.0.0/16"));
    expect(tested.status()).toMatchObject({ allocated: 1, withheld: 1, orphans: 1 });
    expect(tested.release(parseCidr("10.1.1.0/25"), "node-b")).toBe(true);
    expect(tested.status()).toMatchObject({ allocated: 1, withheld: 0, orphans: 0 });
  });

  it("frees only for the exact owner, once", () => {
    const tested = pool(24, "10.0.0.0/16");
    const block = tested.allocate("node-a");
    expect(tested.release(block, "node-b")).toBe(false);
    expect(tested.release(parseCidr("10.0.0.0/25"), "node-a")).toBe(false);
    expect(tested.release(block, "node-a")).toBe(true);
    expect(tested.release(block, "node-a")).toBe(false);
    expect(tested.ownerOf(block)).toBeUndefined();
  });

  it("reuses a block only after all others that are free", () => {
    const tested = pool(24, "10.0.0.0/22");
    tested.release(tested.allocate("node-a"), "node-a");
    const next = Array.from({ length: 4 }, (_, i) => formatCidr(tested.allocate(`node-${i}`)));
    expect(next.at(-1)).toBe("10.0.0.0/24");
  });

  it("carves IPv6 alike", () => {
    const tested = new BlockPool(6, 120, [parseCidr("fd00::/104")]);
    expect(tested.status().capacity).toBe(65_536);
    expect(formatCidr(tested.allocate("node-a"))).toBe("fd00::/120");
    expect(formatCidr(tested.allocate("node-b"))).toBe("fd00::100/120");
    expect(tested.claim(parseCidr("10.0.0.0/24"), "node-c")).toEqual({ outcome: "orphan" });
  });

  it("refuses CIDRs that it cannot carve", () => {
    expect(() => pool(24, "10.0.0.0/7")).toThrow(code("ERR_POOL_INVALID", "from /8 to /24"));
    expect(() => pool(24, "10.0.0.0/25")).toThrow(code("ERR_POOL_INVALID"));
    expect(() => pool(24, "fd00::/16")).toThrow(code("ERR_POOL_INVALID"));
    expect(() => pool(33)).toThrow(code("ERR_POOL_INVALID", "from 0 to 32"));
    expect(() => pool(24, "10.0.0.0/16", "10.0.128.0/17")).toThrow(code("ERR_POOL_OVERLAP", "10.0.0.0/16"));
    expect(() => pool(24, "10.0.0.0/24").allocate("")).toThrow(code("ERR_OPTIONS_INVALID"));
  });
});
