import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { unmountBpffs } from "@netloom/bpf-loader";
import { Netns, Rtnl } from "@netloom/netlink";
import { killProcessesIn } from "./processes.ts";

const RUN = "/run";

/** A namespace that has a name, as all of a lab's do. */
export type NamedNetns = Netns & { readonly name: string };

/**
 * Everything a run makes on the machine, under names that bear its process id, so that nothing stays behind: not after
 * a failure, and what a killed run left goes when the next one starts.
 */
export class Lab implements AsyncDisposable {
  /** Starts every name, e.g. `netloom-demo-4711`. */
  readonly prefix: string;
  readonly #namespaces = new Map<string, NamedNetns>();
  readonly #processes = new Set<ChildProcess>();
  readonly #steps: (() => Promise<unknown> | void)[] = [];

  /** @param purpose - lower-case letters: whose lab it is. Runs of another purpose are left alone. */
  constructor(purpose: string) {
    const kind = `netloom-${purpose}`;
    for (const pid of leftBehind(kind)) removeAll(`${kind}-${pid}`);
    this.prefix = `${kind}-${process.pid}`;
    mkdirSync(this.bpffs, { recursive: true });
  }

  /** Where the datapaths of this run may keep their pins. */
  get bpffs(): string {
    return join(RUN, this.prefix, "bpf");
  }

  /** A directory for what a program of this run keeps. Its parent goes with the lab, and with it the directory. */
  directory(name: string): string {
    const directory = join(RUN, this.prefix, name);
    mkdirSync(directory, { recursive: true });
    return directory;
  }

  /** A network namespace: a node, a pod, the fabric. Made when it is asked for the first time. */
  namespace(name: string): NamedNetns {
    let netns = this.#namespaces.get(name);
    if (netns === undefined) {
      netns = Netns.create(`${this.prefix}-${name}`) as NamedNetns;
      this.#namespaces.set(name, netns);
      using rtnl = Rtnl.open({ netns });
      rtnl.links.set("lo", { up: true });
    }
    return netns;
  }

  /** Runs a program in a namespace; it ends with the lab at the latest. */
  spawn(name: string, command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    return this.#own(this.namespace(name).spawn(command, args, options));
  }

  /** Runs a program where this process is, to be talked to; it ends when its input does, or with the lab. */
  spawnAtHome(command: string, args: readonly string[]): ChildProcess {
    return this.#own(spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] }));
  }

  #own(child: ChildProcess): ChildProcess {
    this.#processes.add(child);
    child.once("exit", () => this.#processes.delete(child));
    return child;
  }

  /** To be done at the end, the last first. */
  defer(step: () => Promise<unknown> | void): void {
    this.#steps.push(step);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes) child.kill("SIGKILL");
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        console.error(`clean-up: ${String(error)}`);
      }
    }
    for (const netns of this.#namespaces.values()) netns.close();
    this.#namespaces.clear();
    removeAll(this.prefix);
  }
}

/** Process ids of runs that died and left something. */
function leftBehind(kind: string): Set<string> {
  const names = [...Netns.list(), ...readdirSync(RUN)];
  const pids = names.flatMap((name) => new RegExp(`^${kind}-(\\d+)`).exec(name)?.[1] ?? []);
  return new Set(pids.filter((pid) => pid !== String(process.pid) && !alive(Number(pid))));
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** With its last namespace a veth pair goes, and with its last pin and device a program. */
function removeAll(prefix: string): void {
  for (const name of Netns.list()) {
    if (!name.startsWith(`${prefix}-`)) continue;
    killProcessesIn(join(RUN, "netns", name));
    Netns.delete(name);
  }
  const directory = join(RUN, prefix);
  unmountBpffs(join(directory, "bpf"));
  rmSync(directory, { recursive: true, force: true });
}
