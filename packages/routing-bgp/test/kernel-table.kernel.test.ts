import { readFileSync } from "node:fs";
import { Netns, Rtnl } from "@netloom/netlink";
import { describe, expect, it, onTestFinished } from "vitest";
import { KernelRoutes } from "../src/kernel-routes.ts";
import { kernelRouteTable } from "../src/sys/kernel-table.ts";

const ADMIN = (1n << 12n) | (1n << 21n); // CAP_NET_ADMIN, CAP_SYS_ADMIN
const held = BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0"}`);
const unprivileged = (held & ADMIN) !== ADMIN;
if (unprivileged)
  console.warn("SKIPPED: learned routes in a kernel, because CAP_NET_ADMIN or CAP_SYS_ADMIN is missing");

/** A namespace with a link on which routers could be. */
function node(): { readonly netns: Netns; readonly rtnl: Rtnl } {
  const netns = Netns.createAnonymous();
  const rtnl = Rtnl.open({ netns });
  onTestFinished(() => {
    rtnl.close();
    netns.close();
  });
  rtnl.links.create({ kind: "veth", name: "up0", up: true, peer: { name: "up1", up: true } });
  rtnl.addresses.add({ device: "up0", address: "192.0.2.11/24" });
  rtnl.addresses.add({ device: "up0", address: "2001:db8::11/64" });
  return { netns, rtnl };
}

describe.skipIf(unprivileged)("learned routes in a kernel", () => {
  it("are installed with protocol bgp, changed and withdrawn, and others' left alone", async () => {
    const { netns, rtnl } = node();
    rtnl.routes.add({ to: "10.9.0.0/24", via: "192.0.2.9", metric: 179 });
    rtnl.routes.add({ to: "10.8.0.0/24", via: "192.0.2.9", protocol: "bgp", metric: 20 });
    await using table = kernelRouteTable({ netns });
    const routes = new KernelRoutes(table);
    expect(await routes.adopt()).toBe(0);
    routes.set("10.1.0.0/24", [{ via: "192.0.2.1" }]);
    routes.set("10.2.0.0/24", [{ via: "192.0.2.1" }, { via: "192.0.2.2" }]);
    routes.set("fd00:1::/64", [{ via: "2001:db8::1" }]);
    routes.set("10.3.0.0/24", [{ via: "fe80::1", device: "up0" }]);
    routes.set("10.9.0.0/24", [{ via: "192.0.2.1" }]);
    const refused = await routes.flush();
    expect(refused).toMatchObject([
      { write: { route: { prefix: "10.9.0.0/24" } }, error: { code: "ERR_EXISTS" } },
    ]);
    const ours = await table.list();
    expect(ours.toSorted((a, b) => (a.prefix < b.prefix ? -1 : 1))).toEqual([
      { prefix: "10.1.0.0/24", nextHops: [{ via: "192.0.2.1" }] },
      { prefix: "10.2.0.0/24", nextHops: [{ via: "192.0.2.1" }, { via: "192.0.2.2" }] },
      { prefix: "10.3.0.0/24", nextHops: [{ via: "fe80::1", device: "up0" }] },
      { prefix: "fd00:1::/64", nextHops: [{ via: "2001:db8::1" }] },
    ]);
    routes.set("10.9.0.0/24", []);
    routes.set("10.1.0.0/24", [{ via: "192.0.2.2" }]);
    await routes.flush();
    expect(rtnl.routes.lookup("10.1.0.7").via).toBe("192.0.2.2");
    routes.clear();
    expect(await routes.flush()).toEqual([]);
    expect(rtnl.routes.list({ protocol: "bgp" }).map(({ to }) => to)).toEqual(["10.8.0.0/24"]);
    expect(rtnl.routes.lookup("10.9.0.7").via).toBe("192.0.2.9");
  });

  it("of an earlier process are adopted, and swept where nobody wants them", async () => {
    const { netns, rtnl } = node();
    await using earlier = kernelRouteTable({ netns, table: 100 });
    const before = new KernelRoutes(earlier);
    before.set("10.1.0.0/24", [{ via: "192.0.2.1" }]);
    before.set("10.2.0.0/24", [{ via: "192.0.2.1" }]);
    before.set("fd00:1::/64", [{ via: "2001:db8::1" }]);
    expect(await before.flush()).toEqual([]);
    await using table = kernelRouteTable({ netns, table: 100 });
    const routes = new KernelRoutes(table);
    expect(await routes.adopt()).toBe(3);
    routes.set("10.1.0.0/24", [{ via: "192.0.2.1" }]);
    await routes.flush();
    expect(rtnl.routes.list({ table: 100 })).toHaveLength(3);
    routes.complete();
    expect(await routes.flush()).toEqual([]);
    expect(rtnl.routes.list({ table: 100 }).map(({ to }) => to)).toEqual(["10.1.0.0/24"]);
  });

  it("by a router beyond the link go the way that leads to it", async () => {
    const { netns, rtnl } = node();
    rtnl.routes.add({ to: "203.0.113.0/24", via: "192.0.2.1" });
    await using table = kernelRouteTable({ netns });
    const routes = new KernelRoutes(table);
    routes.set("10.1.0.0/24", [{ via: "203.0.113.5" }]);
    routes.set("10.2.0.0/24", [{ via: "198.51.100.5" }]);
    const refused = await routes.flush();
    expect(refused.map(({ write }) => write)).toMatchObject([{ route: { prefix: "10.2.0.0/24" } }]);
    expect(rtnl.routes.lookup("10.1.0.7").via).toBe("192.0.2.1");
  });

  it("by routers beyond the link are left as they are while the way there is the same, and follow it", async () => {
    const { netns, rtnl } = node();
    rtnl.routes.add({ to: "203.0.113.0/24", via: "192.0.2.1" });
    await using table = kernelRouteTable({ netns });
    const routes = new KernelRoutes(table);
    routes.set("10.1.0.0/24", [{ via: "203.0.113.5" }]);
    routes.set("10.2.0.0/24", [{ via: "203.0.113.5" }, { via: "192.0.2.3" }]);
    await routes.flush();
    expect(await routes.audit()).toBe(0);
    rtnl.routes.replace({ to: "203.0.113.0/24", via: "192.0.2.2" });
    expect(await routes.audit()).toBe(2);
    expect(await routes.flush()).toEqual([]);
    expect(rtnl.routes.lookup("10.1.0.7").via).toBe("192.0.2.2");
    expect(await routes.audit()).toBe(0);
    // Somebody else's hand.
    rtnl.routes.replace({ to: "10.1.0.0/24", via: "192.0.2.9", protocol: "bgp", metric: 179 });
    expect(await routes.audit()).toBe(1);
    expect(await routes.flush()).toEqual([]);
    expect(rtnl.routes.lookup("10.1.0.7").via).toBe("192.0.2.2");
  });

  it("lost with their device are found by an audit", async () => {
    const { netns, rtnl } = node();
    await using table = kernelRouteTable({ netns });
    const routes = new KernelRoutes(table);
    routes.set("10.1.0.0/24", [{ via: "192.0.2.1" }]);
    await routes.flush();
    await rtnl.links.setAsync("up0", { up: false });
    await rtnl.links.setAsync("up0", { up: true });
    expect(await routes.audit()).toBe(1);
    expect(await routes.flush()).toEqual([]);
    expect(rtnl.routes.lookup("10.1.0.7").via).toBe("192.0.2.1");
  });

  it("by the thousands come and go in batches", async () => {
    const { netns, rtnl } = node();
    await using table = kernelRouteTable({ netns });
    const routes = new KernelRoutes(table);
    for (let index = 0; index < 5000; index += 1) {
      routes.set(`10.${100 + (index >> 8)}.${index & 255}.0/24`, [{ via: "192.0.2.1" }]);
    }
    expect(await routes.flush()).toEqual([]);
    expect(rtnl.routes.list({ protocol: "bgp" })).toHaveLength(5000);
    routes.clear();
    expect(await routes.flush()).toEqual([]);
    expect(rtnl.routes.list({ protocol: "bgp" })).toEqual([]);
  });
});
