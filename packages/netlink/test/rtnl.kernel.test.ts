import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  addRoute,
  BatchError,
  deleteRoute,
  listenTcp,
  Netns,
  readSysctl,
  type Request,
  Rtnl,
  writeSysctl,
} from "../src/index.ts";
import { ip, openDescriptors, scratch, thrown, unprivileged } from "./support/kernel.ts";

const subnet = (at: number): string => `10.${at >> 8}.${at & 255}.0/24`;

describe.skipIf(unprivileged)("a handle", () => {
  it("works in the home namespace, in a named one, and in one passed in, from anywhere", () => {
    const { netns, rtnl } = scratch();
    rtnl.links.create({ kind: "ifb", name: "i0" });
    using home = Rtnl.open();
    using byName = Rtnl.open({ netns: netns.name });
    using lent = netns.clone();
    using byHandle = Rtnl.open({ netns: lent });
    lent.close();
    using other = Netns.createAnonymous();
    expect(home.links.find("i0")).toBeUndefined();
    expect(home.netns.equals(Netns.home)).toBe(true);
    expect(byName.links.get("i0").name).toBe("i0");
    expect(byHandle.netns.equals(netns)).toBe(true);
    other.run(() => {
      expect(byHandle.links.get("i0").name).toBe("i0");
      using inside = Rtnl.open({ netns: Netns.home });
      expect(inside.netns.equals(Netns.home)).toBe(true);
    });
  });

  it("for a namespace that is not there is an error", () => {
    expect(thrown(() => Rtnl.open({ netns: "no-such-namespace" }))).toMatchObject({
      code: "ERR_NOT_FOUND",
      op: "open network namespace no-such-namespace",
    });
    const closed = Netns.createAnonymous();
    closed.close();
    expect(thrown(() => Rtnl.open({ netns: closed }))).toMatchObject({ code: "ERR_CLOSED" });
  });

  it("says so when it is used after it was closed", async () => {
    const { rtnl } = scratch();
    rtnl.close();
    rtnl.close();
    expect(rtnl.closed).toBe(true);
    const uses: (() => unknown)[] = [
      () => rtnl.links.list(),
      () => rtnl.links.get("lo"),
      () => rtnl.routes.add({ to: "10.0.0.0/8", type: "blackhole" }),
      () => rtnl.addresses.list(),
      () => rtnl.rules.list(),
      () => rtnl.neighbours.list(),
      () => rtnl.fdb.list(),
      () => rtnl.batch([]),
      () => rtnl.subscribe(["link"]),
      () => rtnl.netns,
    ];
    for (const use of uses) expect(thrown(use)).toMatchObject({ code: "ERR_CLOSED" });
    await expect(rtnl.links.deleteAsync("lo")).rejects.toMatchObject({ code: "ERR_CLOSED" });
    await expect(rtnl.batchAsync([])).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  it("may be closed while a slow request is under way", async () => {
    const { netns, rtnl } = scratch();
    rtnl.links.create({ kind: "veth", name: "a", peer: { name: "b" } });
    const deletion = rtnl.links.deleteAsync("a");
    rtnl.close();
    await deletion;
    expect(ip(netns, "link")).toHaveLength(1);
  });

  it("uses up no descriptors, whatever succeeds or fails", async () => {
    const { netns } = scratch();
    const round = async (): Promise<void> => {
      using rtnl = Rtnl.open({ netns });
      using pod = Netns.createAnonymous();
      rtnl.links.create({ kind: "veth", name: "a", peer: { name: "b", netns: pod, up: true } });
      expect(
        thrown(() => rtnl.links.create({ kind: "veth", name: "a", peer: { name: "c" } })),
      ).toBeInstanceOf(Error);
      await rtnl.links.setAsync("a", { up: true });
      await expect(rtnl.executeAsync(deleteRoute({ to: "10.0.0.0/8" }))).rejects.toThrow("delete route");
      rtnl.subscribe(["link", "route"]).close();
      rtnl.links.delete("a");
    };
    await round();
    const before = openDescriptors();
    for (let count = 0; count < 20; count += 1) await round();
    expect(openDescriptors()).toBe(before);
  });
});

describe.skipIf(unprivileged)("10,000 routes", () => {
  const count = 10_000;
  const adds = (): Request[] =>
    Array.from({ length: count }, (_, at) => addRoute({ to: subnet(at), type: "blackhole" }));
  const deletes = (): Request[] => Array.from({ length: count }, (_, at) => deleteRoute({ to: subnet(at) }));

  it("are added, listed and deleted in batches", () => {
    const { netns, rtnl } = scratch();
    rtnl.batch(adds());
    const listed = rtnl.routes.list();
    expect(listed).toHaveLength(count);
    expect(new Set(listed.map(({ to }) => to)).size).toBe(count);
    expect(ip(netns, "route")).toHaveLength(count);
    rtnl.batch(deletes());
    expect(rtnl.routes.list()).toEqual([]);
  });

  it("are added one by one, and asynchronously in batches", async () => {
    const { netns, rtnl } = scratch();
    for (let at = 0; at < count; at += 1) rtnl.routes.add({ to: subnet(at), type: "blackhole" });
    expect(ip(netns, "route")).toHaveLength(count);
    await rtnl.batchAsync(deletes());
    expect(ip(netns, "route")).toEqual([]);
  });

  it("of which some cannot be added: exactly those are reported, and all others are there", () => {
    const { netns, rtnl } = scratch();
    const there = [0, 499, 500, 5000, 9999];
    for (const at of there) rtnl.routes.add({ to: subnet(at), type: "blackhole" });
    const requests = adds();
    const error = thrown(() => rtnl.batch(requests)) as BatchError;
    expect(error).toBeInstanceOf(BatchError);
    expect(error.failures.map(({ index }) => index)).toEqual(there);
    expect(error.failures[1]).toMatchObject({
      request: requests[499],
      error: { code: "ERR_EXISTS", op: `add route ${subnet(499)}` },
    });
    expect(ip(netns, "route")).toHaveLength(count);
    const twice = thrown(() => rtnl.batch(adds())) as BatchError;
    expect(twice.failures).toHaveLength(count);
  });

  it("can be listed while another process changes them", async () => {
    const { netns, rtnl } = scratch();
    rtnl.batch(adds());
    const script =
      "for i in $(seq 200); do ip route add 192.0.2.0/24 dev lo; ip route del 192.0.2.0/24; done 2>/dev/null; true";
    rtnl.links.set("lo", { up: true });
    const churn = netns.exec("sh", ["-c", script]);
    let lists = 0;
    const state = { running: true };
    const ended = churn.finally(() => {
      state.running = false;
    });
    while (state.running) {
      const stable = rtnl.routes.list().filter(({ type }) => type === "blackhole");
      expect(new Set(stable.map(({ to }) => to)).size).toBe(count);
      lists += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await ended).code).toBe(0);
    expect(lists).toBeGreaterThan(5);
  });
});

describe.skipIf(unprivileged)("kernel settings", () => {
  it("are read and written per namespace", () => {
    const { netns, rtnl } = scratch();
    const before = readSysctl(Netns.home, "net.ipv4.ip_forward");
    writeSysctl(netns, "net.ipv4.ip_forward", 1);
    expect(readSysctl(netns, "net.ipv4.ip_forward")).toBe("1");
    writeSysctl(netns, "net.ipv4.ip_forward", "0");
    expect(readSysctl(netns, "net/ipv4/ip_forward")).toBe("0");
    expect(readSysctl(Netns.home, "net.ipv4.ip_forward")).toBe(before);
    rtnl.links.create({ kind: "veth", name: "eth0.7", peer: { name: "b" } });
    writeSysctl(netns, "net/ipv4/conf/eth0.7/rp_filter", 2);
    expect(readSysctl(netns, "net/ipv4/conf/eth0.7/rp_filter")).toBe("2");
  });

  it("that do not exist, or values that are refused, are errors", () => {
    const { netns } = scratch();
    expect(thrown(() => readSysctl(netns, "net.ipv4.no_such"))).toMatchObject({ code: "ERR_NOT_FOUND" });
    expect(thrown(() => writeSysctl(netns, "net.ipv4.no_such", 1))).toMatchObject({ code: "ERR_NOT_FOUND" });
    expect(thrown(() => writeSysctl(netns, "net.ipv4.ip_forward", "maybe"))).toMatchObject({
      code: "ERR_INVALID",
      op: "write sysctl net.ipv4.ip_forward=maybe",
    });
    for (const key of ["", "net", "../../etc/passwd", "net/../../etc/passwd", "net..ipv4"])
      expect(thrown(() => readSysctl(netns, key))).toMatchObject({ code: "ERR_INVALID", errno: undefined });
  });
});

describe.skipIf(unprivileged)("a TCP server", () => {
  it.each(["10.0.0.1", "fd00::1"])(
    "listens on %s inside a namespace while the program stays outside",
    async (host) => {
      const { netns, rtnl } = scratch();
      rtnl.links.set("lo", { up: true });
      // Even on lo an IPv6 address is tentative for a moment, and nobody can listen on it.
      rtnl.addresses.add({ device: "lo", address: host, noDad: host.includes(":") });
      const server = createServer((socket) => socket.end("hello from inside")).listen({
        fd: listenTcp(netns, { host }),
      });
      onTestFinished(() => {
        server.close();
      });
      await new Promise((resolve) => server.once("listening", resolve));
      const address = server.address();
      const port = typeof address === "object" ? address?.port : undefined;
      const script = `require("node:net").connect(${port}, "${host}").on("data", (text) => console.log(String(text)))`;
      const { stdout } = await netns.exec(process.execPath, ["-e", script]);
      expect(stdout).toBe("hello from inside\n");
      expect(thrown(() => listenTcp(netns, { host, port: port ?? 0 }))).toMatchObject({
        errnoName: "EADDRINUSE",
      });
    },
  );

  it("does not listen on addresses the namespace lacks", () => {
    const { netns, rtnl } = scratch();
    // Until something is up there are no local addresses to compare with, and any will do.
    rtnl.links.set("lo", { up: true });
    const before = openDescriptors();
    expect(thrown(() => listenTcp(netns, { host: "10.0.0.1" }))).toMatchObject({ code: "ERR_NOT_FOUND" });
    expect(thrown(() => listenTcp(netns, { host: "localhost" }))).toMatchObject({ code: "ERR_INVALID" });
    expect(thrown(() => listenTcp(netns, { port: 70_000 }))).toMatchObject({ code: "ERR_INVALID" });
    expect(openDescriptors()).toBe(before);
  });
});

describe.skipIf(unprivileged)("without privileges", () => {
  it("lists work, changes are refused, and the error names what is missing", () => {
    const script = fileURLToPath(new URL("support/unprivileged.mjs", import.meta.url));
    const node = [process.execPath, "--conditions=@netloom/source", script];
    const drop = [
      "--bounding-set=-all",
      "--inh-caps=-all",
      "--reuid=65534",
      "--regid=65534",
      "--clear-groups",
    ];
    const { stdout, stderr, status } = spawnSync("setpriv", [...drop, ...node], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const outcome = JSON.parse(stdout) as Record<string, unknown>;
    const refused = (capability: string): unknown =>
      expect.objectContaining({
        code: "ERR_PERMISSION",
        hint: expect.stringContaining(`needs ${capability}`),
      });
    expect(outcome).toEqual({
      links: expect.arrayContaining(["lo"]),
      addRoute: refused("CAP_NET_ADMIN"),
      createLink: refused("CAP_NET_ADMIN"),
      batch: refused("CAP_NET_ADMIN"),
      batchCount: 600,
      createAnonymous: refused("CAP_SYS_ADMIN"),
      create: refused("CAP_SYS_ADMIN"),
      sysctl: refused("root and a writable /proc/sys"),
      listen: refused("CAP_NET_BIND_SERVICE"),
      stillHome: true,
    });
  });
});
