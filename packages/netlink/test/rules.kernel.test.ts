import { describe, expect, it } from "vitest";
import { addRule, type Rule, type RuleOptions, type Rtnl } from "../src/index.ts";
import { ip, scratch, thrown, unprivileged } from "./support/kernel.ts";

const own = (rtnl: Rtnl): Rule[] => rtnl.rules.list().filter(({ protocol }) => protocol !== "kernel");

const cases: { options: RuleOptions; theirs: Record<string, unknown> }[] = [
  {
    options: { from: "10.0.0.0/8", mark: 1, markMask: 0xff, table: 100, priority: 50 },
    theirs: {
      priority: 50,
      src: "10.0.0.0",
      srclen: 8,
      fwmark: "0x1",
      fwmask: "0xff",
      table: "100",
      protocol: "static",
    },
  },
  {
    options: {
      to: "192.0.2.1/32",
      inputDevice: "eth9",
      outputDevice: "eth8",
      table: 4_000_000_000,
      priority: 60,
    },
    theirs: { priority: 60, dst: "192.0.2.1", iif: "eth9", oif: "eth8", table: "4000000000" },
  },
  {
    options: { to: "fd00::/8", table: 2000, priority: 70, suppressPrefixLength: 8, protocol: "bgp" },
    theirs: { priority: 70, dst: "fd00::", dstlen: 8, table: "2000", suppress_prefixlen: 8, protocol: "bgp" },
  },
  {
    options: {
      family: 4,
      invert: true,
      ipProtocol: 6,
      sourcePorts: { first: 100, last: 200 },
      destinationPorts: { first: 80, last: 80 },
      userIds: { first: 0, last: 10 },
      action: "unreachable",
      priority: 80,
    },
    theirs: {
      priority: 80,
      not: null,
      ipproto: "tcp",
      sport_start: 100,
      sport_end: 200,
      dport: 80,
      action: "unreachable",
    },
  },
  {
    options: { family: 6, action: "blackhole", priority: 90 },
    theirs: { priority: 90, action: "blackhole" },
  },
  { options: { priority: 10, target: 32_766 }, theirs: { priority: 10, goto: 32_766 } },
];

describe.skipIf(unprivileged)("a rule", () => {
  it.each(cases)(
    "$theirs is added, listed, seen by ip, and deleted as it was listed",
    ({ options, theirs }) => {
      const { netns, rtnl } = scratch();
      rtnl.rules.add(options);
      const [rule, ...rest] = own(rtnl);
      expect(rest).toEqual([]);
      expect(rule).toMatchObject(options);
      const version = rule?.family === 6 ? "-6" : "-4";
      expect(ip(netns, version, "rule")).toContainEqual(expect.objectContaining(theirs));
      rtnl.rules.delete(rule as Rule);
      expect(own(rtnl)).toEqual([]);
    },
  );

  it("looks up the main table and belongs to IPv4 when nothing else is said", () => {
    const { rtnl } = scratch();
    rtnl.rules.add({ mark: 7 });
    expect(own(rtnl)).toMatchObject([
      { family: 4, action: "lookup", table: 254, mark: 7, protocol: "static" },
    ]);
  });

  it("is there in every namespace: those of the kernel", () => {
    const { rtnl } = scratch();
    expect(rtnl.rules.list({ family: 4 }).map(({ priority, table }) => [priority, table])).toEqual([
      [0, 255],
      [32_766, 254],
      [32_767, 253],
    ]);
    expect(rtnl.rules.list({ family: 6 }).map(({ family }) => family)).toEqual([6, 6]);
  });

  it("is not added twice, and not deleted twice", () => {
    const { rtnl } = scratch();
    const rule: RuleOptions = { from: "10.0.0.0/8", table: 100, priority: 50 };
    rtnl.rules.add(rule);
    expect(thrown(() => rtnl.rules.add(rule))).toMatchObject({
      code: "ERR_EXISTS",
      op: "add rule 50 from 10.0.0.0/8 to all",
    });
    rtnl.rules.delete({ priority: 50 });
    expect(thrown(() => rtnl.rules.delete({ priority: 50 }))).toMatchObject({ code: "ERR_NOT_FOUND" });
    // The other family has rules of its own.
    rtnl.rules.add({ family: 6, priority: 50, table: 100 });
    expect(thrown(() => rtnl.rules.delete({ priority: 50 }))).toMatchObject({ code: "ERR_NOT_FOUND" });
    rtnl.rules.delete({ family: 6, priority: 50 });
  });
});

describe("rules that cannot be", () => {
  it.each<[RuleOptions, string]>([
    [{ from: "10.0.0.1/8" }, '"10.0.0.1/8" is not a network'],
    [{ from: "10.0.0.0/8", to: "fd00::/8" }, '"fd00::/8" is not an IPv4 prefix'],
    [{ family: 6, from: "10.0.0.0/8" }, '"10.0.0.0/8" is not an IPv6 prefix'],
    [{ family: 5 as never }, "5 is not an IP version"],
    [{ destinationPorts: { first: 0, last: 1 } }, "0 is not a port"],
    [{ action: "dance" as never }, '"dance" is not a rule action'],
    [{ mark: 2 ** 32 }, "4294967296 is not a mark"],
  ])("%j", (options, text) => {
    expect(thrown(() => addRule(options))).toMatchObject({
      code: "ERR_INVALID",
      errno: undefined,
      message: expect.stringContaining(text),
    });
  });
});
