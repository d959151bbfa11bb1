import type { BgpError } from "../errors.ts";
import { concatenate, uint16 } from "./bytes.ts";
import { CLASSIC_MAXIMUM, HEADER, MESSAGE_TYPE, type MessageType } from "./header.ts";
import { NOTIFICATION, refusal } from "./refusal.ts";

/** A message whose header has been checked. */
export interface Message {
  readonly type: MessageType;
  /** All of it, header included. Borrowed: valid until the reader is called again. */
  readonly bytes: Uint8Array;
}

/** By number, with the smallest that is one: RFC 4271 section 6.1. */
const TYPES: readonly (readonly [type: MessageType, minimum: number] | undefined)[] = [
  undefined,
  ["open", 29],
  ["update", 23],
  ["notification", 21],
  ["keepalive", HEADER],
  ["route-refresh", 23],
];

const NO_BYTES = new Uint8Array(0);

/**
 * Cuts a stream of bytes into messages. A message that lies whole in a chunk is not copied; of one that does not, the
 * part that has come is kept, and nothing more.
 *
 * @example
 * reader.push(chunk);
 * for (let message = reader.next(); message !== undefined; message = reader.next()) handle(message);
 */
export class MessageReader {
  #chunk: Uint8Array = NO_BYTES;
  #at = 0;
  /** The beginning of a message, `#kept` bytes of it. */
  #partial: Uint8Array = NO_BYTES;
  #kept = 0;
  #maximum = CLASSIC_MAXIMUM;
  #failure: BgpError | undefined;

  /** Of messages other than OPEN and KEEPALIVE, from the next one on: what was negotiated (RFC 8654). */
  setMaximum(bytes: number): void {
    this.#maximum = bytes;
  }

  /** Bytes that wait: of the chunk, and of a message not yet whole. */
  get pendingBytes(): number {
    return this.#kept + this.#chunk.length - this.#at;
  }

  /** More of the stream. Borrowed until {@link next} has returned `undefined`, or {@link keep} was called. */
  push(bytes: Uint8Array): void {
    if (this.#at < this.#chunk.length) {
      this.#chunk = concatenate([this.#chunk.subarray(this.#at), bytes]);
    } else {
      this.#chunk = bytes;
    }
    this.#at = 0;
  }

  /** Copies what is left of the chunk: for who goes on later, when the chunk may have been reused. */
  keep(): void {
    this.#chunk = this.#chunk.slice(this.#at);
    this.#at = 0;
  }

  /**
   * The next message, or `undefined` when more bytes are needed.
   *
   * @throws {@link BgpError} `ERR_BGP_MESSAGE` with the NOTIFICATION of RFC 4271 section 6.1; from then on always.
   */
  next(): Message | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#kept > 0 ? this.#nextJoined() : this.#nextWhole();
  }

  #nextWhole(): Message | undefined {
    const available = this.#chunk.length - this.#at;
    if (available >= HEADER) {
      const { type, length } = this.#header(this.#chunk, this.#at);
      if (available >= length) {
        const start = this.#at;
        this.#at += length;
        return { type, bytes: this.#chunk.subarray(start, this.#at) };
      }
    }
    if (available > 0) this.#take(available);
    return this.#release();
  }

  #nextJoined(): Message | undefined {
    if (this.#kept < HEADER) this.#take(Math.min(HEADER - this.#kept, this.#chunk.length - this.#at));
    if (this.#kept < HEADER) return this.#release();
    const { type, length } = this.#header(this.#partial, 0);
    this.#take(Math.min(length - this.#kept, this.#chunk.length - this.#at));
    if (this.#kept < length) return this.#release();
    this.#kept = 0;
    return { type, bytes: this.#partial.subarray(0, length) };
  }

  /** The chunk is used up: its owner may have it back. */
  #release(): undefined {
    this.#chunk = NO_BYTES;
    this.#at = 0;
    return undefined;
  }

  #take(count: number): void {
    const needed = this.#kept + count;
    if (needed > this.#partial.length) {
      const larger = new Uint8Array(needed > CLASSIC_MAXIMUM ? this.#maximum : CLASSIC_MAXIMUM);
      larger.set(this.#partial.subarray(0, this.#kept));
      this.#partial = larger;
    }
    this.#partial.set(this.#chunk.subarray(this.#at, this.#at + count), this.#kept);
    this.#kept = needed;
    this.#at += count;
  }

  #header(bytes: Uint8Array, at: number): { type: MessageType; length: number } {
    try {
      return readHeader(bytes, at, this.#maximum);
    } catch (error) {
      this.#failure = error as BgpError;
      throw error;
    }
  }
}

function readHeader(bytes: Uint8Array, at: number, maximum: number): { type: MessageType; length: number } {
  for (let index = at; index < at + 16; index += 1)
    if (bytes[index] !== 0xff) throw refusal(NOTIFICATION.header, 1, "the marker is not all ones");
  const length = uint16(bytes, at + 16);
  const number = bytes[at + 18] as number;
  const known = TYPES[number];
  const limit =
    number === MESSAGE_TYPE.open || number === MESSAGE_TYPE.keepalive
      ? Math.min(maximum, CLASSIC_MAXIMUM)
      : maximum;
  const wrongLength =
    length < (known?.[1] ?? HEADER) ||
    length > limit ||
    (number === MESSAGE_TYPE.keepalive && length !== HEADER);
  if (wrongLength)
    throw refusal(
      NOTIFICATION.header,
      2,
      `a message of type ${number} cannot have ${length} bytes (at most ${limit})`,
      bytes.subarray(at + 16, at + 18),
    );
  if (known === undefined)
    throw refusal(NOTIFICATION.header, 3, `there is no message type ${number}`, [number]);
  return { type: known[0], length };
}
