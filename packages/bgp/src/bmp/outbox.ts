import type { Connection } from "../transport/transport.ts";

/** Bytes of a write. */
const CHUNK = 0x1_0000;

/** Gathers what is sent in one turn into few writes: a table in small messages would be a system call, or an object, each. */
export class Outbox {
  readonly #connection: Connection;
  #chunk: Uint8Array | undefined;
  #filled = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Bytes that the station has not taken. */
  get waiting(): number {
    return this.#connection.bufferedBytes + this.#filled;
  }

  send(message: Uint8Array): void {
    if (this.#filled + message.length > CHUNK) this.flush();
    if (message.length > CHUNK) {
      this.#connection.write(message);
      return;
    }
    if (this.#filled === 0) queueMicrotask(() => this.flush());
    this.#chunk ??= new Uint8Array(CHUNK);
    this.#chunk.set(message, this.#filled);
    this.#filled += message.length;
  }

  flush(): void {
    const chunk = this.#chunk;
    if (chunk === undefined || this.#filled === 0) return;
    // What is written is given away: a small part of a chunk is copied, so that the rest need not be.
    const whole = this.#filled > CHUNK / 2;
    const bytes = whole ? chunk.subarray(0, this.#filled) : chunk.slice(0, this.#filled);
    if (whole) this.#chunk = undefined;
    this.#filled = 0;
    this.#connection.write(bytes);
  }
}
