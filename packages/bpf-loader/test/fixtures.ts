import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as Koffi from "koffi";
import { mountBpffs, unmountBpffs } from "@netloom/bpf-loader";
import type { NetworkNamespace } from "@netloom/bpf-loader";

const CAP_SYS_ADMIN = 21n;

/** Whether kernel tests can run here; says so once if not. */
export const privileged: boolean = (() => {
  const held = BigInt(
    `0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0"}`,
  );
  if (process.platform === "linux" && ((held >> CAP_SYS_ADMIN) & 1n) === 1n) return true;
  console.warn("SKIPPED: the kernel tests of this file, if it has any: they need root (CAP_SYS_ADMIN)");
  return false;
})();

let serial = 0;

/** Unique on this machine, and at most 15 characters. */
export function uniqueName(): string {
  return `nlb${process.pid}x${serial++}`;
}

/** A bpf file system of the test's own, gone when disposed. */
export class TemporaryBpffs implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "netloom-bpffs-"));

  constructor() {
    mountBpffs(this.path);
  }

  [Symbol.dispose](): void {
    unmountBpffs(this.path);
    rmdirSync(this.path);
  }
}

const CLONE_NEWNET = 0x40000000;

/** A network namespace with a veth pair, gone when disposed. */
export class TemporaryNetns implements NetworkNamespace, Disposable {
  readonly name: string = uniqueName();
  /** 10.99.0.1/24, in the namespace itself. */
  readonly left = "left";
  /** 10.99.0.2/24, in another namespace that frames come from. */
  readonly peer: string = `${this.name}p`;
  readonly #fd: number;
  readonly #home: number = openSync("/proc/thread-self/ns/net", "r");
  readonly #cleanup = (): void => this.#remove();

  constructor() {
    process.on("exit", this.#cleanup);
    ip("netns", "add", this.name);
    ip("netns", "add", this.peer);
    ip("-n", this.name, "link", "set", "lo", "up");
    ip(
      "-n",
      this.name,
      "link",
      "add",
      this.left,
      "type",
      "veth",
      "peer",
      "name",
      "right",
      "netns",
      this.peer,
    );
    ip("-n", this.name, "addr", "add", "10.99.0.1/24", "dev", this.left);
    ip("-n", this.peer, "addr", "add", "10.99.0.2/24", "dev", "right");
    ip("-n", this.name, "link", "set", this.left, "up");
    ip("-n", this.peer, "link", "set", "right", "up");
    this.#fd = openSync(`/run/netns/${this.name}`, "r");
  }

  run<R>(fn: () => R): R {
    enter(this.#fd);
    try {
      return fn();
    } finally {
      enter(this.#home);
    }
  }

  /** Runs a command inside; returns what it printed. */
  exec(...command: readonly string[]): string {
    return enterAndRun(this.name, command);
  }

  /** Sends one frame through the pair, from the peer to `left`. */
  receive(): void {
    enterAndRun(this.peer, ["bash", "-c", "echo hello > /dev/udp/10.99.0.1/9"]);
  }

  [Symbol.dispose](): void {
    process.off("exit", this.#cleanup);
    closeSync(this.#fd);
    closeSync(this.#home);
    this.#remove();
  }

  #remove(): void {
    for (const name of [this.name, this.peer]) {
      try {
        ip("netns", "del", name);
      } catch {
        // Never made, because making the pair failed.
      }
    }
  }
}

/** Not `ip netns exec`, which mounts another /sys and so hides cgroups and pins. */
function enterAndRun(name: string, command: readonly string[]): string {
  return execFileSync("nsenter", [`--net=/run/netns/${name}`, ...command], {
    encoding: "utf8",
    timeout: 20_000,
  });
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: "pipe", timeout: 20_000 });
}

let setns: ((fd: number, type: number) => number) | undefined;

function enter(fd: number): void {
  if (setns === undefined) {
    const koffi = createRequire(import.meta.url)("koffi") as typeof Koffi;
    setns = koffi.load(null).func("setns", "int", ["int", "int"]) as (fd: number, type: number) => number;
  }
  // Going on in the wrong namespace would test, and disturb, something else.
  if (setns(fd, CLONE_NEWNET) !== 0) process.abort();
}

/** A child of the root of the cgroup v2 hierarchy, gone when disposed. */
export class TemporaryCgroup implements Disposable {
  readonly path: string;

  constructor() {
    const mount = readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .find((line) => line.split(" ")[2] === "cgroup2");
    const root = mount?.split(" ")[1];
    if (root === undefined) throw new Error("no cgroup2 hierarchy is mounted");
    this.path = join(root, uniqueName());
    mkdirSync(this.path);
  }

  [Symbol.dispose](): void {
    rmdirSync(this.path);
  }
}

/** Open descriptors of this process. */
export function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** A directory for files, gone when disposed. */
export class TemporaryDirectory implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "netloom-bpf-"));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
