import type { ChildProcess } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { unmountBpffs } from "@netloom/bpf-loader";
import { Netns, Rtnl } from "@netloom/netlink";

const PREFIX = "netloom-demo";
const RUN = "/run";

/** Everything the demo makes on the machine, under names that bear its process id, so that nothing stays behind. */
export class Lab implements AsyncDisposable {
  readonly #prefix = `${PREFIX}-${process.pid}`;
  readonly #namespaces = new Map<string, Netns>();
  readonly #processes = new Set<ChildProcess>();
  readonly #steps: (() => Promise<unknown> | void)[] = [];

  constructor() {
    for (const pid of leftBehind()) removeAll(`${PREFIX}-${pid}`);
    mkdirSync(this.bpffs, { recursive: true });
  }

  /** Where the datapaths of this run may keep their pins. */
  get bpffs(): string {
    return join(RUN, this.#prefix, "bpf");
  }

  /** A network namespace: a node, a pod, the fabric. */
  namespace(name: string): Netns {
    let netns = this.#namespaces.get(name);
    if (netns === undefined) {
      netns = Netns.create(`${this.#prefix}-${name}`);
      this.#namespaces.set(name, netns);
      using rtnl = Rtnl.open({ netns });
      rtnl.links.set("lo", { up: true });
    }
    return netns;
  }

  /** Runs one of the demo's programs in a namespace. */
  spawn(name: string, program: string, ...args: readonly string[]): ChildProcess {
    const file = join(import.meta.dirname, "programs", program);
    const child = this.namespace(name).spawn(process.execPath, [file, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
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
    removeAll(this.#prefix);
  }
}

/** Process ids of demos that died and left something. */
function leftBehind(): Set<string> {
  const names = [...Netns.list(), ...readdirSync(RUN)];
  const pids = names.flatMap((name) => new RegExp(`^${PREFIX}-(\\d+)`).exec(name)?.[1] ?? []);
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
  for (const name of Netns.list()) if (name.startsWith(`${prefix}-`)) Netns.delete(name);
  const directory = join(RUN, prefix);
  unmountBpffs(join(directory, "bpf"));
  rmSync(directory, { recursive: true, force: true });
}
