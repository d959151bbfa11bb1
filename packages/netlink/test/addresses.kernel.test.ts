import { describe, expect, it } from "vitest";
import { addAddress, type Address, type Rtnl } from "../src/index.ts";
import { eventually, ip, scratch, thrown, unprivileged } from "./support/kernel.ts";

interface IpAddress {
  readonly addr_info: readonly Record<string, unknown>[];
}

function withDevice(): ReturnType<typeof scratch> {
  const both = scratch();
  both.rtnl.links.create({ kind: "veth", name: "a", up: true, peer: { name: "b", up: true } });
  return both;
}

const seen = (netns: { readonly name: string }): Record<string, unknown>[] =>
  ip<IpAddress>(netns, "addr", "show", "dev", "a").flatMap(({ addr_info: info }) => info);

const chosen = (rtnl: Rtnl): Address[] =>
  rtnl.addresses.list({ device: "a" }).filter(({ address }) => !address.startsWith("fe80:"));

describe.skipIf(unprivileged)("addresses", () => {
  it("are added with all they can have, and ip sees the same", () => {
    const { netns, rtnl } = withDevice();
    const device = rtnl.links.get("a").index;
    rtnl.addresses.add({
      device: "a",
      address: "10.0.0.1/24",
      broadcast: "10.0.0.255",
      label: "a:x",
      metric: 7,
      protocol: 110,
      validLifetime: 1000,
      preferredLifetime: 500,
    });
    rtnl.addresses.add({ device, address: "10.0.1.1", peer: "10.0.1.2", scope: "link" });
    rtnl.addresses.add({ device, address: "fd00::1/64", noDad: true, noPrefixRoute: true });

    // The kernel keeps IPv4 addresses by scope, narrow ones first.
    const [peer, lease, six] = chosen(rtnl);
    expect(lease).toMatchObject({
      family: 4,
      device,
      address: "10.0.0.1/24",
      broadcast: "10.0.0.255",
      label: "a:x",
      metric: 7,
      protocol: 110,
      permanent: false,
      scope: "universe",
    });
    expect(lease?.validLifetime).toBeGreaterThan(990);
    expect(lease?.preferredLifetime).toBeLessThanOrEqual(500);
    expect(peer).toMatchObject({ address: "10.0.1.1/32", peer: "10.0.1.2", scope: "link", permanent: true });
    expect(peer?.protocol).toBe(0);
    expect(six).toMatchObject({ family: 6, address: "fd00::1/64", noPrefixRoute: true, tentative: false });

    const theirs = seen(netns);
    expect(theirs).toContainEqual(
      expect.objectContaining({
        local: "10.0.0.1",
        prefixlen: 24,
        broadcast: "10.0.0.255",
        label: "a:x",
        metric: 7,
      }),
    );
    expect(theirs).toContainEqual(
      expect.objectContaining({ local: "10.0.1.1", address: "10.0.1.2", scope: "link" }),
    );
    expect(theirs).toContainEqual(
      expect.objectContaining({ local: "fd00::1", prefixlen: 64, nodad: true, noprefixroute: true }),
    );
  });

  it("are listed by family and device", () => {
    const { rtnl } = withDevice();
    rtnl.links.set("lo", { up: true });
    rtnl.addresses.add({ device: "a", address: "10.0.0.1/24" });
    const texts = (list: Address[]): string[] => list.map(({ address }) => address);
    expect(texts(rtnl.addresses.list({ family: 4 }))).toEqual(["127.0.0.1/8", "10.0.0.1/24"]);
    expect(texts(rtnl.addresses.list({ device: "lo" }))).toEqual(["127.0.0.1/8", "::1/128"]);
    expect(texts(rtnl.addresses.list({ family: 6, device: 1 }))).toEqual(["::1/128"]);
    expect(rtnl.addresses.list({ family: 4, device: "lo" })[0]).toMatchObject({ scope: "host" });
  });

  it("on the loopback network belong to the host", () => {
    const { rtnl } = withDevice();
    rtnl.addresses.add({ device: "lo", address: "127.0.0.7/8" });
    expect(rtnl.addresses.list({ device: "lo" })[0]).toMatchObject({ address: "127.0.0.7/8", scope: "host" });
  });

  it("are replaced in place, and not added twice", () => {
    const { rtnl } = withDevice();
    rtnl.addresses.add({ device: "a", address: "10.0.0.1/24" });
    expect(thrown(() => rtnl.addresses.add({ device: "a", address: "10.0.0.1/24" }))).toMatchObject({
      code: "ERR_EXISTS",
      op: "add address 10.0.0.1/24",
    });
    rtnl.addresses.replace({ device: "a", address: "10.0.0.1/24", validLifetime: 100 });
    expect(chosen(rtnl)).toHaveLength(1);
    expect(chosen(rtnl)[0]).toMatchObject({ permanent: false });
  });

  it("are deleted as they were listed", () => {
    const { netns, rtnl } = withDevice();
    for (const address of ["10.0.0.1/24", "10.0.0.2/24", "fd00::1/64"])
      rtnl.addresses.add({ device: "a", address });
    rtnl.addresses.add({ device: "a", address: "10.0.1.1", peer: "10.0.1.2" });
    expect(chosen(rtnl).filter(({ secondary }) => secondary)).toMatchObject([{ address: "10.0.0.2/24" }]);
    for (const address of chosen(rtnl).reverse()) rtnl.addresses.delete(address);
    expect(seen(netns).filter(({ scope }) => scope === "global")).toEqual([]);
    expect(thrown(() => rtnl.addresses.delete({ device: "a", address: "10.0.0.1/24" }))).toMatchObject({
      code: "ERR_NOT_FOUND",
      errnoName: "EADDRNOTAVAIL",
    });
  });

  it("become usable after duplicate detection", async () => {
    const { rtnl } = withDevice();
    rtnl.addresses.add({ device: "a", address: "fd00::1/64" });
    expect(chosen(rtnl)[0]).toMatchObject({ tentative: true });
    await eventually(() => chosen(rtnl)[0]?.tentative === false);
  });

  it("of devices that are not there are errors", () => {
    const { rtnl } = withDevice();
    expect(thrown(() => rtnl.addresses.add({ device: "none", address: "10.0.0.1/24" }))).toMatchObject({
      code: "ERR_NOT_FOUND",
    });
    expect(thrown(() => rtnl.addresses.add({ device: 4711, address: "fd00::1/64" }))).toMatchObject({
      code: "ERR_NOT_FOUND",
      errnoName: "ENODEV",
    });
    expect(thrown(() => rtnl.addresses.list({ device: 4711 }))).toMatchObject({ code: "ERR_NOT_FOUND" });
  });
});

describe("addresses that cannot be", () => {
  it.each([
    [{ address: "10.0.0.1/33" }, '"10.0.0.1/33"'],
    [{ address: "banana" }, '"banana"'],
    [{ address: "10.0.0.1/24", peer: "fd00::1" }, '"fd00::1" is not of the same family as 10.0.0.1/24'],
    [{ address: "fd00::1/64", broadcast: "fd00::ff" }, "is not an IPv4 broadcast address"],
    [{ address: "10.0.0.1/24", validLifetime: -1 }, "-1 is not a lifetime in seconds"],
    [{ address: "10.0.0.1/24", scope: "galaxy" as never }, '"galaxy" is not a scope (universe, site'],
    [{ address: "10.0.0.1/24", device: -3 }, "-3 is not an interface index"],
  ])("%j", (options, text) => {
    expect(thrown(() => addAddress({ device: "a", ...options }))).toMatchObject({
      code: "ERR_INVALID",
      errno: undefined,
      message: expect.stringContaining(text),
    });
  });
});
