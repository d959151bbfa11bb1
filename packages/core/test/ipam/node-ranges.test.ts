import { NodeRanges, parseCidr } from "@netloom/core";
import { describe, expect, it } from "vitest";

const POOL = "default";
const four = { families: [4] } as const;

function ranges(): NodeRanges {
  const made = new NodeRanges({ backend: "test", router: "first", allowFirst: true, allowLast: true });
  for (const cidr of ["10.0.0.7/32", "10.0.1.0/28", "10.0.0.9/32"]) made.add(parseCidr(cidr), POOL);
  return made;
}

describe("the ranges of a node", () => {
  it("take the first address for the node where it is so wanted, also a single one", () => {
    expect(ranges().routers).toEqual(["10.0.0.7"]);
    expect(ranges().free(4, POOL)).toBe(16 + 1);
  });

  it("lose a range of which nothing is in use, and no other", () => {
    const made = ranges();
    const lease = made.allocate("web", four, POOL);
    expect(lease.addresses[0]).toMatch(/^10\.0\.1\./);
    const [router, used, idle] = made.cidrs.map(parseCidr);
    expect([router!, used!, idle!].map((cidr) => made.remove(cidr))).toEqual([false, false, true]);
    expect(made.cidrs).toEqual(["10.0.0.7/32", "10.0.1.0/28"]);
    made.retire(lease);
    expect(made.remove(used!), "some datapath may know it").toBe(false);
    made.release(lease);
    expect(made.remove(used!)).toBe(true);
    expect(made.remove(used!)).toBe(false);
    expect(made.free(4, POOL)).toBe(0);
  });

  it("say what is used of each of a few, and of all where they are many", () => {
    const full = (count: number): string => {
      const made = new NodeRanges({ backend: "test", router: "first", allowFirst: true, allowLast: true });
      for (let host = 0; host < count; host++) made.add(parseCidr(`10.0.0.${host}/32`), POOL);
      for (let pod = 1; pod < count; pod++) made.allocate(`web${pod}`, four, POOL);
      try {
        made.allocate("late", four, POOL);
      } catch (error) {
        return (error as Error).message;
      }
      throw new Error("there was room");
    };
    expect(full(2)).toContain(
      "(10.0.0.0/32: 0 of 1 allocated, 1 reserved, 0 quarantined; 10.0.0.1/32: 1 of 1 allocated, 0 reserved, 0 quarantined)",
    );
    expect(full(100)).toContain("(100 ranges: 99 of 100 allocated, 1 reserved, 0 quarantined)");
  });
});
