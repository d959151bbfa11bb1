import { BatchError } from "./batch-error.ts";
import { errnoError, NetlinkError } from "./errors.ts";
import { type Chunk, CHUNK_BYTES, type Outcome, Outbox } from "./outbox.ts";
import type { Request } from "./request.ts";
import { type NetlinkSocket, NOTHING_THERE, OVERRUN } from "./sys/netlink-socket.ts";
import {
  decodeAcknowledgement,
  HEADER_LENGTH,
  MessageCursor,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
} from "./wire/message.ts";

/** Decodes one message of an answer; undefined leaves it out. */
export type Decode<T> = (message: MessageCursor) => T | undefined;

/** Dumps come in datagrams of up to 32 KiB, single messages may be larger. */
const RECEIVE_BYTES = 0x2_0000;
const DUMP_ATTEMPTS = 32;
const EINTR = 4;
const ENOBUFS = 105;

/** Lent to one synchronous call at a time, so one pair serves all sockets of this thread. */
let outgoing: Buffer | undefined;
let incoming: Buffer | undefined;

/**
 * Requests and answers over one socket. rtnetlink answers within send(2): when that returns, the answer
 * waits in the receive queue. So nothing here waits for an answer, and an empty queue is an error.
 */
export class Conversation {
  readonly #socket: NetlinkSocket;
  readonly #outbox: Outbox;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
    this.#outbox = new Outbox(socket);
  }

  /** Sends one request and waits for nothing but the kernel's verdict. */
  execute(request: Request): void {
    const sequence = this.#send(request, NLM_F_ACK);
    this.#acknowledged(request.op, sequence);
  }

  /**
   * Like {@link execute}, with the kernel's work done on another thread. Nothing else may use the
   * conversation meanwhile.
   */
  async executeAsync(request: Request): Promise<void> {
    const bytes = Buffer.alloc(HEADER_LENGTH + request.body.bytes.length);
    const sequence = this.#outbox.nextSequence();
    const length = this.#outbox.write(bytes, 0, request, NLM_F_ACK, sequence);
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

  /**
   * Sends requests by the hundred; the kernel carries out every one it does not refuse.
   *
   * @throws {@link BatchError}
   */
  batch(requests: Iterable<Request>): void {
    const outcome: Outcome = { failures: [], total: 0 };
    for (const chunk of this.#outbox.chunks(requests, (outgoing ??= Buffer.alloc(CHUNK_BYTES)), outcome)) {
      this.#socket.send(chunk.bytes, chunk.length);
      this.#collect(chunk, outcome);
    }
    conclude(outcome);
  }

  /**
   * Like {@link batch}, with the kernel's work done on another thread. Nothing else may use the
   * conversation meanwhile.
   */
  async batchAsync(requests: Iterable<Request>, signal?: AbortSignal): Promise<void> {
    const outcome: Outcome = { failures: [], total: 0 };
    for (const chunk of this.#outbox.chunks(requests, Buffer.alloc(CHUNK_BYTES), outcome)) {
      signal?.throwIfAborted();
      await this.#socket.sendAsync(chunk.bytes, chunk.length);
      this.#collect(chunk, outcome);
    }
    conclude(outcome);
  }

  close(): void {
    this.#socket.close();
  }

  #send(request: Request, flags: number): number {
    outgoing ??= Buffer.alloc(CHUNK_BYTES);
    const sequence = this.#outbox.nextSequence();
    const length = this.#outbox.write(outgoing, 0, request, flags, sequence);
    this.#socket.send(outgoing, length);
    return sequence;
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
