import { decodeEvent, type RtnlEvent } from "./events.ts";
import { type NetlinkSocket, NOTHING_THERE, OVERRUN } from "./sys/netlink-socket.ts";
import { MessageCursor } from "./wire/message.ts";

export interface SubscribeOptions {
  /** Ends the iteration without an error. */
  readonly signal?: AbortSignal;
  /**
   * Bytes of events the kernel queues for a slow reader before it drops some, as it counts them: about 1
   * KiB each.
   * @defaultValue 4 MiB
   */
  readonly receiveBuffer?: number;
}

/** Enough for any datagram of events; most hold one message. */
const DATAGRAM_BYTES = 0x2_0000;

/**
 * The events of a namespace, from the moment it was made. Events wait in the kernel until they are asked
 * for, so a slow reader costs no memory here: when the kernel's queue overflows, a `resync` event stands
 * where events are missing.
 *
 * For the state as it is now, subscribe first and list then: an event may tell what the list said already,
 * but nothing is missed. Ends on `close()`, on leaving a `for await` loop, or when the signal fires.
 */
export class Subscription implements AsyncIterableIterator<RtnlEvent, undefined>, Disposable {
  readonly #socket: NetlinkSocket;
  readonly #buffer: Buffer = Buffer.alloc(DATAGRAM_BYTES);
  readonly #detach: () => void;
  #queue: RtnlEvent[] = [];
  #closed = false;
  /** Calls to next() that wait, in order; the last link of the chain. */
  #tail: Promise<unknown> = Promise.resolve();
  #wake: (() => void) | undefined;

  /** Owns the socket, which has joined its groups. @internal */
  constructor(socket: NetlinkSocket, signal?: AbortSignal) {
    this.#socket = socket;
    const onAbort = (): void => {
      this.close();
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#detach = (): void => signal?.removeEventListener("abort", onAbort);
    if (signal?.aborted === true) this.close();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next event; done after {@link close}. May be called again before the first is answered. */
  next(): Promise<IteratorResult<RtnlEvent, undefined>> {
    const result = this.#tail.then(() => this.#next());
    this.#tail = result.catch(() => undefined);
    return result;
  }

  return(): Promise<IteratorResult<RtnlEvent, undefined>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Leaves the groups. A reader that waits is told that this is the end. May be called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#detach();
    this.#wake?.();
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #next(): Promise<IteratorResult<RtnlEvent, undefined>> {
    while (!this.#closed) {
      const event = this.#queue.shift();
      if (event !== undefined) return { done: false, value: event };
      if (!this.#fill()) await this.#readable();
    }
    return { done: true, value: undefined };
  }

  /** Moves one datagram to the queue; false when there is none. */
  #fill(): boolean {
    const length = this.#socket.receive(this.#buffer);
    if (length === NOTHING_THERE) return false;
    if (length === OVERRUN) {
      this.#discard();
      this.#queue.push({ type: "resync" });
      return true;
    }
    const message = new MessageCursor(this.#buffer, length);
    while (message.next()) {
      const event = decodeEvent(message);
      if (event !== undefined) this.#queue.push(event);
    }
    return true;
  }

  /**
   * What still waits is older than what was lost. Delivered after the marker it would overwrite, in the
   * reader's tables, what the list taken because of the marker says. So it goes; whatever it told, the list
   * tells.
   */
  #discard(): void {
    // Bounded: under a storm there is always something new.
    for (let count = 0; count < 100_000; count += 1) {
      if (this.#socket.receive(this.#buffer) === NOTHING_THERE) return;
    }
  }

  async #readable(): Promise<void> {
    await new Promise<void>((resolve) => {
      const stop = this.#socket.whenReadable(resolve);
      this.#wake = (): void => {
        stop();
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
