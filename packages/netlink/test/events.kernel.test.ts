import { describe, expect, it } from "vitest";
import { addRoute, type Request, type RtnlEvent, type Subscription } from "../src/index.ts";
import { openDescriptors, scratch, unprivileged } from "./support/kernel.ts";

/** Reads until `done` says so. */
async function until(subscription: Subscription, done: (event: RtnlEvent) => boolean): Promise<RtnlEvent[]> {
  const seen: RtnlEvent[] = [];
  for (;;) {
    const { value } = await subscription.next();
    if (value === undefined) return seen;
    seen.push(value);
    if (done(value)) return seen;
  }
}

const routes = (count: number): Request[] =>
  Array.from({ length: count }, (_, at) =>
    addRoute({ to: `10.${at >> 8}.${at & 255}.0/24`, type: "blackhole" }),
  );

describe.skipIf(unprivileged)("events of the kernel", () => {
  it("tell the life of a device with all that hangs on it", async () => {
    const { rtnl } = scratch();
    using events = rtnl.subscribe(["link", "address", "route", "rule", "neighbour"]);
    rtnl.links.create({ kind: "veth", name: "a", up: true, peer: { name: "b", up: true } });
    rtnl.addresses.add({ device: "a", address: "10.0.0.1/24" });
    rtnl.addresses.add({ device: "a", address: "fd00::1/64", noDad: true });
    rtnl.routes.add({ to: "10.1.0.0/16", via: "10.0.0.2" });
    rtnl.routes.add({ to: "fd01::/64", via: "fd00::2", device: "a" });
    rtnl.neighbours.add({ device: "a", address: "10.0.0.9", mac: "02:00:00:00:00:09" });
    rtnl.rules.add({ from: "10.0.0.0/8", table: 100 });
    rtnl.rules.add({ from: "fd00::/8", table: 100 });
    rtnl.rules.delete({ from: "10.0.0.0/8", table: 100 });
    // The kernel announces an IPv6 address from a work queue, at its leisure: wait for it before it is gone.
    const born = await until(
      events,
      (event) => event.type === "address:changed" && event.address.address === "fd00::1/64",
    );
    rtnl.links.delete("a");
    const gone = await until(events, (event) => event.type === "link:deleted" && event.link.name === "a");
    const seen = [...born, ...gone];
    const expected: Record<string, unknown>[] = [
      { type: "link:changed", link: expect.objectContaining({ name: "a", kind: "veth" }) },
      { type: "address:changed", address: expect.objectContaining({ address: "10.0.0.1/24" }) },
      { type: "address:changed", address: expect.objectContaining({ address: "fd00::1/64" }) },
      { type: "route:changed", route: expect.objectContaining({ to: "10.1.0.0/16", via: "10.0.0.2" }) },
      { type: "route:changed", route: expect.objectContaining({ to: "fd01::/64", via: "fd00::2" }) },
      { type: "neighbour:changed", neighbour: expect.objectContaining({ address: "10.0.0.9" }) },
      { type: "rule:changed", rule: expect.objectContaining({ from: "10.0.0.0/8" }) },
      { type: "rule:changed", rule: expect.objectContaining({ from: "fd00::/8" }) },
      { type: "rule:deleted", rule: expect.objectContaining({ from: "10.0.0.0/8" }) },
      { type: "address:deleted", address: expect.objectContaining({ address: "10.0.0.1/24" }) },
      { type: "neighbour:deleted", neighbour: expect.objectContaining({ address: "10.0.0.9" }) },
    ];
    for (const event of expected) expect(seen).toContainEqual(event);
  });

  it("do not take a port that leaves its bridge for a device that goes", async () => {
    const { rtnl } = scratch();
    rtnl.links.create({ kind: "bridge", name: "br0", up: true });
    rtnl.links.create({ kind: "veth", name: "a", up: true, master: "br0", peer: { name: "b" } });
    using events = rtnl.subscribe(["link"]);
    rtnl.links.set("a", { master: null });
    rtnl.links.set("lo", { up: true });
    const seen = await until(events, (event) => event.type === "link:changed" && event.link.name === "lo");
    expect(seen.filter(({ type }) => type === "link:deleted")).toEqual([]);
    expect(seen.length).toBeGreaterThan(1);
  });

  it("come only from groups that were asked for, and only from this namespace", async () => {
    const one = scratch();
    const two = scratch();
    using events = one.rtnl.subscribe(["rule"]);
    two.rtnl.rules.add({ priority: 5, mark: 5 });
    one.rtnl.links.set("lo", { up: true });
    one.rtnl.rules.add({ priority: 6, mark: 6 });
    expect((await events.next()).value).toMatchObject({ type: "rule:changed", rule: { mark: 6 } });
  });

  it("that the reader was too slow for are marked, and listing again makes up for them", async () => {
    const { rtnl } = scratch();
    using events = rtnl.subscribe(["route"], { receiveBuffer: 64 * 1024 });
    rtnl.batch(routes(5000));
    const first = await events.next();
    expect(first.value).toEqual({ type: "resync" });
    expect(rtnl.routes.list()).toHaveLength(5000);
    rtnl.routes.add({ to: "192.0.2.0/24", type: "blackhole" });
    const seen = await until(
      events,
      (event) => event.type === "route:changed" && event.route.to === "192.0.2.0/24",
    );
    expect(seen).toHaveLength(1);
  });

  it("fit the default buffer a thousand and more at a time", async () => {
    const { rtnl } = scratch();
    using events = rtnl.subscribe(["route"]);
    rtnl.batch(routes(2000));
    const seen = await until(
      events,
      (event) => event.type === "route:changed" && event.route.to === "10.7.207.0/24",
    );
    expect(seen).toHaveLength(2000);
  });

  it("end with their signal, and leave no descriptor", async () => {
    const { rtnl } = scratch();
    const before = openDescriptors();
    const abort = new AbortController();
    const types: string[] = [];
    setTimeout(() => {
      rtnl.links.set("lo", { up: true });
      setTimeout(() => {
        abort.abort();
      }, 20);
    }, 20);
    for await (const { type } of rtnl.subscribe(["link"], { signal: abort.signal })) types.push(type);
    expect(types).toContain("link:changed");
    expect(openDescriptors()).toBe(before);
  });

  it("go on when the handle they came from is closed", async () => {
    const { netns, rtnl } = scratch();
    using events = rtnl.subscribe(["link"]);
    rtnl.close();
    const waiting = events.next();
    await netns.exec("ip", ["link", "set", "lo", "up"]);
    expect((await waiting).value).toMatchObject({ type: "link:changed", link: { name: "lo", up: true } });
  });
});
