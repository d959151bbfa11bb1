import { connect, type Socket } from "node:net";
import { NetloomError } from "@netloom/core";
import type { ErrorReport } from "../driver.ts";
import {
  decodeLine,
  encodeLine,
  linesOf,
  VERSION,
  type AgentHello,
  type Answer,
  type EventMessage,
  type ProcessHello,
  type Refusal,
} from "./wire.ts";

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Incoming = ProcessHello | Refusal | Answer | EventMessage;

/** A connection to a `netloom-bgp`, from its hello until it ends. */
export class ProcessConnection {
  readonly #socket: Socket;
  readonly #onEvent: (message: EventMessage) => void;
  readonly #waiting = new Map<number, Waiting>();
  #hello: Waiting | undefined;
  #lastId = 0;
  #onClosed: () => void = () => undefined;
  /** Resolves when it has ended, whoever ended it. */
  readonly closed: Promise<void> = new Promise((resolve) => (this.#onClosed = resolve));

  private constructor(socket: Socket, onEvent: (message: EventMessage) => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
    socket.on("error", () => undefined); // Told by whoever reads.
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /**
   * @throws {@link NetloomError} `ERR_BGP_BUSY` where another agent has it, `ERR_UNSUPPORTED` where it is too old or too new,
   *   `ERR_CLOSED` where nobody is there. Aborting closes it at any time.
   */
  static async open(
    path: string,
    onEvent: (message: EventMessage) => void,
    signal: AbortSignal,
  ): Promise<{ readonly connection: ProcessConnection; readonly hello: ProcessHello }> {
    signal.throwIfAborted();
    const socket = connect(path);
    const abort = (): void => void socket.destroy();
    signal.addEventListener("abort", abort);
    const connection = new ProcessConnection(socket, onEvent);
    const hello = new Promise<unknown>((resolve, reject) => (connection.#hello = { resolve, reject }));
    void connection.#read(path);
    const greeting: AgentHello = { type: "hello", versions: [VERSION] };
    connection.#write(greeting);
    void connection.closed.then(() => signal.removeEventListener("abort", abort));
    return { connection, hello: (await hello) as ProcessHello };
  }

  call(name: string, ...parameters: readonly unknown[]): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(gone());
        return;
      }
      this.#waiting.set(id, { resolve, reject });
      this.#write({ id, call: name, parameters });
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  async #read(path: string): Promise<void> {
    let cause: unknown;
    try {
      for await (const line of linesOf(this.#socket)) this.#take(decodeLine(line) as Incoming);
    } catch (error) {
      cause = error;
    }
    this.#socket.destroy();
    const lost = gone(path, cause);
    this.#hello?.reject(lost);
    for (const { reject } of this.#waiting.values()) reject(lost);
    this.#waiting.clear();
    this.#onClosed();
  }

  #take(message: Incoming): void {
    if ("event" in message) this.#onEvent(message);
    else if ("type" in message) {
      if (message.type === "hello") this.#hello?.resolve(message);
      else this.#hello?.reject(failure(message));
      this.#hello = undefined;
    } else {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if ("error" in message) waiting?.reject(failure(message.error));
      else waiting?.resolve(message.result);
    }
  }

  #write(message: unknown): void {
    this.#socket.write(`${encodeLine(message)}\n`);
  }
}

/** What the other process threw, under the same code. */
export function failure({ code, message }: ErrorReport): Error {
  if (code === undefined) return new Error(message);
  return new NetloomError(code, message, { backend: "bgp", retryable: code === "ERR_BGP_BUSY" });
}

export function gone(path?: string, cause?: unknown): NetloomError {
  const where = path === undefined ? "" : ` at ${path}`;
  return new NetloomError("ERR_CLOSED", `the process netloom-bgp${where} is not there`, {
    remedy: "start it; the agent finds it again by itself",
    retryable: true,
    backend: "bgp",
    ...(cause === undefined ? {} : { cause }),
  });
}
