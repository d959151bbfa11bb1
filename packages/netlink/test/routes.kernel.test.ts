import { describe, expect, it } from "vitest";
import { addRoute, LOCAL_TABLE, type Route, type RouteOptions, type Rtnl } from "../src/index.ts";
import { ip, scratch, thrown, unprivileged } from "./support/kernel.ts";

function withDevice(): ReturnType<typeof scratch> {
  const both = scratch();
  both.rtnl.links.create({ kind: "veth", name: "a", up: true, peer: { name: "b", up: true } });
  both.rtnl.addresses.add({ device: "a", address: "10.0.0.1/24" });
  both.rtnl.addresses.add({ device: "a", address: "fd00::1/64", noDad: true });
  return both;
}

/** What the tests made, without what the kernel did on its own. */
const own = (rtnl: Rtnl): Route[] =>
  rtnl.routes.list({ table: "all" }).filter(({ protocol }) => protocol !== "kernel");

interface Case {
  readonly options: RouteOptions;
  /** What ip says of it. */
  readonly theirs: Record<string, unknown>;
}

const cases: Case[] = [
  {
    options: {
      to: "10.1.0.0/16",
      via: "10.0.0.2",
      device: "a",
      metric: 5,
      mtu: 1400,
      advertisedMss: 1360,
      source: "10.0.0.1",
    },
    theirs: {
      dst: "10.1.0.0/16",
      gateway: "10.0.0.2",
      dev: "a",
      metric: 5,
      prefsrc: "10.0.0.1",
      protocol: "static",
      metrics: [{ mtu: 1400, advmss: 1360 }],
    },
  },
  { options: { to: "0.0.0.0/0", via: "10.0.0.2" }, theirs: { dst: "default", gateway: "10.0.0.2" } },
  { options: { to: "10.2.0.1", device: "a" }, theirs: { dst: "10.2.0.1", scope: "link" } },
  {
    options: { to: "10.3.0.0/16", device: "a", table: 4_000_000_000, protocol: "bgp", scope: "universe" },
    theirs: { dst: "10.3.0.0/16", table: "4000000000", protocol: "bgp", scope: "global" },
  },
  {
    options: { to: "10.4.0.0/16", via: "99.0.0.1", device: "a", onlink: true },
    theirs: { dst: "10.4.0.0/16", gateway: "99.0.0.1", flags: ["onlink"] },
  },
  { options: { to: "10.5.0.0/16", type: "blackhole" }, theirs: { dst: "10.5.0.0/16", type: "blackhole" } },
  {
    options: { to: "10.5.1.0/24", type: "unreachable" },
    theirs: { dst: "10.5.1.0/24", type: "unreachable" },
  },
  {
    options: { to: "10.6.0.0/16", type: "local", device: "lo", table: 100, protocol: 77 },
    theirs: { dst: "10.6.0.0/16", type: "local", table: "100", scope: "host", protocol: "77" },
  },
  {
    options: { to: "10.7.0.0/16", via: "fd00::2", device: "a" },
    theirs: { dst: "10.7.0.0/16", via: { family: "inet6", host: "fd00::2" } },
  },
  {
    options: {
      to: "10.8.0.0/16",
      multipath: [
        { via: "10.0.0.2", device: "a" },
        { via: "99.0.0.3", device: "a", weight: 3, onlink: true },
      ],
    },
    theirs: {
      dst: "10.8.0.0/16",
      nexthops: [
        { gateway: "10.0.0.2", dev: "a", weight: 1, flags: [] },
        { gateway: "99.0.0.3", dev: "a", weight: 3, flags: ["onlink"] },
      ],
    },
  },
  {
    options: { to: "fd01::/48", via: "fd00::2", device: "a", metric: 100, mtu: 1400, source: "fd00::1" },
    theirs: {
      dst: "fd01::/48",
      gateway: "fd00::2",
      metric: 100,
      prefsrc: "fd00::1",
      metrics: [{ mtu: 1400 }],
    },
  },
  {
    options: { to: "::/0", via: "fd00::2", device: "a" },
    theirs: { dst: "default", gateway: "fd00::2", metric: 1024 },
  },
  { options: { to: "fd02::1", device: "a", table: 300 }, theirs: { dst: "fd02::1", dev: "a", table: "300" } },
  {
    options: { to: "fd03::/64", type: "blackhole" },
    theirs: { dst: "fd03::/64", type: "blackhole", dev: "lo" },
  },
  {
    options: {
      to: "fd04::/64",
      multipath: [
        { via: "fd00::2", device: "a" },
        { via: "fd00::3", device: "a", weight: 2 },
      ],
    },
    theirs: {
      dst: "fd04::/64",
      nexthops: [
        { gateway: "fd00::2", dev: "a", weight: 1, flags: [] },
        { gateway: "fd00::3", dev: "a", weight: 2, flags: [] },
      ],
    },
  },
];

describe.skipIf(unprivileged)("a route", () => {
  it.each(cases)(
    "$theirs is added, listed, seen by ip, and deleted as it was listed",
    ({ options, theirs }) => {
      const { netns, rtnl } = withDevice();
      rtnl.links.set("lo", { up: true });
      rtnl.routes.add(options);
      const device = options.device === undefined ? undefined : rtnl.links.get(options.device).index;
      const [route, ...rest] = own(rtnl);
      expect(rest).toEqual([]);
      const slash = options.to.includes(":") ? "/128" : "/32";
      const { multipath, ...plain } = options;
      expect(route).toMatchObject({
        ...plain,
        to: options.to.includes("/") ? options.to : options.to + slash,
        ...(device === undefined ? {} : { device }),
        table: options.table ?? 254,
      });
      expect(route?.multipath?.map(({ via, weight }) => ({ via, weight }))).toEqual(
        multipath?.map(({ via, weight = 1 }) => ({ via, weight })),
      );
      const version = options.to.includes(":") ? "-6" : "-4";
      expect(ip(netns, version, "route", "show", "table", "all")).toContainEqual(
        expect.objectContaining(theirs),
      );
      rtnl.routes.delete(route as Route);
      expect(own(rtnl)).toEqual([]);
    },
  );

  it("is deleted by its destination alone", () => {
    const { rtnl } = withDevice();
    rtnl.routes.add({ to: "10.1.0.0/16", via: "10.0.0.2", metric: 5, protocol: "bgp" });
    rtnl.routes.add({ to: "fd01::/64", via: "fd00::2", device: "a", metric: 5, protocol: "bgp" });
    rtnl.routes.delete({ to: "10.1.0.0/16" });
    rtnl.routes.delete({ to: "fd01::/64" });
    expect(own(rtnl)).toEqual([]);
    expect(thrown(() => rtnl.routes.delete({ to: "10.1.0.0/16" }))).toMatchObject({
      code: "ERR_NOT_FOUND",
      errnoName: "ESRCH",
    });
  });

  it("is not deleted when what is named differs", () => {
    const { rtnl } = withDevice();
    rtnl.routes.add({ to: "10.1.0.0/16", via: "10.0.0.2", metric: 5, protocol: "bgp" });
    for (const other of [
      { via: "10.0.0.3" },
      { metric: 6 },
      { protocol: "static" as const },
      { table: 7 },
      { scope: "link" as const },
    ])
      expect(thrown(() => rtnl.routes.delete({ to: "10.1.0.0/16", ...other }))).toMatchObject({
        code: "ERR_NOT_FOUND",
      });
    expect(own(rtnl)).toHaveLength(1);
  });

  it("is replaced, or added when it is new, but not added twice", () => {
    const { netns, rtnl } = withDevice();
    for (const [to, first, second] of [
      ["10.1.0.0/16", "10.0.0.2", "10.0.0.3"],
      ["fd01::/64", "fd00::2", "fd00::3"],
    ] as const) {
      rtnl.routes.replace({ to, via: first, device: "a" });
      expect(thrown(() => rtnl.routes.add({ to, via: second, device: "a" }))).toMatchObject({
        code: "ERR_EXISTS",
        op: `add route ${to}`,
      });
      rtnl.routes.replace({ to, via: second, device: "a" });
      const version = to.includes(":") ? "-6" : "-4";
      expect(ip(netns, version, "route", "show", to)).toMatchObject([{ gateway: second }]);
    }
  });

  it("that no gateway leads to fails with the kernel's words", () => {
    const { rtnl } = withDevice();
    const error = thrown(() => rtnl.routes.add({ to: "10.1.0.0/16", via: "99.0.0.1" }));
    expect(error).toMatchObject({
      code: "ERR_SYSCALL",
      errnoName: "ENETUNREACH",
      kernelMessage: "Nexthop has invalid gateway",
      hint: expect.stringContaining("onlink"),
    });
    expect(own(rtnl)).toEqual([]);
  });

  it("can be asked for by destination", () => {
    const { rtnl } = withDevice();
    rtnl.routes.add({ to: "10.1.0.0/16", via: "10.0.0.2" });
    rtnl.routes.add({ to: "10.1.0.0/16", type: "unreachable", table: 100 });
    rtnl.rules.add({ mark: 7, table: 100 });
    expect(rtnl.routes.lookup("10.1.2.3")).toMatchObject({
      to: "10.1.2.3/32",
      via: "10.0.0.2",
      source: "10.0.0.1",
      table: 254,
    });
    expect(rtnl.routes.lookup("fd00::9")).toMatchObject({
      device: rtnl.links.get("a").index,
      source: "fd00::1",
    });
    expect(rtnl.routes.lookup("10.0.0.1")).toMatchObject({ type: "local", table: LOCAL_TABLE });
    expect(thrown(() => rtnl.routes.lookup("10.1.2.3", { mark: 7 }))).toMatchObject({
      errnoName: "EHOSTUNREACH",
    });
    expect(thrown(() => rtnl.routes.lookup("10.9.0.1"))).toMatchObject({ errnoName: "ENETUNREACH" });
    expect(rtnl.routes.lookup("10.0.0.9", { source: "10.0.0.1", device: "a" })).toMatchObject({
      from: "10.0.0.1/32",
    });
  });
});

describe.skipIf(unprivileged)("a list of routes", () => {
  it("is limited to what is asked for", () => {
    const { rtnl } = withDevice();
    rtnl.links.create({ kind: "veth", name: "c", up: true, peer: { name: "d", up: true } });
    rtnl.routes.add({ to: "10.1.0.0/16", device: "a", table: 1000, protocol: "bgp" });
    rtnl.routes.add({ to: "10.2.0.0/16", device: "c", protocol: "bgp" });
    rtnl.routes.add({ to: "fd01::/64", device: "c", table: 1000 });
    const of = (options: Parameters<typeof rtnl.routes.list>[0]): string[] =>
      rtnl.routes.list(options).map(({ to }) => to);
    expect(of({ table: 1000 })).toEqual(["10.1.0.0/16", "fd01::/64"]);
    expect(of({ table: 1000, family: 6 })).toEqual(["fd01::/64"]);
    expect(of({ protocol: "bgp" })).toEqual(["10.2.0.0/16"]);
    expect(of({ table: "all", protocol: "bgp" })).toEqual(["10.1.0.0/16", "10.2.0.0/16"]);
    expect(of({ device: "c", family: 4 })).toEqual(["10.2.0.0/16"]);
    expect(of({ family: 4 })).toEqual(["10.0.0.0/24", "10.2.0.0/16"]);
  });

  it("is empty for a table that does not exist", () => {
    const { rtnl } = withDevice();
    expect(rtnl.routes.list({ table: 77_777 })).toEqual([]);
  });
});

describe.skipIf(unprivileged)("routes into a tunnel", () => {
  it("say where its packets go, as ip reads it", () => {
    const { rtnl, netns } = scratch();
    rtnl.links.create({ kind: "vxlan", name: "vx", external: true, port: 8472, learning: false, up: true });
    const encap = { id: 6, to: "192.0.2.1" };
    rtnl.routes.add({ to: "10.9.0.0/24", device: "vx", encap });
    expect(ip(netns, "route", "show", "10.9.0.0/24")).toMatchObject([
      { encap: "ip", id: 6, dst: "192.0.2.1" },
    ]);
    const route = rtnl.routes.list().find(({ to }) => to === "10.9.0.0/24");
    expect(route?.encap).toEqual({ ...encap, from: undefined, ttl: 0, tos: 0 });
    rtnl.routes.replace({ to: "10.9.0.0/24", device: "vx", encap: { id: 7, to: "192.0.2.2", ttl: 9 } });
    expect(rtnl.routes.list().find(({ to }) => to === "10.9.0.0/24")?.encap).toMatchObject({ id: 7, ttl: 9 });
    rtnl.routes.delete({ to: "10.9.0.0/24" });
    expect(rtnl.routes.list().filter(({ to }) => to === "10.9.0.0/24")).toEqual([]);
  });
});

describe("routes that cannot be", () => {
  it.each<[RouteOptions, string]>([
    [{ to: "10.0.0.1/24" }, '"10.0.0.1/24" is not a network'],
    [{ to: "default" }, '"default" is not'],
    [{ to: "10.0.0.0/8", via: "gateway" }, '"gateway" is not'],
    [{ to: "fd00::/8", via: "10.0.0.1" }, '"10.0.0.1" is not an IPv6 gateway'],
    [{ to: "10.0.0.0/8", source: "fd00::1" }, '"fd00::1" is not an IPv4 address'],
    [{ to: "10.0.0.0/8", table: 0 }, "0 is not a routing table"],
    [{ to: "10.0.0.0/8", protocol: "carrier-pigeon" as never }, '"carrier-pigeon" is not a route protocol'],
    [{ to: "10.0.0.0/8", type: 300 }, "300 is not a route type"],
    [{ to: "10.0.0.0/8", multipath: [] }, "is not a list of at least one next hop"],
    [{ to: "10.0.0.0/8", multipath: [{ weight: 257 }] }, "257 is not a weight"],
    [{ to: "10.0.0.0/8", mtu: Number.NaN }, "NaN is not an mtu"],
    [{ to: "10.0.0.0/8", encap: { to: "node2" } }, '"node2" is not'],
    [{ to: "10.0.0.0/8", encap: { to: "10.0.0.1", from: "fd00::1" } }, "as the tunnel's other end"],
  ])("%j", (options, text) => {
    expect(thrown(() => addRoute(options))).toMatchObject({
      code: "ERR_INVALID",
      errno: undefined,
      op: `add route ${options.to}`,
      message: expect.stringContaining(text),
    });
  });
});
