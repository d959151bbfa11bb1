import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { fstatSync } from "node:fs";
import { isPromise } from "node:util/types";
import { closed, NetlinkError } from "./errors.ts";
import { collect, type ExecOptions, type ExecResult } from "./exec.ts";
import { Fd } from "./sys/fd.ts";
import {
  createMountPoint,
  discardMountPoint,
  mountThreadNetns,
  namespaceNames,
  namespacePath,
  openNamespaceFile,
  removeNamespaceFile,
} from "./sys/namespace-files.ts";
import { homeNamespace, inNamespace, newNamespace } from "./sys/thread.ts";

/**
 * A network namespace, held open by a descriptor.
 *
 * Closing gives up the descriptor and nothing else: a namespace made by {@link Netns.create} stays until
 * {@link Netns.delete}, an anonymous one until its last device, process and descriptor is gone.
 *
 * @example
 * using ns = Netns.create("blue");
 * const { stdout } = await ns.exec("ip", ["-br", "addr"]);
 * ns.delete();
 */
export class Netns implements Disposable {
  /** Name under /run/netns, if it was created or opened by one. */
  readonly name: string | undefined;
  /** Inode number: two handles with the same number are the same namespace. */
  readonly inode: number;
  /**
   * Undefined for the home namespace, whose descriptor everything returns by: it stays open as long as the
   * thread lives.
   */
  readonly #owned: Fd | undefined;
  /** Calls of {@link run} under way. */
  #inside = 0;
  #closed = false;

  private constructor(owned: Fd | undefined, inode: number, name: string | undefined) {
    this.#owned = owned;
    this.inode = inode;
    this.name = name;
  }

  /** The namespace this thread started in. Closing it does nothing. */
  static get home(): Netns {
    return new Netns(undefined, homeNamespace().inode, undefined);
  }

  /**
   * Opens a namespace by its name under /run/netns, or by a path (anything with a slash), such as
   * `/proc/4711/ns/net`.
   *
   * @throws {@link NetlinkError} `ERR_NOT_FOUND`, or `ERR_INVALID` when the file is not a network namespace.
   */
  static open(nameOrPath: string): Netns {
    const op = `open network namespace ${nameOrPath}`;
    if (nameOrPath.includes("/")) return Netns.#own(openNamespaceFile(op, nameOrPath), undefined);
    return Netns.#own(openNamespaceFile(op, namespacePath(op, nameOrPath)), nameOrPath);
  }

  /**
   * Makes a namespace and mounts it at /run/netns/NAME, where `ip netns` sees it too. Its loopback is down.
   * Needs CAP_SYS_ADMIN. If it fails nothing is left behind.
   *
   * @throws {@link NetlinkError} `ERR_EXISTS`, `ERR_PERMISSION`, or `ERR_INVALID` for a name with a slash.
   */
  static create(name: string): Netns {
    const op = `create network namespace ${name}`;
    const path = namespacePath(op, name);
    createMountPoint(op, path);
    try {
      const fd = newNamespace(op, () => {
        mountThreadNetns(op, path);
      });
      return Netns.#own(fd, name);
    } catch (error) {
      discardMountPoint(path);
      throw error;
    }
  }

  /** Makes a namespace without a name: only this handle keeps it. Needs CAP_SYS_ADMIN. */
  static createAnonymous(): Netns {
    return Netns.#own(newNamespace("create anonymous network namespace"), undefined);
  }

  /**
   * Unmounts and removes /run/netns/NAME. The namespace itself lives on while a process or a handle is
   * inside.
   *
   * @throws {@link NetlinkError} `ERR_NOT_FOUND`.
   */
  static delete(name: string): void {
    const op = `delete network namespace ${name}`;
    removeNamespaceFile(op, namespacePath(op, name));
  }

  /** Names under /run/netns, sorted; empty if there is no such directory. */
  static list(): string[] {
    return namespaceNames();
  }

  static #own(fd: number, name: string | undefined): Netns {
    return new Netns(new Fd(fd, "network namespace"), fstatSync(fd).ino, name);
  }

  /** The descriptor, lent. @throws {@link NetlinkError} `ERR_CLOSED` */
  get fd(): number {
    if (this.#closed) throw closed(`use network namespace ${this.id}`);
    return this.#owned?.value ?? homeNamespace().fd;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** As the kernel writes it: `net:[4026531840]`. */
  get id(): string {
    return `net:[${this.inode}]`;
  }

  /** A second handle to the same namespace, closed on its own. */
  clone(): Netns {
    return Netns.#own(
      openNamespaceFile("clone network namespace handle", `/proc/self/fd/${this.fd}`),
      this.name,
    );
  }

  /** Whether both are handles to one namespace. */
  equals(other: Netns): boolean {
    return this.inode === other.inode;
  }

  /**
   * Runs `fn` with the calling thread inside the namespace and returns its result. Sockets opened there
   * stay there; paths under
   * /proc/thread-self/net and /proc/sys/net read there. Calls nest, and an exception comes home before it
   * arrives.
   *
   * Synchronous only, because everything else on this thread would run in the namespace meanwhile: an async
   * callback does not compile, and a promise returned all the same is a TypeError. Start nothing that
   * finishes later either: `net.Server.listen` binds after the thread has returned (see {@link listenTcp}),
   * file operations with callbacks run on other threads, and a Worker started inside stays inside.
   *
   * Should the way back be barred, the process is aborted.
   */
  run<R>(fn: () => R extends PromiseLike<unknown> ? never : R): R {
    const result = this.#enter<R>(fn);
    if (isPromise(result))
      throw new TypeError("Netns.run takes a synchronous function; this one returned a promise");
    return result;
  }

  /**
   * Starts a program inside the namespace. Its /sys is the caller's, unlike under `ip netns exec`: bpffs
   * and cgroups stay visible, and /sys/class/net shows the caller's devices.
   */
  spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): ChildProcess {
    return inNamespace(this, () => spawn(command, args, options));
  }

  /**
   * Runs a program inside the namespace to its end and returns what it wrote.
   * A code other than 0 is a result, not an error.
   *
   * @throws the error of `child_process.spawn`, such as ENOENT, and `AbortError` when `signal` fires.
   */
  async exec(command: string, args: readonly string[] = [], options: ExecOptions = {}): Promise<ExecResult> {
    const { input, ...rest } = options;
    return collect(this.spawn(command, args, { ...rest, stdio: "pipe" }), input);
  }

  /**
   * Removes the name this namespace was created or opened with, and closes the handle.
   *
   * @throws {@link NetlinkError} `ERR_NOT_FOUND`, or `ERR_INVALID` when it has no name.
   */
  delete(): void {
    if (this.name === undefined)
      throw new NetlinkError("ERR_INVALID", `delete network namespace ${this.id}`, "it has no name");
    Netns.delete(this.name);
    this.close();
  }

  /** Gives up the descriptor; called from inside the namespace, on leaving it. May be called again. */
  close(): void {
    if (this.#owned === undefined) return;
    this.#closed = true;
    if (this.#inside === 0) this.#owned.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * The descriptor is the way back for whoever goes on to another namespace from inside: it outlives the
   * visit.
   */
  #enter<R>(fn: () => R): R {
    this.#inside += 1;
    try {
      return inNamespace(this, fn);
    } finally {
      this.#inside -= 1;
      if (this.#closed && this.#inside === 0) this.#owned?.close();
    }
  }
}
