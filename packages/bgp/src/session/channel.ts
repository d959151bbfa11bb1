import { BgpError } from "../errors.ts";
import type { Connection } from "../transport/transport.ts";
import { MessageReader, type Message } from "../wire/message.ts";
import type { Slices } from "./slices.ts";

/** Bytes that may wait for a slow peer before its session asks for no more. */
const HIGH_WATER = 0x4_0000;
/** Milliseconds that a NOTIFICATION has to get out. */
const LAST_WORDS = 2000;

export interface ChannelHandler {
  /** A message, its header checked. Borrowed during the call. */
  message(message: Message): void;
  /** Bytes that are no message: nothing more is read. */
  malformed(error: BgpError): void;
  /** Something came, whatever it was. */
  heard(): void;
  closed(error: Error | undefined): void;
  /** There is room again, after there was none. */
  writable(): void;
}

/**
 * Messages over a connection. Reads in slices: while one waits for its next, the connection is paused, so that no more
 * than a chunk is ever held.
 */
export class Channel {
  readonly connection: Connection;
  readonly #slices: Slices;
  readonly #handler: ChannelHandler;
  readonly #reader = new MessageReader();
  #waiting = false;
  #full = false;
  #over = false;
  /** It has closed, and what came before that is still to be read. */
  #end: { readonly error: Error | undefined } | undefined;
  #written = 0;
  #closing: () => void = ignore;
  /** When it is closed, whoever closed it. */
  readonly gone: Promise<void> = new Promise((resolve) => {
    this.#closing = resolve;
  });

  /** Nothing is read before {@link read}. */
  constructor(connection: Connection, slices: Slices, handler: ChannelHandler) {
    this.connection = connection;
    this.#slices = slices;
    this.#handler = handler;
    connection.pause();
    connection.onData = (bytes) => {
      this.#take(bytes);
    };
    connection.onDrain = () => {
      this.#drained();
    };
    connection.onClose = (error) => {
      this.#closed(error);
    };
  }

  read(): void {
    this.connection.resume();
  }

  /** Of messages that come from now on: RFC 8654. */
  setMaximum(bytes: number): void {
    this.#reader.setMaximum(bytes);
  }

  send(message: Uint8Array): void {
    this.#written += message.length;
    this.connection.write(message);
    if (!this.writable) this.#full = true;
  }

  get writable(): boolean {
    return !this.#over && this.connection.bufferedBytes < HIGH_WATER;
  }

  /** Bytes that the kernel has taken so far: grows as long as the peer reads. */
  get taken(): number {
    return this.#written - this.connection.bufferedBytes;
  }

  get drained(): boolean {
    return this.connection.bufferedBytes === 0;
  }

  /** Bytes have come that nobody has looked at yet. */
  get behind(): boolean {
    return this.#waiting;
  }

  /** What was sent goes out, then it closes. Nothing is heard of it any more. */
  end(): void {
    if (this.#abandon()) this.connection.end(LAST_WORDS);
  }

  destroy(): void {
    if (this.#abandon()) this.connection.destroy();
  }

  #abandon(): boolean {
    if (this.#over) return false;
    this.#over = true;
    // What still comes is read, and means nothing: unread bytes would make the kernel reset what goes out.
    this.connection.onData = ignore;
    this.connection.onDrain = ignore;
    this.connection.onClose = () => {
      this.#closing();
    };
    this.connection.resume();
    return true;
  }

  #take(bytes: Uint8Array): void {
    this.#handler.heard();
    this.#reader.push(bytes);
    if (!this.#waiting && !this.#slices.run(this.#work)) this.#wait();
    else if (this.#waiting) this.#reader.keep();
  }

  #wait(): void {
    this.#waiting = true;
    this.#reader.keep();
    if (!this.#over) this.connection.pause();
  }

  readonly #work = (): boolean => {
    const resumed = this.#waiting;
    if (resumed && !this.#over) this.#handler.heard();
    while (!this.#over) {
      const message = this.#next();
      if (message === undefined) break;
      this.#handler.message(message);
      if (this.#slices.spent) return !this.#over;
    }
    this.#waiting = false;
    if (this.#end !== undefined) this.#closed(this.#end.error);
    else if (resumed && !this.#over) this.connection.resume();
    return false;
  };

  #next(): Message | undefined {
    try {
      return this.#reader.next();
    } catch (error) {
      if (!(error instanceof BgpError)) throw error;
      this.#handler.malformed(error);
      return undefined;
    }
  }

  #drained(): void {
    if (!this.#full || !this.writable) return;
    this.#full = false;
    this.#handler.writable();
  }

  #closed(error: Error | undefined): void {
    this.#closing();
    if (this.#over) return;
    if (this.#waiting) {
      this.#end = { error };
      return;
    }
    this.#over = true;
    this.#handler.closed(error);
  }
}

function ignore(): void {
  // Nobody is there any more.
}
