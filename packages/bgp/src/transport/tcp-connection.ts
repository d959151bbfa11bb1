import type { Socket } from "node:net";
import type { Endpoints } from "@netloom/sockets";
import { BgpError } from "../errors.ts";
import type { Connection } from "./transport.ts";

/** A connection over a socket, which it owns. */
export class TcpConnection implements Connection {
  readonly local: Endpoints["local"];
  readonly remote: Endpoints["remote"];
  onDrain: () => void = nothing;
  onClose: (error: Error | undefined) => void = nothing;
  readonly #socket: Socket;
  #onData: ((bytes: Uint8Array) => void) | undefined;
  #paused = false;
  /** Something was written since the last {@link onDrain}. */
  #full = false;
  #ending = false;
  #deadline: NodeJS.Timeout | undefined;
  #error: Error | undefined;

  constructor(socket: Socket, { local, remote }: Endpoints) {
    this.local = local;
    this.remote = remote;
    this.#socket = socket;
    socket.pause();
    socket.on("data", ({ buffer, byteOffset, byteLength }: Buffer) => {
      // A Buffer's `slice` is no copy: a few bytes that somebody keeps would keep 64 KiB.
      if (!this.#ending) this.#onData?.(new Uint8Array(buffer, byteOffset, byteLength));
    });
    // Without anybody to read, or to answer, a half-closed connection is of no use.
    socket.on("end", () => {
      if (!this.#ending) socket.destroy();
    });
    socket.on("error", (error) => {
      this.#error = error;
    });
    socket.on("close", () => this.#closed());
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  get onData(): (bytes: Uint8Array) => void {
    return this.#onData ?? nothing;
  }

  /** Reading begins with it. */
  set onData(listener: (bytes: Uint8Array) => void) {
    this.#onData = listener;
    if (!this.#paused) this.#socket.resume();
  }

  write(bytes: Uint8Array): void {
    if (this.#ending || !this.#socket.writable) return;
    this.#full = true;
    this.#socket.write(bytes, this.#written);
  }

  pause(): void {
    if (this.#ending) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#onData !== undefined) this.#socket.resume();
  }

  end(deadline: number): void {
    if (this.#ending || this.#socket.destroyed) return;
    this.#ending = true;
    this.#deadline = setTimeout(() => this.#socket.destroy(), deadline);
    // Until the peer closes too, all is read that comes: to close on unread bytes is to reset, and a reset throws away
    // what the peer has not read, its NOTIFICATION included (RFC 1122 section 4.2.2.13).
    this.#socket.resume();
    this.#socket.end();
  }

  destroy(): void {
    this.#ending = true;
    this.#socket.destroy();
  }

  readonly #written = (error: Error | null | undefined): void => {
    if (error || !this.#full || this.#ending || this.#socket.writableLength > 0) return;
    this.#full = false;
    this.onDrain();
  };

  #closed(): void {
    clearTimeout(this.#deadline);
    // After one's own end nothing that went wrong is news.
    const cause = this.#ending ? undefined : this.#error;
    this.onClose(
      cause === undefined ? undefined : new BgpError("ERR_BGP_TRANSPORT", cause.message, { cause }),
    );
  }
}

const nothing = (): void => undefined;
