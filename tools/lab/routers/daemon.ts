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
  /** It is up when this file is there: its socket. */
  readonly socket: string;
}

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
    { namespace, command, args, directory, socket }: DaemonOptions,
  ): Promise<Daemon> {
    const logFile = join(directory, `${command.slice(command.lastIndexOf("/") + 1)}.log`);
    const log = openSync(logFile, "a");
    const child = lab.spawn(namespace, command, args, { stdio: ["ignore", log, log], cwd: directory });
    closeSync(log);
    const daemon = new Daemon(child, logFile);
    const failed = once(child, "exit").then(
      () => "it has ended",
      (error: unknown) => String(error),
    );
    for (let waited = 0; !existsSync(socket); waited += 10) {
      const ended = await Promise.race([failed, sleep(10)]);
      if (ended === undefined && waited < 10_000) continue;
      await daemon.kill();
      throw new Error(`${command} did not start: ${ended ?? "no socket"}\n${daemon.log()}`);
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
