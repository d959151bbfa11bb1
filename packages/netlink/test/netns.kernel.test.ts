import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, it, onTestFinished } from "vitest";
import { Netns, Rtnl } from "../src/index.ts";
import {
  openDescriptors,
  removeNamespace,
  scratchNamespace,
  thrown,
  uniqueName,
  unprivileged,
} from "./support/kernel.ts";

const here = (): string => readlinkSync("/proc/thread-self/ns/net");

describe.skipIf(unprivileged)("a named namespace", () => {
  it("is seen by ip netns, and ip netns's by us", () => {
    const name = uniqueName();
    onTestFinished(() => {
      removeNamespace(name);
    });
    using netns = Netns.create(name);
    expect(Netns.list()).toContain(name);
    expect(execFileSync("ip", ["netns", "list"], { encoding: "utf8" })).toContain(name);
    expect(
      execFileSync("ip", ["netns", "exec", name, "readlink", "/proc/self/ns/net"], {
        encoding: "utf8",
      }).trim(),
    ).toBe(netns.id);

    netns.delete();
    expect(netns.closed).toBe(true);
    expect(existsSync(`/run/netns/${name}`)).toBe(false);

    execFileSync("ip", ["netns", "add", name]);
    using theirs = Netns.open(name);
    expect(theirs.id).not.toBe(Netns.home.id);
    Netns.delete(name);
    expect(Netns.list()).not.toContain(name);
  });

  it("can be opened by path, and compared", () => {
    const netns = scratchNamespace();
    using byName = Netns.open(netns.name);
    using byPath = Netns.open(`/run/netns/${netns.name}`);
    using ours = Netns.open("/proc/self/ns/net");
    expect(byName.name).toBe(netns.name);
    expect(byPath.name).toBeUndefined();
    expect([byName, byPath].every((other) => other.equals(netns))).toBe(true);
    expect(ours.equals(Netns.home)).toBe(true);
    expect(ours.equals(netns)).toBe(false);
    expect(statSync(`/run/netns/${netns.name}`).ino).toBe(netns.inode);
  });

  it("cannot be made twice, opened after it is gone, or deleted twice", () => {
    const netns = scratchNamespace();
    expect(thrown(() => Netns.create(netns.name))).toMatchObject({
      code: "ERR_EXISTS",
      op: `create network namespace ${netns.name}`,
      errnoName: "EEXIST",
      hint: undefined,
    });
    Netns.delete(netns.name);
    expect(thrown(() => Netns.open(netns.name))).toMatchObject({
      code: "ERR_NOT_FOUND",
      errnoName: "ENOENT",
    });
    expect(thrown(() => Netns.delete(netns.name))).toMatchObject({ code: "ERR_NOT_FOUND" });
  });

  it.each(["", ".", "..", "a/b", "../etc/passwd", "a\0b", "x".repeat(256)])("is not called %j", (name) => {
    expect(thrown(() => Netns.create(name))).toMatchObject({ code: "ERR_INVALID", errno: undefined });
    expect(thrown(() => Netns.delete(name))).toMatchObject({ code: "ERR_INVALID" });
  });

  it("is not any file that happens to be there", () => {
    const netns = scratchNamespace();
    const stale = `/run/netns/${netns.name}-stale`;
    writeFileSync(stale, "");
    onTestFinished(() => {
      rmSync(stale, { force: true });
    });
    expect(thrown(() => Netns.open(`${netns.name}-stale`))).toMatchObject({ code: "ERR_INVALID" });
    expect(thrown(() => Netns.open("/proc/self/ns/mnt"))).toMatchObject({ code: "ERR_INVALID" });
    expect(thrown(() => Netns.open("/etc/hostname"))).toMatchObject({ code: "ERR_INVALID" });
  });
});

describe.skipIf(unprivileged)("an anonymous namespace", () => {
  it("has a loopback of its own and leaves no file", () => {
    const before = Netns.list();
    using netns = Netns.createAnonymous();
    using rtnl = Rtnl.open({ netns });
    expect(netns.name).toBeUndefined();
    expect(rtnl.links.list().map(({ name, up }) => [name, up])).toEqual([["lo", false]]);
    expect(Netns.list()).toEqual(before);
    expect(thrown(() => netns.delete())).toMatchObject({ code: "ERR_INVALID" });
  });

  it("lives as long as the longest handle", () => {
    const netns = Netns.createAnonymous();
    using clone = netns.clone();
    netns.close();
    netns.close();
    expect(clone.run(here)).toBe(clone.id);
    expect(thrown(() => netns.fd)).toMatchObject({ code: "ERR_CLOSED" });
    expect(thrown(() => netns.run(here))).toMatchObject({ code: "ERR_CLOSED" });
  });
});

describe.skipIf(unprivileged)("running inside a namespace", () => {
  it("moves this thread there and back", () => {
    using netns = Netns.createAnonymous();
    const home = here();
    expect(netns.run(here)).toBe(netns.id);
    expect(here()).toBe(home);
    expect(Netns.home.id).toBe(home);
  });

  it("nests and unwinds step by step", () => {
    using one = Netns.createAnonymous();
    using two = Netns.createAnonymous();
    const home = here();
    const seen = one.run(() =>
      [here(), two.run(() => [here(), one.run(here), here()]), Netns.home.run(here), here()].flat(),
    );
    expect(seen).toEqual([one.id, two.id, one.id, two.id, home, one.id]);
    expect(here()).toBe(home);
  });

  it("comes home when the function throws", () => {
    using netns = Netns.createAnonymous();
    const home = here();
    const failure = new Error("from inside");
    expect(
      thrown(() =>
        netns.run(() => {
          throw failure;
        }),
      ),
    ).toBe(failure);
    expect(here()).toBe(home);
  });

  it("keeps the way back though the namespace is closed from inside", () => {
    using two = Netns.createAnonymous();
    const before = openDescriptors();
    const one = Netns.createAnonymous();
    const seen = one.run(() => {
      one.close();
      expect(one.closed).toBe(true);
      expect(thrown(() => one.fd)).toMatchObject({ code: "ERR_CLOSED" });
      return [here(), two.run(here), here()];
    });
    expect(seen).toEqual([one.id, two.id, one.id]);
    expect(here()).toBe(Netns.home.id);
    expect(openDescriptors()).toBe(before);
  });

  it("makes namespaces without losing its place", () => {
    using netns = Netns.createAnonymous();
    const ids = netns.run(() => {
      using inner = Netns.createAnonymous();
      return [here(), inner.id];
    });
    expect(ids[0]).toBe(netns.id);
    expect(ids[1]).not.toBe(netns.id);
  });

  it("does not compile for asynchronous functions, and throws for those that slip through", () => {
    using netns = Netns.createAnonymous();
    const home = here();
    // @ts-expect-error an async callback would run the rest of the program inside
    const async = (): unknown => netns.run(async () => await stat("/"));
    // @ts-expect-error a promise is no result either
    const promise = (): unknown => netns.run(() => Promise.resolve(1));
    const hidden = (): unknown => netns.run((): unknown => Promise.resolve(1));
    for (const attempt of [async, promise, hidden]) expect(thrown(attempt)).toBeInstanceOf(TypeError);
    expect(here()).toBe(home);
    // What is synchronous compiles, whatever it returns.
    const nothing: void = netns.run(() => undefined);
    const text: string = netns.run(() => "text");
    const either: string | number = netns.run(() => (text === "" ? 1 : text));
    expect([nothing, text, either]).toEqual([undefined, "text", "text"]);
  });

  it("leaves every thread of the process at home, though the first asynchronous call comes from inside", () => {
    const script = fileURLToPath(new URL("support/thread-pool.cjs", import.meta.url));
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--conditions=@netloom/source", script], {
      encoding: "utf8",
    });
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    const { home, threads, control } = JSON.parse(stdout) as Record<"home" | "threads" | "control", string[]>;
    expect(threads.length).toBeGreaterThanOrEqual(5);
    expect(new Set(threads)).toEqual(new Set(home));
    // The trap is real: without the precaution the pool stays inside.
    expect(new Set(control).size).toBe(2);
  });

  it("ends the process rather than go on in the wrong place", () => {
    const script = fileURLToPath(new URL("support/no-way-back.mjs", import.meta.url));
    const { stdout, stderr, signal } = spawnSync(process.execPath, ["--conditions=@netloom/source", script], {
      encoding: "utf8",
    });
    expect({ signal, stdout }).toEqual({ signal: "SIGABRT", stdout: "inside\n" });
    expect(stderr).toContain("netlink: cannot return to the previous network namespace (errno 9); aborting");
  });

  it("works in a worker thread without moving the others", async () => {
    using netns = Netns.createAnonymous();
    const code = `
      const { Netns } = await import(${JSON.stringify(new URL("../src/index.ts", import.meta.url).href)});
      const { readlinkSync } = await import("node:fs");
      const { parentPort, workerData } = await import("node:worker_threads");
      const here = () => readlinkSync("/proc/thread-self/ns/net");
      using netns = Netns.open(workerData);
      parentPort.postMessage([here(), netns.run(here), here()]);
    `;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
      workerData: `/proc/${process.pid}/fd/${netns.fd}`,
      execArgv: ["--conditions=@netloom/source"],
    });
    const seen = await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    await worker.terminate();
    expect(seen).toEqual([Netns.home.id, netns.id, Netns.home.id]);
  });
});

describe.skipIf(unprivileged)("a program inside a namespace", () => {
  it("is started there, and its output comes back", async () => {
    using netns = Netns.createAnonymous();
    const inside = await netns.exec("readlink", ["/proc/self/ns/net"]);
    expect(inside).toEqual({ code: 0, stdout: `${netns.id}\n`, stderr: "" });
    const failed = await netns.exec("sh", ["-c", "echo out; echo err >&2; exit 3"]);
    expect(failed).toEqual({ code: 3, stdout: "out\n", stderr: "err\n" });
    expect((await netns.exec("cat", [], { input: "text" })).stdout).toBe("text");
  });

  it("that does not exist is an error, and one that is aborted too", async () => {
    using netns = Netns.createAnonymous();
    await expect(netns.exec("/no/such/program")).rejects.toMatchObject({ code: "ENOENT" });
    await expect(netns.exec("sleep", ["60"], { signal: AbortSignal.timeout(50) })).rejects.toThrow(/abort/i);
    expect(here()).toBe(Netns.home.id);
  });

  it("can be kept running", async () => {
    using netns = Netns.createAnonymous();
    const child = netns.spawn("sleep", ["60"], { stdio: "ignore" });
    expect(readlinkSync(`/proc/${child.pid}/ns/net`)).toBe(netns.id);
    const ended = new Promise((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
    child.kill();
    expect(await ended).toBe("SIGTERM");
  });
});

describe.skipIf(unprivileged)("descriptors", () => {
  it("are not used up by namespaces, nor by attempts that fail", () => {
    const round = (): void => {
      using anonymous = Netns.createAnonymous();
      anonymous.clone().close();
      const name = uniqueName();
      Netns.create(name).delete();
      expect(thrown(() => Netns.open(name))).toMatchObject({ code: "ERR_NOT_FOUND" });
      expect(thrown(() => Netns.open("/proc/self/ns/mnt"))).toMatchObject({ code: "ERR_INVALID" });
    };
    round();
    const before = openDescriptors();
    for (let count = 0; count < 50; count += 1) round();
    expect(openDescriptors()).toBe(before);
  });

  it("are not inherited by programs", async () => {
    using netns = Netns.createAnonymous();
    using rtnl = Rtnl.open({ netns });
    expect(rtnl.closed).toBe(false);
    const { stdout } = await netns.exec("ls", ["-l", "/proc/self/fd"]);
    const inherited = stdout.split("\n").filter((line) => / (?:[3-9]|\d\d+) -> (?:net:|socket:)/.test(line));
    expect(inherited).toEqual([]);
  });

  it("that were forgotten are closed with a warning", () => {
    const script = fileURLToPath(new URL("support/forgotten.mjs", import.meta.url));
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ["--expose-gc", "--conditions=@netloom/source", script],
      { encoding: "utf8" },
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: "closed\n" });
    expect(stderr).toContain(
      "NetlinkWarning: a network namespace was garbage-collected without being closed",
    );
  });
});
