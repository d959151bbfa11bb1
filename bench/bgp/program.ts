import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Lab } from "@netloom/lab";
import type { Report } from "./programs/talk.ts";

/** A program of ours in a namespace, talked to by lines of JSON. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #reports: Report[] = [];
  readonly #waiting = new Map<string, (report: Report) => void>();
  #failure: ((error: Error) => void) | undefined;
  #ended = false;

  /** @param path - built; otherwise it is run from its source */
  constructor(
    lab: Lab,
    namespace: string,
    name: string,
    args: readonly (string | number)[],
    path = fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url)),
  ) {
    const node = ["--conditions=@netloom/source", "--disable-warning=ExperimentalWarning", path];
    this.#name = name;
    this.#child = lab.spawn(namespace, process.execPath, [...node, ...args.map(String)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface({ input: this.#child.stdout! }).on("line", (line) =>
      this.#take(JSON.parse(line) as Report),
    );
    this.#child.stdin!.on("error", () => undefined);
    this.#child.once("exit", () => {
      this.#ended = true;
      this.#failure?.(this.#gone());
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  order(event: string, more: Readonly<Record<string, unknown>> = {}): void {
    this.#child.stdin!.write(`${JSON.stringify({ event, ...more })}\n`);
  }

  /** The next report of this name, or one that has come and has not been asked for. @throws when the program ends. */
  next(event: string): Promise<Report> {
    const at = this.#reports.findIndex((report) => report.event === event);
    if (at >= 0) return Promise.resolve(this.#reports.splice(at, 1)[0]!);
    if (this.#ended) return Promise.reject(this.#gone());
    return new Promise((resolve, reject) => {
      this.#failure = reject;
      this.#waiting.set(event, resolve);
    });
  }

  #take(report: Report): void {
    const waiting = this.#waiting.get(report.event);
    this.#waiting.delete(report.event);
    if (waiting === undefined) this.#reports.push(report);
    else waiting(report);
  }

  #gone(): Error {
    return new Error(`${this.#name} has ended: code ${this.#child.exitCode}, ${this.#child.signalCode}`);
  }

  /** Gone when it is done: the next of its kind wants the same port. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

/** A moment of a report, in nanoseconds. */
export function momentOf(report: Report, field = "at"): bigint {
  return BigInt(report[field] as string);
}
