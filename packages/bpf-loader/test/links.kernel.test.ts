import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  attachCgroup,
  attachTcx,
  attachXdp,
  features,
  load,
  openPinnedLink,
  queryTcx,
} from "@netloom/bpf-loader";
import type { Anchor, Collection, Link } from "@netloom/bpf-loader";
import { TemporaryBpffs, TemporaryCgroup, TemporaryNetns, privileged } from "./fixtures.ts";
import { objectSpec } from "./objects.ts";

let netns: TemporaryNetns;
let hooks: Collection;

beforeAll(async () => {
  if (!privileged) return;
  netns = new TemporaryNetns();
  hooks = await load(objectSpec("hooks"));
});

afterAll(() => {
  hooks?.close();
  netns?.[Symbol.dispose]();
});

function attach(name: string, at?: Anchor): Link {
  const options = { dev: netns.left, direction: "ingress", netns } as const;
  return attachTcx(hooks.program(name), at === undefined ? options : { ...options, at });
}

/** The letters that the programs left behind for one frame. */
function trailOfOneFrame(): string {
  const trail = hooks.variable<bigint>("trail");
  for (let attempt = 0; attempt < 50; attempt++) {
    trail.set(0n);
    netns.receive();
    const letters = Buffer.from(trail.get().toString(16), "hex").toString("latin1");
    // Neighbour discovery may come between: take a trail that repeats one pattern.
    if (letters !== "") return letters;
  }
  return "";
}

/** The names of the programs on the hook, in order. */
function order(direction: "ingress" | "egress" = "ingress"): string[] {
  const names = new Map(["a", "b", "c"].map((name) => [hooks.program(name).id, name]));
  return queryTcx(netns.left, direction, { netns }).programs.map(
    ({ programId }) => names.get(programId) ?? "?",
  );
}

describe.skipIf(!privileged)("tcx", () => {
  it("exists on this kernel if it is new enough", () => {
    expect(features.has("tcx")).toBe(true);
  });

  it("runs programs in the order of their anchors", () => {
    using a = attach("a");
    using b = attach("b");
    expect(order()).toEqual(["a", "b"]);
    expect(trailOfOneFrame()).toMatch(/^(ab)+$/);
    b.close();
    using first = attach("b", { first: true });
    expect(order()).toEqual(["b", "a"]);
    first.close();
    using before = attach("b", { before: a });
    expect(order()).toEqual(["b", "a"]);
    before.close();
    using after = attach("b", { after: hooks.program("a") });
    expect(order()).toEqual(["a", "b"]);
    after.close();
    expect(order()).toEqual(["a"]);
  });

  it("has its own order in each direction", () => {
    using ingress = attach("a");
    using egress = attachTcx(hooks.program("c"), { dev: netns.left, direction: "egress", netns });
    expect([order("ingress"), order("egress")]).toEqual([["a"], ["c"]]);
    expect(ingress.info()).toMatchObject({
      kind: "tcx",
      attachType: "tcx_ingress",
      programId: hooks.program("a").id,
    });
    expect(egress.info()).toMatchObject({ attachType: "tcx_egress" });
  });

  it("counts revisions, and refuses a stale one", () => {
    const { revision } = queryTcx(netns.left, "ingress", { netns });
    using a = attach("a");
    const changed = queryTcx(netns.left, "ingress", { netns });
    expect(changed.revision).toBeGreaterThan(revision);
    expect(changed.programs).toEqual([{ programId: hooks.program("a").id, linkId: a.id }]);
    const stale = { dev: netns.left, direction: "ingress", netns, revision } as const;
    expect(() => attachTcx(hooks.program("b"), stale)).toThrow(
      expect.objectContaining({ code: "ERR_SYSCALL", errno: 116 }),
    );
    attachTcx(hooks.program("b"), { ...stale, revision: changed.revision }).close();
  });

  it("swaps a program in place, if it is the expected one", () => {
    using link = attach("a");
    link.update(hooks.program("b"));
    expect(order()).toEqual(["b"]);
    link.update(hooks.program("a"), { expect: hooks.program("b") });
    expect(order()).toEqual(["a"]);
    expect(() => link.update(hooks.program("b"), { expect: hooks.program("b") })).toThrow(
      expect.objectContaining({ op: "BPF_LINK_UPDATE" }),
    );
    link.detach();
    expect(order()).toEqual([]);
    expect(link.info().ifindex).toBe(0);
  });

  it("outlives its descriptor when pinned", () => {
    using bpffs = new TemporaryBpffs();
    const path = join(bpffs.path, "link");
    const link = attach("a");
    link.pin(path);
    link.close();
    expect(() => link.info()).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
    expect(order()).toEqual(["a"]);
    {
      using pinned = openPinnedLink(path);
      pinned.update(hooks.program("b"));
      expect(order()).toEqual(["b"]);
      pinned.unpin(path);
    }
    expect(order()).toEqual([]);
  });

  it("names what is wrong", () => {
    const options = { dev: netns.left, direction: "ingress", netns } as const;
    expect(() => attachTcx(hooks.program("count"), options)).toThrow("count is a xdp program, tcx takes tc");
    expect(() => attachTcx(hooks.program("a"), { ...options, dev: "nosuchdevice" })).toThrow(
      "there is no interface nosuchdevice in this network namespace",
    );
    expect(() => attachTcx(hooks.program("a"), { ...options, dev: 0x7ffffff })).toThrow(
      expect.objectContaining({ code: "ERR_SYSCALL", errno: 19 }),
    );
    expect(() => queryTcx(0x7ffffff, "ingress", { netns })).toThrow(expect.objectContaining({ errno: 19 }));
  });

  it("goes with the interface", () => {
    netns.exec("ip", "link", "add", "short", "type", "veth", "peer", "name", "shorter");
    using link = attachTcx(hooks.program("a"), { dev: "short", direction: "ingress", netns });
    netns.exec("ip", "link", "del", "short");
    expect(link.info().ifindex).toBe(0);
  });
});

describe.skipIf(!privileged)("XDP", () => {
  it.each(["auto", "generic", "native"] as const)("sees frames in mode %s", (mode) => {
    const packets = hooks.variable<bigint>("xdp_packets");
    packets.set(0n);
    {
      using link = attachXdp(hooks.program("count"), { dev: netns.left, netns, mode });
      expect(link.info()).toMatchObject({ kind: "xdp", programId: hooks.program("count").id });
      expect(() => attachXdp(hooks.program("count"), { dev: netns.left, netns, mode })).toThrow(
        expect.objectContaining({ code: "ERR_SYSCALL", errno: 16 }),
      );
      for (let attempt = 0; attempt < 50 && packets.get() === 0n; attempt++) netns.receive();
    }
    expect(packets.get()).toBeGreaterThan(0n);
    expect(() => attachXdp(hooks.program("a"), { dev: netns.left, netns })).toThrow(TypeError);
  });
});

describe.skipIf(!privileged)("a cgroup", () => {
  const CLIENT = `
    const net = require("node:net");
    require("node:fs").writeFileSync(process.argv[1] + "/cgroup.procs", String(process.pid));
    const server = net.createServer((socket) => socket.end("redirected")).listen(7777, "127.0.0.1", () => {
      const socket = net.connect(1, "127.0.0.1");
      socket.on("data", (data) => process.stdout.write(data)).on("close", () => server.close());
      socket.on("error", (error) => process.stdout.write(error.code));
    });
  `;

  it("has its connections redirected", async () => {
    using cgroup = new TemporaryCgroup();
    const run = () => netns.exec(process.execPath, "-e", CLIENT, cgroup.path);
    const spec = objectSpec("hooks").with({ config: { redirect_port: 7777 } });
    await using redirecting = await load(spec, { only: ["connect4"] });
    {
      using link = attachCgroup(redirecting.program("connect4"), { path: cgroup.path });
      expect(link.info()).toMatchObject({ kind: "cgroup", attachType: "cgroup_inet4_connect" });
      expect(run()).toBe("redirected");
    }
    expect(redirecting.variable("connects").get()).toBe(1n);
    expect(run()).toBe("ECONNREFUSED");
    expect(redirecting.variable("connects").get()).toBe(1n);
  });

  it("takes only cgroup programs, and only cgroups", async () => {
    using cgroup = new TemporaryCgroup();
    expect(() => attachCgroup(hooks.program("a"), { path: cgroup.path })).toThrow(TypeError);
    expect(() => attachCgroup(hooks.program("connect4"), { path: "/proc" })).toThrow(
      expect.objectContaining({ code: "ERR_SYSCALL", errno: 9 }),
    );
    expect(() => attachCgroup(hooks.program("connect4"), { path: "/nothing/there" })).toThrow("ENOENT");
  });
});

describe.skipIf(!privileged)("a closed collection", () => {
  it("leaves its links working", async () => {
    const collection = await load(objectSpec("hooks"), { only: ["a"] });
    using link = attachTcx(collection.program("a"), { dev: netns.left, direction: "ingress", netns });
    const { programId } = link.info();
    collection.close();
    expect(queryTcx(netns.left, "ingress", { netns }).programs).toEqual([{ programId, linkId: link.id }]);
    expect(
      execFileSync("bpftool", ["prog", "show", "id", String(programId)], { encoding: "utf8" }),
    ).toContain("sched_cls");
  });
});
