import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { addFdbEntry, addNeighbour, type Neighbour, type Rtnl } from "../src/index.ts";
import { ip, scratch, thrown, unprivileged } from "./support/kernel.ts";

const MAC = "02:00:00:00:00:09";

function withDevice(): ReturnType<typeof scratch> {
  const both = scratch();
  both.rtnl.links.create({ kind: "veth", name: "a", up: true, peer: { name: "b", up: true } });
  return both;
}

/** Without the multicast entries that the kernel makes on its own. */
const own = (rtnl: Rtnl): Neighbour[] =>
  rtnl.neighbours.list({ device: "a" }).filter(({ state }) => state !== "noarp");

describe.skipIf(unprivileged)("a neighbour", () => {
  it.each(["10.0.0.9", "fd00::9"])(
    "%s is added for good, listed, seen by ip, and deleted as it was listed",
    (address) => {
      const { netns, rtnl } = withDevice();
      rtnl.neighbours.add({ device: "a", address, mac: MAC });
      const [neighbour, ...rest] = own(rtnl);
      expect(rest).toEqual([]);
      expect(neighbour).toMatchObject({ address, mac: MAC, state: "permanent", proxy: false });
      expect(ip(netns, "neigh")).toContainEqual(
        expect.objectContaining({ dst: address, dev: "a", lladdr: MAC, state: ["PERMANENT"] }),
      );
      rtnl.neighbours.delete(neighbour as Neighbour);
      expect(own(rtnl)).toEqual([]);
      expect(thrown(() => rtnl.neighbours.delete({ device: "a", address }))).toMatchObject({
        code: "ERR_NOT_FOUND",
      });
    },
  );

  it("may be in other states, a router, or of a control plane", () => {
    const { netns, rtnl } = withDevice();
    rtnl.neighbours.add({
      device: "a",
      address: "fd00::9",
      mac: MAC,
      state: "reachable",
      router: true,
      external: true,
    });
    expect(own(rtnl)).toMatchObject([{ state: "reachable", router: true, external: true }]);
    expect(ip(netns, "-6", "neigh")).toContainEqual(
      expect.objectContaining({ dst: "fd00::9", router: null, extern_learn: null }),
    );
  });

  it("is overwritten by replace, but not by add", () => {
    const { rtnl } = withDevice();
    const options = { device: "a", address: "10.0.0.9", mac: MAC };
    rtnl.neighbours.replace(options);
    expect(thrown(() => rtnl.neighbours.add(options))).toMatchObject({
      code: "ERR_EXISTS",
      op: "add neighbour 10.0.0.9",
    });
    rtnl.neighbours.replace({ ...options, mac: "02:00:00:00:00:0a" });
    expect(own(rtnl)).toMatchObject([{ mac: "02:00:00:00:00:0a" }]);
  });

  it("that we answer for lives in a table of its own", () => {
    const { netns, rtnl } = withDevice();
    rtnl.neighbours.add({ device: "a", address: "10.0.0.10", proxy: true });
    expect(own(rtnl)).toEqual([]);
    const [proxy] = rtnl.neighbours.list({ proxy: true });
    expect(proxy).toMatchObject({ address: "10.0.0.10", proxy: true });
    expect(ip(netns, "neigh", "show", "proxy")).toMatchObject([{ dst: "10.0.0.10", dev: "a" }]);
    rtnl.neighbours.delete(proxy as Neighbour);
    expect(rtnl.neighbours.list({ proxy: true })).toEqual([]);
  });

  it("is listed by family and device", () => {
    const { rtnl } = withDevice();
    rtnl.neighbours.add({ device: "a", address: "10.0.0.9", mac: MAC });
    rtnl.neighbours.add({ device: "b", address: "10.0.0.9", mac: MAC });
    rtnl.neighbours.add({ device: "a", address: "fd00::9", mac: MAC });
    const index = rtnl.links.get("a").index;
    const four = rtnl.neighbours
      .list({ family: 4, device: index })
      .filter(({ state }) => state === "permanent");
    expect(four.map(({ device, address }) => [device, address])).toEqual([[index, "10.0.0.9"]]);
    expect(rtnl.neighbours.list().filter(({ state }) => state === "permanent")).toHaveLength(3);
  });

  it("that cannot be is refused before anything is sent", () => {
    expect(thrown(() => addNeighbour({ device: "a", address: "10.0.0", mac: MAC }))).toMatchObject({
      code: "ERR_INVALID",
    });
    expect(thrown(() => addNeighbour({ device: "a", address: "10.0.0.1", mac: "MAC" }))).toMatchObject({
      code: "ERR_INVALID",
    });
    expect(
      thrown(() => addNeighbour({ device: "a", address: "10.0.0.1", state: "bored" as never })),
    ).toMatchObject({
      code: "ERR_INVALID",
      message: expect.stringContaining('"bored" is not a neighbour state'),
    });
  });
});

describe.skipIf(unprivileged)("forwarding entries", () => {
  const fdb = (netns: { readonly name: string }, device: string): Record<string, unknown>[] =>
    JSON.parse(
      execFileSync("bridge", ["-j", "-n", netns.name, "fdb", "show", "dev", device], { encoding: "utf8" }),
    ) as Record<string, unknown>[];

  it("of a VXLAN device lead to tunnel ends, several for what is flooded", () => {
    const { netns, rtnl } = withDevice();
    rtnl.links.create({ kind: "vxlan", name: "vx0", vni: 42, learning: false });
    const flood = { device: "vx0", mac: "00:00:00:00:00:00" };
    rtnl.fdb.append({ ...flood, remote: "192.0.2.1" });
    rtnl.fdb.append({ ...flood, remote: "192.0.2.2", vni: 7, port: 8472, via: "a" });
    rtnl.fdb.add({ device: "vx0", mac: MAC, remote: "192.0.2.1" });
    const entries = rtnl.fdb.list({ device: "vx0" });
    const device = rtnl.links.get("vx0").index;
    expect(entries).toContainEqual({
      device,
      mac: flood.mac,
      remote: "192.0.2.2",
      vni: 7,
      port: 8472,
      via: rtnl.links.get("a").index,
      vlan: undefined,
      master: undefined,
      state: "permanent",
      table: "self",
      external: false,
    });
    expect(fdb(netns, "vx0")).toContainEqual(
      expect.objectContaining({ mac: flood.mac, dst: "192.0.2.2", vni: 7, port: 8472, viaIf: "a" }),
    );
    expect(fdb(netns, "vx0")).toContainEqual(expect.objectContaining({ mac: MAC, dst: "192.0.2.1" }));

    expect(thrown(() => rtnl.fdb.add({ device: "vx0", mac: MAC, remote: "192.0.2.1" }))).toMatchObject({
      code: "ERR_EXISTS",
    });
    rtnl.fdb.replace({ device: "vx0", mac: MAC, remote: "192.0.2.9" });
    expect(fdb(netns, "vx0")).toContainEqual(expect.objectContaining({ mac: MAC, dst: "192.0.2.9" }));
    for (const entry of rtnl.fdb.list({ device: "vx0" })) rtnl.fdb.delete(entry);
    expect(fdb(netns, "vx0")).toEqual([]);
    expect(thrown(() => rtnl.fdb.delete({ device: "vx0", mac: MAC, remote: "192.0.2.9" }))).toMatchObject({
      code: "ERR_NOT_FOUND",
    });
  });

  it("of a bridge lead to ports", () => {
    const { netns, rtnl } = withDevice();
    rtnl.links.create({ kind: "bridge", name: "br0", up: true });
    rtnl.links.set("a", { master: "br0" });
    rtnl.fdb.add({ device: "a", mac: MAC, table: "master" });
    expect(rtnl.fdb.list({ device: "a" })).toContainEqual(
      expect.objectContaining({
        mac: MAC,
        table: "master",
        state: "static",
        master: rtnl.links.get("br0").index,
      }),
    );
    expect(fdb(netns, "a")).toContainEqual(
      expect.objectContaining({ mac: MAC, state: "static", master: "br0" }),
    );
    rtnl.fdb.delete({ device: "a", mac: MAC, table: "master" });
    expect(fdb(netns, "a").filter(({ mac }) => mac === MAC)).toEqual([]);
  });

  it("that cannot be are refused before anything is sent", () => {
    const options = { device: "vx0", mac: MAC };
    for (const wrong of [
      { vni: 2 ** 24 },
      { port: 0 },
      { vlan: 4095 },
      { remote: "x" },
      { state: "bored" as never },
      { mac: "x" },
    ])
      expect(thrown(() => addFdbEntry({ ...options, ...wrong }))).toMatchObject({
        code: "ERR_INVALID",
        errno: undefined,
      });
  });
});
