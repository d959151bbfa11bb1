import type { ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "../lab.ts";

export interface DaemonOptions {
  /** The namespace it lives in. */
  readonly namespace: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Has its log; `<command>.log`. */
  readonly directory: string;
  /** Of its own, by which it is asked. */
  readonly socket: string;
  /** It is up when its socket is there and this does not fail. @defaultValue nothing is asked */
  readonly ask?: () => Promise<unknown>;
}

/** Milliseconds. */
const PATIENCE = 10_000;

/** A program that stays: started, up, and ended by its process id. */
export class Daemon {
  readonly #child: ChildProcess;
  readonly #logFile: string;

  private constructor(child: ChildProcess, logFile: string) {
    this.#child = child;
    this.#logFile = logFile;
  }

  /** @throws when it ends, or is not up after ten seconds: with its log. */
  static async start(
    lab: Lab,
    { namespace, command, args, directory, socket, ask = () => Promise.resolve() }: DaemonOptions,
  ): Promise<Daemon> {
    const logFile = join(directory, `${command.slice(command.lastIndexOf("/") + 1)}.log`);
    const log = openSync(logFile, "a");
    const child = lab.spawn(namespace, command, args, { stdio: ["ignore", log, log], cwd: directory });
    closeSync(log);
    // One that cannot be started has no process id, and says so here.
    child.once("error", () => undefined);
    const daemon = new Daemon(child, logFile);
    const deadline = performance.now() + PATIENCE;
    while (!existsSync(socket) || !(await answers(ask))) {
      const ended = child.exitCode !== null || child.pid === undefined;
      if (!ended && performance.now() < deadline) await sleep(10);
      else {
        await daemon.kill();
        throw new Error(
          `${command} did not start: ${ended ? "it has ended" : "it does not answer"}\n${daemon.log()}`,
        );
      }
    }
    return daemon;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  log(): string {
    return readFileSync(this.#logFile, "utf8");
  }

  async kill(): Promise<void> {
    if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null)
      return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

async function answers(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask();
    return true;
  } catch {
    return false;
  }
}
