import { BatchError, type BatchFailure } from "./batch-error.ts";
import { errnoError, invalid, NetlinkError } from "./errors.ts";
import type { Request } from "./request.ts";
import { type NetlinkSocket, NOTHING_THERE, OVERRUN } from "./sys/netlink-socket.ts";
import {
  decodeAcknowledgement,
  HEADER_LENGTH,
  MessageCursor,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  writeHeader,
} from "./wire/message.ts";
import { align, type Hole } from "./wire/writer.ts";

/** Decodes one message of an answer; undefined leaves it out. */
export type Decode<T> = (message: MessageCursor) => T | undefined;

/** Requests per send. All of them may fail, and the errors must fit the receive buffer together (1 KiB each as the kernel counts). */
const CHUNK_REQUESTS = 500;
/** Bytes per send; the kernel takes what fits its send buffer, 208 KiB unless told otherwise. */
const CHUNK_BYTES = 0x2_0000;
/** Dumps come in datagrams of up to 32 KiB, single messages may be larger. */
const RECEIVE_BYTES = 0x2_0000;
const DUMP_ATTEMPTS = 32;
const EINTR = 4;
const ENOBUFS = 105;

/** Lent to one synchronous call at a time, so one pair serves all sockets of this thread. */
let outgoing: Buffer | undefined;
let incoming: Buffer | undefined;

/** Requests of one send. */
interface Chunk {
  readonly bytes: Buffer;
  readonly length: number;
  /** Their sequence numbers follow each other, from `sequence` on. */
  readonly requests: readonly Request[];
  readonly sequence: number;
  /** Sequence number of the last request that was placed, the one that asks to be acknowledged. */
  readonly last: number;
}

/** What has become of a batch so far. */
interface Outcome {
  readonly failures: BatchFailure[];
  /** Requests before the chunk under way. */
  total: number;
}

/**
 * Requests and answers over one socket. rtnetlink answers within send(2): when that returns, the answer waits in the
 * receive queue. So nothing here waits for an answer, and an empty queue is an error.
 */
export class Conversation {
  readonly #socket: NetlinkSocket;
  #sequence = 0;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Sends one request and waits for nothing but the kernel's verdict. */
  execute(request: Request): void {
    const sequence = this.#send(request, NLM_F_ACK);
    this.#acknowledged(request.op, sequence);
  }

  /** Like {@link execute}, with the kernel's work done on another thread. Nothing else may use the conversation meanwhile. */
  async executeAsync(request: Request): Promise<void> {
    const bytes = Buffer.alloc(HEADER_LENGTH + request.body.bytes.length);
    const sequence = this.#nextSequence();
    const length = this.#write(bytes, 0, request, NLM_F_ACK, sequence);
    await this.#socket.sendAsync(bytes, length);
    this.#acknowledged(request.op, sequence);
  }

  /** Sends a request that is answered with one message. */
  query<T>(request: Request, decode: Decode<T>): T {
    const sequence = this.#send(request, 0);
    for (;;) {
      const message = this.#receive(request.op);
      while (message.next()) {
        if (message.sequence !== sequence) continue;
        if (message.type === NLMSG_ERROR) throw refusal(request.op, message) ?? noAnswer(request.op);
        const answer = decode(message);
        if (answer !== undefined) return answer;
      }
    }
  }

  /**
   * Asks for a list. When something changed meanwhile the kernel says so and the list may be wrong: it is
   * asked for again, after the rest of the old answer has been read, for a socket runs one dump at a time.
   *
   * @throws {@link NetlinkError} `ERR_SYSCALL` (EINTR) when every one of 32 attempts was interrupted.
   */
  dump<T>(request: Request, decode: Decode<T>): T[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt += 1) {
      const items = this.#dumpOnce(request, decode);
      if (items !== undefined) return items;
    }
    throw errnoError(request.op, EINTR, {
      hint: `the list changed during each of ${DUMP_ATTEMPTS} attempts`,
    });
  }

  /** Sends requests by the hundred; the kernel carries out every one it does not refuse. @throws {@link BatchError} */
  batch(requests: Iterable<Request>): void {
    const outcome: Outcome = { failures: [], total: 0 };
    for (const chunk of this.#chunks(requests, (outgoing ??= Buffer.alloc(CHUNK_BYTES)), outcome)) {
      this.#socket.send(chunk.bytes, chunk.length);
      this.#collect(chunk, outcome);
    }
    conclude(outcome);
  }

  /** Like {@link batch}, with the kernel's work done on another thread. Nothing else may use the conversation meanwhile. */
  async batchAsync(requests: Iterable<Request>, signal?: AbortSignal): Promise<void> {
    const outcome: Outcome = { failures: [], total: 0 };
    for (const chunk of this.#chunks(requests, Buffer.alloc(CHUNK_BYTES), outcome)) {
      signal?.throwIfAborted();
      await this.#socket.sendAsync(chunk.bytes, chunk.length);
      this.#collect(chunk, outcome);
    }
    conclude(outcome);
  }

  close(): void {
    this.#socket.close();
  }

  #nextSequence(): number {
    this.#sequence = (this.#sequence + 1) >>> 0;
    return this.#sequence;
  }

  #send(request: Request, flags: number): number {
    outgoing ??= Buffer.alloc(CHUNK_BYTES);
    const sequence = this.#nextSequence();
    const length = this.#write(outgoing, 0, request, flags, sequence);
    this.#socket.send(outgoing, length);
    return sequence;
  }

  /** Writes a request into `buffer`, its holes filled, and returns the offset after it. */
  #write(
    buffer: Buffer,
    at: number,
    { op, type, flags, body }: Request,
    moreFlags: number,
    sequence: number,
    indexes?: Map<string, number>,
  ): number {
    const length = HEADER_LENGTH + body.bytes.length;
    if (at + length > buffer.length) throw invalid(op, length, `a length of at most ${CHUNK_BYTES} bytes`);
    writeHeader(buffer, at, length, type, NLM_F_REQUEST | flags | moreFlags, sequence);
    buffer.set(body.bytes, at + HEADER_LENGTH);
    for (const hole of body.holes)
      buffer.writeInt32LE(this.#resolve(op, hole, indexes), at + HEADER_LENGTH + hole.at);
    return at + length;
  }

  #resolve(op: string, hole: Hole, indexes: Map<string, number> | undefined): number {
    if ("owner" in hole) return hole.owner.fd;
    const index = indexes?.get(hole.device) ?? this.#socket.deviceIndex(hole.device);
    if (index === undefined)
      throw new NetlinkError("ERR_NOT_FOUND", op, `no device ${hole.device} in this network namespace`);
    indexes?.set(hole.device, index);
    return index;
  }

  /**
   * Takes requests from `requests`, a lot at a time, and places them. Nothing of the caller's runs between placing
   * and sending, so a generator may use this very conversation.
   */
  *#chunks(requests: Iterable<Request>, buffer: Buffer, outcome: Outcome): Generator<Chunk> {
    const indexes = new Map<string, number>();
    let lot: Request[] = [];
    for (const request of requests) {
      lot.push(request);
      if (lot.length < CHUNK_REQUESTS) continue;
      yield* this.#place(lot, buffer, indexes, outcome);
      lot = [];
    }
    yield* this.#place(lot, buffer, indexes, outcome);
  }

  /** Fills `buffer` with the lot, as often as its size takes. A request that cannot be placed has failed. */
  *#place(
    lot: readonly Request[],
    buffer: Buffer,
    indexes: Map<string, number>,
    outcome: Outcome,
  ): Generator<Chunk> {
    let next = 0;
    while (next < lot.length) {
      const start = next;
      const sequence = this.#nextSequence();
      let length = 0;
      let lastAt = -1;
      for (; next < lot.length; next += 1) {
        const request = lot[next] as Request;
        const at = align(length);
        if (at > 0 && at + HEADER_LENGTH + request.body.bytes.length > buffer.length) break;
        this.#sequence = (sequence + next - start) >>> 0;
        try {
          length = this.#write(buffer, at, request, 0, this.#sequence, indexes);
          lastAt = at;
        } catch (error) {
          if (!(error instanceof NetlinkError)) throw error;
          outcome.failures.push({ index: outcome.total + next - start, request, error });
        }
      }
      const requests = lot.slice(start, next);
      if (lastAt >= 0) {
        buffer.writeUInt16LE(buffer.readUInt16LE(lastAt + 6) | NLM_F_ACK, lastAt + 6);
        yield { bytes: buffer, length, requests, sequence, last: buffer.readUInt32LE(lastAt + 8) };
      }
      outcome.total += requests.length;
    }
  }

  /** Refusals come as they happen, unasked; the acknowledgement of the last request ends them. */
  #collect({ requests, sequence, last }: Chunk, { failures, total }: Outcome): void {
    for (;;) {
      const message = this.#receive("receive the verdict on a batch");
      while (message.next()) {
        const offset = (message.sequence - sequence) >>> 0;
        const request = requests[offset];
        if (message.type !== NLMSG_ERROR || request === undefined) continue;
        const error = refusal(request.op, message);
        if (error !== undefined) failures.push({ index: total + offset, request, error });
        if (message.sequence === last) return;
      }
    }
  }

  #acknowledged(op: string, sequence: number): void {
    for (;;) {
      const message = this.#receive(op);
      while (message.next()) {
        if (message.sequence !== sequence || message.type !== NLMSG_ERROR) continue;
        const error = refusal(op, message);
        if (error !== undefined) throw error;
        return;
      }
    }
  }

  #dumpOnce<T>(request: Request, decode: Decode<T>): T[] | undefined {
    const sequence = this.#send(request, NLM_F_DUMP);
    const items: T[] = [];
    let interrupted = false;
    try {
      for (;;) {
        const message = this.#receive(request.op);
        while (message.next()) {
          if (message.sequence !== sequence) continue;
          if ((message.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
          if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
            const error = refusal(request.op, message);
            if (error !== undefined) throw error;
            return interrupted ? undefined : items;
          }
          const item = interrupted ? undefined : decode(message);
          if (item !== undefined) items.push(item);
        }
      }
    } catch (error) {
      this.#drain();
      throw error;
    }
  }

  /** The next datagram, valid until the next call. */
  #receive(op: string): MessageCursor {
    incoming ??= Buffer.alloc(RECEIVE_BYTES);
    const length = this.#socket.receive(incoming);
    if (length === NOTHING_THERE) throw noAnswer(op);
    if (length === OVERRUN) throw errnoError(op, ENOBUFS);
    return new MessageCursor(incoming, length);
  }

  /** Reads away what is left, so that the next dump does not find the socket busy. */
  #drain(): void {
    incoming ??= Buffer.alloc(RECEIVE_BYTES);
    let length = 0;
    while (length !== NOTHING_THERE) length = this.#socket.receive(incoming);
  }
}

function refusal(op: string, message: MessageCursor): NetlinkError | undefined {
  const { errno, message: kernelMessage } = decodeAcknowledgement(message);
  return errno === 0 ? undefined : errnoError(op, errno, { kernelMessage });
}

function noAnswer(op: string): NetlinkError {
  return new NetlinkError("ERR_SYSCALL", op, "the kernel gave no answer");
}

function conclude({ failures, total }: Outcome): void {
  if (failures.length > 0)
    throw new BatchError(
      failures.sort((a, b) => a.index - b.index),
      total,
    );
}
