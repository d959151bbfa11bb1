import { rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { NetloomError, systemClock } from "@netloom/core";
import { reportOf, type DriverEvents } from "../driver.ts";
import type { SpeakerHost } from "../host.ts";
import { Calls } from "./calls.ts";
import {
  decodeLine,
  encodeLine,
  linesOf,
  VERSION,
  type AgentHello,
  type Call,
  type EventMessage,
  type ProcessHello,
  type Refusal,
} from "./wire.ts";

export interface ServeOptions {
  /** Of the socket, for the owner alone. What a dead process left there is removed. */
  readonly path: string;
  readonly host: SpeakerHost;
  readonly onError?: (error: unknown) => void;
  /** Bytes that wait for an agent at most: one that reads too slowly is let go, and comes back. @defaultValue 8388608 */
  readonly bufferLimit?: number;
}

const BUFFER_LIMIT = 8 * 1024 * 1024;
/** Who says nothing is no agent. Milliseconds. */
const HELLO_WITHIN = 5000;
const STRANGERS = 8;

/**
 * Lets one agent at a time drive a speaker. When the agent goes, the speaker stays as it is.
 *
 * @throws {@link NetloomError} `ERR_BGP_BUSY` where another process serves the socket.
 */
export async function serveSpeaker(options: ServeOptions): Promise<AsyncDisposable> {
  const server = new SpeakerServer(options);
  await server.listen();
  return server;
}

class SpeakerServer implements AsyncDisposable {
  readonly #options: ServeOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #stops: (() => void)[];
  #agent: Socket | undefined;

  constructor(options: ServeOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
    const { events } = options.host;
    const forward = <Name extends keyof DriverEvents>(
      event: Name,
      ...parameters: DriverEvents[Name]
    ): void => {
      this.#tell({ event, parameters });
    };
    this.#stops = [
      events.on("peer:changed", (...parameters) => forward("peer:changed", ...parameters)),
      events.on("rib:complete", (...parameters) => forward("rib:complete", ...parameters)),
      events.on("error", (error) => forward("error", reportOf(error))),
    ];
  }

  async listen(): Promise<void> {
    const { path } = this.#options;
    if (await answers(path)) {
      const message = `another process serves ${path}`;
      throw new NetloomError("ERR_BGP_BUSY", message, { remedy: "end it first", backend: "bgp" });
    }
    await rm(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      // From the first moment: a mode that is set later leaves a gap.
      const mask = process.umask(0o177);
      try {
        this.#server.listen(path, resolve);
      } finally {
        process.umask(mask);
      }
    });
    this.#server.on("error", (error) => this.#options.onError?.(error));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stop of this.#stops) stop();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    const strangers = this.#sockets.size - (this.#agent === undefined ? 0 : 1);
    if (strangers >= STRANGERS) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.on("error", () => undefined); // Its end tells.
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (this.#agent === socket) this.#agent = undefined;
    });
    this.#serve(socket)
      .catch((error: unknown) => this.#options.onError?.(error))
      .finally(() => socket.destroySoon());
  }

  async #serve(socket: Socket): Promise<void> {
    const timer = systemClock.after(HELLO_WITHIN, () => socket.destroy());
    const calls = new Calls(this.#options.host);
    try {
      // The end of this loop must not be the end of the socket: a refusal may still be on its way.
      for await (const line of linesOf(socket.iterator({ destroyOnReturn: false }))) {
        if (this.#agent !== socket) {
          const refusal = this.#greet(socket, line);
          timer.cancel();
          if (refusal !== undefined) {
            write(socket, refusal);
            return;
          }
        } else await this.#answer(socket, calls, decodeLine(line) as Call);
      }
    } catch (error) {
      // An agent that breaks off is no error of ours.
      if (!socket.destroyed) throw error;
    } finally {
      timer.cancel();
    }
  }

  /** `undefined`: it is our agent from now on. */
  #greet(socket: Socket, line: string): Refusal | undefined {
    const { host } = this.#options;
    const hello = decodeLine(line) as Partial<AgentHello> | null;
    const versions: readonly unknown[] = Array.isArray(hello?.versions) ? hello.versions : [];
    if (hello?.type !== "hello" || !versions.includes(VERSION)) {
      return refusal(
        "ERR_UNSUPPORTED",
        `this process speaks version ${VERSION}, the agent ${versions.join(", ")}`,
      );
    }
    if (this.#agent !== undefined) {
      return refusal("ERR_BGP_BUSY", `an agent drives process ${process.pid} already`);
    }
    this.#agent = socket;
    const answer: ProcessHello = {
      type: "hello",
      version: VERSION,
      pid: process.pid,
      configured: host.running,
      digests: host.sets.digests(),
    };
    write(socket, answer);
    return undefined;
  }

  async #answer(socket: Socket, calls: Calls, call: Call): Promise<void> {
    try {
      write(socket, { id: call.id, result: await calls.carryOut(call.call, call.parameters) });
    } catch (error) {
      write(socket, { id: call.id, error: reportOf(error) });
    }
    // The next call is read when the agent has read this far.
    if (socket.writableNeedDrain) await drained(socket);
  }

  #tell(message: EventMessage): void {
    const { bufferLimit = BUFFER_LIMIT } = this.#options;
    if (this.#agent === undefined) return;
    if (this.#agent.writableLength > bufferLimit) this.#agent.destroy();
    else write(this.#agent, message);
  }
}

function refusal(code: string, message: string): Refusal {
  return { type: "refused", code, message };
}

function write(socket: Socket, message: unknown): void {
  if (socket.writable) socket.write(`${encodeLine(message)}\n`);
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });
}

/** Somebody listens there. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
