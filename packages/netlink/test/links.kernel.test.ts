import { describe, expect, it } from "vitest";
import { deleteLink, Netns, Rtnl, setLink, type VxlanOptions } from "../src/index.ts";
import { eventually, ip, scratch, scratchNamespace, thrown, unprivileged } from "./support/kernel.ts";

interface IpLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly address: string;
  readonly master?: string;
  readonly ifalias?: string;
  readonly txqlen: number;
  readonly gso_max_size: number;
  readonly linkinfo?: { readonly info_kind: string; readonly info_data?: Record<string, unknown> };
}

function ipLink(netns: { readonly name: string }, name: string): IpLink | undefined {
  return ip<IpLink>(netns, "link").find(({ ifname }) => ifname === name);
}

describe.skipIf(unprivileged)("a veth pair", () => {
  it("is made with its peer in another namespace, as asked, in one call", () => {
    const { netns, rtnl } = scratch();
    const pod = scratchNamespace();
    const link = rtnl.links.create({
      kind: "veth",
      name: "pod0",
      up: true,
      mac: "02:00:00:00:00:01",
      mtu: 1400,
      alias: "default/web",
      txQueueLength: 77,
      gsoMaxSize: 30_000,
      peer: { name: "eth0", netns: pod, up: true, mac: "02:00:00:00:00:02", mtu: 1400 },
    });
    using inside = Rtnl.open({ netns: pod });
    const peer = inside.links.get("eth0");
    expect(link).toMatchObject({
      name: "pod0",
      kind: "veth",
      up: true,
      carrier: true,
      state: "up",
      mac: "02:00:00:00:00:01",
      mtu: 1400,
      alias: "default/web",
      txQueueLength: 77,
      gsoMaxSize: 30_000,
      parent: peer.index,
    });
    expect(peer).toMatchObject({ mac: "02:00:00:00:00:02", mtu: 1400, state: "up", parent: link.index });
    expect(ipLink(netns, "pod0")).toMatchObject({
      ifindex: link.index,
      flags: expect.arrayContaining(["UP", "LOWER_UP"]),
      mtu: 1400,
      address: "02:00:00:00:00:01",
      ifalias: "default/web",
      txqlen: 77,
      gso_max_size: 30_000,
    });
    expect(ipLink(pod, "eth0")).toMatchObject({
      ifindex: peer.index,
      address: "02:00:00:00:00:02",
      mtu: 1400,
    });
  });

  it("may stay in one namespace, and goes as a pair", async () => {
    const { netns, rtnl } = scratch();
    rtnl.links.create({ kind: "veth", name: "a", up: true, peer: { name: "b", up: true } });
    const pair = rtnl.links.list({ kind: "veth" });
    expect(pair.map(({ name, up }) => [name, up])).toEqual([
      ["b", true],
      ["a", true],
    ]);
    // The kernel says a little later that a carrier is there (`net/core/link_watch.c`).
    await eventually(() => rtnl.links.list({ kind: "veth" }).every(({ state }) => state === "up"));
    rtnl.links.delete("a");
    expect(ip(netns, "link")).toHaveLength(1);
    expect(rtnl.links.find("b")).toBeUndefined();
  });

  it("is taken back when a later step fails, and the first error is the one reported", () => {
    const { netns, rtnl } = scratch();
    const pod = scratchNamespace();
    const handle = Netns.open(pod.name);
    // The first request has the descriptor; when the peer is to be raised, the handle is closed.
    let asked = 0;
    Object.defineProperty(handle, "fd", {
      get: () => {
        asked += 1;
        if (asked > 1) throw new Error("gone in the middle");
        return pod.fd;
      },
    });
    const attempt = (): unknown =>
      rtnl.links.create({ kind: "veth", name: "pod0", peer: { name: "eth0", netns: handle, up: true } });
    expect(thrown(attempt)).toMatchObject({ message: "gone in the middle" });
    handle.close();
    expect(asked).toBe(2);
    expect(ip(netns, "link")).toHaveLength(1);
    expect(ip(pod, "link")).toHaveLength(1);
  });

  it("is refused with the kernel's words, and nothing of it stays", () => {
    const { netns, rtnl } = scratch();
    const pod = scratchNamespace();
    const peer = { name: "eth0", netns: pod };
    expect(thrown(() => rtnl.links.create({ kind: "veth", name: "a", mtu: 10, peer }))).toMatchObject({
      code: "ERR_INVALID",
      errnoName: "EINVAL",
      op: "create link a",
    });
    rtnl.links.create({ kind: "veth", name: "a", peer });
    expect(thrown(() => rtnl.links.set("a", { mtu: 10 }))).toMatchObject({
      code: "ERR_INVALID",
      kernelMessage: "mtu less than device minimum",
      message: "set link a: mtu less than device minimum (EINVAL)",
    });
    expect(thrown(() => rtnl.links.create({ kind: "veth", name: "b", peer }))).toMatchObject({
      code: "ERR_EXISTS",
    });
    expect(ip(netns, "link")).toHaveLength(2);
  });
});

describe.skipIf(unprivileged)("a VXLAN device", () => {
  const cases: (Partial<VxlanOptions> & { readonly expected: Record<string, unknown> })[] = [
    {
      external: true,
      port: 8472,
      learning: false,
      expected: { external: true, port: 8472, learning: false, udp_csum: true },
    },
    {
      vni: 42,
      local: "192.0.2.1",
      remote: "192.0.2.2",
      parent: "under",
      ttl: 64,
      udpChecksum: false,
      expected: {
        id: 42,
        local: "192.0.2.1",
        remote: "192.0.2.2",
        link: "under",
        ttl: 64,
        port: 4789,
        learning: true,
        udp_csum: false,
      },
    },
    {
      vni: 16_777_215,
      local: "2001:db8::1",
      remote: "2001:db8::2",
      udpZeroChecksum6Tx: true,
      udpZeroChecksum6Rx: true,
      gbp: true,
      port: 65_535,
      expected: {
        id: 16_777_215,
        local6: "2001:db8::1",
        remote6: "2001:db8::2",
        port: 65_535,
        udp_zero_csum6_tx: true,
        udp_zero_csum6_rx: true,
        gbp: true,
      },
    },
  ];

  it.each(cases)("with $expected", ({ expected, ...options }) => {
    const { netns, rtnl } = scratch();
    rtnl.links.create({ kind: "veth", name: "under", peer: { name: "far" } });
    const link = rtnl.links.create({ kind: "vxlan", name: "vx0", ...options });
    expect(ipLink(netns, "vx0")?.linkinfo).toMatchObject({ info_kind: "vxlan", info_data: expected });
    const { parent, ...plain } = options;
    expect(link.vxlan).toMatchObject(plain);
    expect(link.vxlan?.parent).toBe(parent === undefined ? undefined : rtnl.links.get("under").index);
  });

  it("needs a network identifier or none at all", () => {
    const { rtnl } = scratch();
    expect(thrown(() => rtnl.links.create({ kind: "vxlan", name: "vx0" }))).toMatchObject({
      code: "ERR_INVALID",
    });
    const wrong = thrown(() =>
      rtnl.links.create({ kind: "vxlan", name: "vx0", vni: 1, local: "10.0.0.1", remote: "fd00::1" }),
    );
    expect(wrong).toMatchObject({ code: "ERR_INVALID", errno: undefined });
    expect((wrong as Error).message).toContain('"fd00::1" is not of the same family as 10.0.0.1');
  });
});

describe.skipIf(unprivileged)("a bridge", () => {
  it("has the settings it was given and takes ports", () => {
    const { netns, rtnl } = scratch();
    const bridge = rtnl.links.create({
      kind: "bridge",
      name: "br0",
      up: true,
      stp: false,
      ageingTime: 12.5,
      forwardDelay: 4,
      multicastSnooping: false,
    });
    expect(bridge.bridge).toMatchObject({
      ageingTime: 12.5,
      forwardDelay: 4,
      multicastSnooping: false,
      stp: false,
    });
    expect(ipLink(netns, "br0")?.linkinfo?.info_data).toMatchObject({
      ageing_time: 1250,
      forward_delay: 400,
      mcast_snooping: 0,
    });
    rtnl.links.create({ kind: "veth", name: "p0", master: "br0", peer: { name: "q0" } });
    rtnl.links.create({ kind: "veth", name: "p1", peer: { name: "q1" } });
    rtnl.links.set("p1", { master: "br0" });
    expect(ipLink(netns, "p1")?.master).toBe("br0");
    expect(rtnl.links.list({ master: "br0" }).map(({ name }) => name)).toEqual(["p0", "p1"]);
    rtnl.links.set("p1", { master: null });
    expect(rtnl.links.get("p1").master).toBeUndefined();
    expect(rtnl.links.list({ master: bridge.index }).map(({ name }) => name)).toEqual(["p0"]);
  });
});

describe.skipIf(unprivileged)("a device", () => {
  it("is changed in all it can be", () => {
    const { netns, rtnl } = scratch();
    const { index } = rtnl.links.create({ kind: "veth", name: "i0", peer: { name: "far" } });
    rtnl.links.set("i0", {
      name: "i1",
      up: true,
      arp: false,
      promiscuous: true,
      mtu: 1300,
      mac: "02:aa:00:00:00:01",
      txQueueLength: 5,
      alias: "first",
      gsoMaxSize: 20_000,
      gsoMaxSegments: 10,
      groMaxSize: 20_000,
      group: 7,
    });
    expect(rtnl.links.get(index)).toMatchObject({
      name: "i1",
      up: true,
      arp: false,
      mtu: 1300,
      mac: "02:aa:00:00:00:01",
      txQueueLength: 5,
      alias: "first",
      gsoMaxSize: 20_000,
      gsoMaxSegments: 10,
      groMaxSize: 20_000,
      group: 7,
    });
    expect(ipLink(netns, "i1")).toMatchObject({
      flags: expect.arrayContaining(["UP", "NOARP", "PROMISC"]),
      mtu: 1300,
      ifalias: "first",
    });
    rtnl.links.set("i1", { alias: "", up: false, arp: true, promiscuous: false });
    expect(rtnl.links.get("i1")).toMatchObject({ alias: undefined, up: false, arp: true });
    expect(ipLink(netns, "i1")?.ifalias).toBeUndefined();
    // What is not named stays.
    expect(rtnl.links.get("i1").mtu).toBe(1300);
  });

  it("moves to another namespace, off the main thread", async () => {
    const { netns, rtnl } = scratch();
    const other = scratchNamespace();
    rtnl.links.create({ kind: "veth", name: "a", peer: { name: "b" } });
    await rtnl.links.setAsync("b", { netns: other, name: "eth0", up: true });
    expect(ipLink(other, "eth0")?.flags).toContain("UP");
    expect(ip<IpLink>(netns, "link").map(({ ifname }) => ifname)).toEqual(["lo", "a"]);
  });

  it("that is not there, or cannot be deleted, is an error that says so", () => {
    const { rtnl } = scratch();
    expect(thrown(() => rtnl.links.get("none"))).toMatchObject({
      code: "ERR_NOT_FOUND",
      op: "get link none",
    });
    expect(thrown(() => rtnl.links.get(4711))).toMatchObject({ code: "ERR_NOT_FOUND", errnoName: "ENODEV" });
    expect(thrown(() => rtnl.links.set("none", { up: true }))).toMatchObject({ code: "ERR_NOT_FOUND" });
    expect(thrown(() => rtnl.links.delete(4711))).toMatchObject({
      code: "ERR_NOT_FOUND",
      errnoName: "ENODEV",
    });
    expect(thrown(() => rtnl.links.delete("lo"))).toMatchObject({
      code: "ERR_UNSUPPORTED",
      errnoName: "EOPNOTSUPP",
    });
    expect(rtnl.links.find("none")).toBeUndefined();
    expect(rtnl.links.find("lo")).toMatchObject({ index: 1, loopback: true });
  });

  it("of a kind the kernel lacks is unsupported, of a kind we lack invalid", () => {
    const { rtnl } = scratch();
    // Present on most machines, absent where these tests were written.
    const dummy = (): unknown => rtnl.links.create({ kind: "dummy", name: "d0" });
    const outcome = ((): unknown => {
      try {
        return dummy();
      } catch (error) {
        return error;
      }
    })();
    expect(outcome).toMatchObject(
      outcome instanceof Error
        ? { code: "ERR_UNSUPPORTED", kernelMessage: "Unknown device type" }
        : { kind: "dummy" },
    );
    const unknown = { kind: "token-ring", name: "t0" } as never;
    expect(thrown(() => rtnl.links.create(unknown))).toMatchObject({ code: "ERR_INVALID", errno: undefined });
  });

  it.each([
    [{ mac: "02:00" }, '"02:00" is not a MAC address'],
    [{ mtu: -1 }, "-1 is not an mtu"],
    [{ mtu: 1.5 }, "1.5 is not an mtu"],
    [{ name: "a/b" }, '"a/b" is not a device name'],
    [{ alias: "x".repeat(256) }, "is not an alias of at most 255 bytes"],
    [{ master: 0 }, "0 is not an interface index"],
  ])("is not changed to %j: refused before anything is sent", (changes, text) => {
    expect(thrown(() => setLink("eth0", changes))).toMatchObject({
      code: "ERR_INVALID",
      errno: undefined,
      op: "set link eth0",
      message: expect.stringContaining(text),
    });
  });

  it("is deleted off the main thread, many side by side, while synchronous requests go on", async () => {
    const { netns, rtnl } = scratch();
    const names = Array.from({ length: 12 }, (_, at) => `v${at}`);
    for (const name of names) rtnl.links.create({ kind: "veth", name, peer: { name: `${name}p` } });
    const deletions = names.map((name) => rtnl.links.deleteAsync(name));
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
      rtnl.links.get("lo");
    }, 1);
    await Promise.all(deletions);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(2);
    expect(ip(netns, "link")).toHaveLength(1);
    const off = AbortSignal.abort(new Error("called off"));
    await expect(rtnl.links.setAsync("lo", { alias: "x" }, { signal: off })).rejects.toThrow("called off");
    await expect(rtnl.links.deleteAsync("v0")).rejects.toMatchObject({
      code: "ERR_NOT_FOUND",
      op: "delete link v0",
    });
    await expect(rtnl.batchAsync([deleteLink("v0")])).rejects.toMatchObject({ name: "BatchError" });
    await expect(rtnl.executeAsync(setLink("lo", { up: true }))).resolves.toBeUndefined();
    expect(rtnl.links.get("lo").up).toBe(true);
  });
});
