import { spawn, type ChildProcessByStdio } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { Clang } from "../lib/clang.ts";

/** `peer.c`, running and waiting for tasks: what it costs to start it is not measured. */
export class Peer implements Disposable {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;

  constructor(clang: Clang, ring: string, datapath: string) {
    const program = clang.program(new URL("peer.c", import.meta.url));
    this.#process = spawn(program, [ring, datapath], { stdio: ["pipe", "pipe", "inherit"] });
    process.once("exit", () => this[Symbol.dispose]());
    this.#answers = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** Does one round of a task; the numbers that it answers with. */
  async ask(task: string): Promise<readonly number[]> {
    this.#process.stdin.write(`${task}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error(`the peer ended at ${task}: its message is above`);
    return value.split(" ").map(Number);
  }

  /** CPU nanoseconds for one operation of a task. */
  cost(task: string): () => Promise<number> {
    return async () => (await this.ask(task))[0]!;
  }

  [Symbol.dispose](): void {
    this.#process.kill();
  }
}
