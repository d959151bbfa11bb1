import type { BatchFailure } from "./batch-error.ts";
import { invalid, NetlinkError } from "./errors.ts";
import type { Request } from "./request.ts";
import type { NetlinkSocket } from "./sys/netlink-socket.ts";
import { HEADER_LENGTH, NLM_F_ACK, NLM_F_REQUEST, writeHeader } from "./wire/message.ts";
import { align, type Hole } from "./wire/writer.ts";

/**
 * Requests per send. All of them may fail, and the errors must fit the receive buffer together (1 KiB each
 * as the kernel counts).
 */
const CHUNK_REQUESTS = 500;
/** Bytes per send; the kernel takes what fits its send buffer, 208 KiB unless told otherwise. */
export const CHUNK_BYTES = 0x2_0000;
/** Requests of one send. */
export interface Chunk {
  readonly bytes: Buffer;
  readonly length: number;
  /** Their sequence numbers follow each other, from `sequence` on. */
  readonly requests: readonly Request[];
  readonly sequence: number;
  /** Sequence number of the last request that was placed, the one that asks to be acknowledged. */
  readonly last: number;
}

/** What has become of a batch so far. */
export interface Outcome {
  readonly failures: BatchFailure[];
  /** Requests before the chunk under way. */
  total: number;
}

/** Numbers requests and writes them into buffers, one by one or by the hundred. */
export class Outbox {
  readonly #socket: Pick<NetlinkSocket, "deviceIndex">;
  #sequence = 0;

  constructor(socket: Pick<NetlinkSocket, "deviceIndex">) {
    this.#socket = socket;
  }

  nextSequence(): number {
    this.#sequence = (this.#sequence + 1) >>> 0;
    return this.#sequence;
  }

  /** Writes a request into `buffer`, its holes filled, and returns the offset after it. */
  write(
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
   * Takes requests from `requests`, a lot at a time, and places them. Nothing of the caller's runs between
   * placing and sending, so a generator may use this very conversation.
   */
  *chunks(requests: Iterable<Request>, buffer: Buffer, outcome: Outcome): Generator<Chunk> {
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
      const sequence = this.nextSequence();
      let length = 0;
      let lastAt = -1;
      for (; next < lot.length; next += 1) {
        const request = lot[next] as Request;
        const at = align(length);
        if (at > 0 && at + HEADER_LENGTH + request.body.bytes.length > buffer.length) break;
        this.#sequence = (sequence + next - start) >>> 0;
        try {
          length = this.write(buffer, at, request, 0, this.#sequence, indexes);
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
}
