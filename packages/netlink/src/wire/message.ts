import { NetlinkError } from "../errors.ts";
import { formatIp } from "../text/ip.ts";
import { formatMac } from "../text/mac.ts";
import { align } from "./writer.ts";

/** struct nlmsghdr: u32 length, u16 type, u16 flags, u32 sequence, u32 port. */
export const HEADER_LENGTH = 16;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
/** Something changed while the dump ran: it may miss or repeat entries. */
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
export const NLM_F_DUMP = 0x300;

const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;
const NLA_TYPE_MASK = 0x3fff;

export function writeHeader(
  buffer: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  sequence: number,
): void {
  buffer.writeUInt32LE(length, at);
  buffer.writeUInt16LE(type, at + 4);
  buffer.writeUInt16LE(flags, at + 6);
  buffer.writeUInt32LE(sequence, at + 8);
  buffer.writeUInt32LE(0, at + 12);
}

/**
 * Walks the messages of one datagram. A cursor and not an iterator: a dump of 10,000 routes
 * passes here, and the next step allocates nothing.
 */
export class MessageCursor {
  type = 0;
  flags = 0;
  sequence = 0;
  /** Body: everything between the header and the end of the message. */
  start = 0;
  end = 0;
  readonly buffer: Buffer;
  readonly #length: number;
  #next = 0;

  constructor(buffer: Buffer, length: number = buffer.length) {
    this.buffer = buffer;
    this.#length = length;
  }

  /**
   * Moves to the next message; false at the end.
   *
   * @throws {@link NetlinkError} `ERR_INVALID` on a length that cannot be.
   */
  next(): boolean {
    const at = this.#next;
    if (at + HEADER_LENGTH > this.#length) return false;
    const length = this.buffer.readUInt32LE(at);
    if (length < HEADER_LENGTH || at + length > this.#length) throw malformed("message");
    this.type = this.buffer.readUInt16LE(at + 4);
    this.flags = this.buffer.readUInt16LE(at + 6);
    this.sequence = this.buffer.readUInt32LE(at + 8);
    this.start = at + HEADER_LENGTH;
    this.end = at + length;
    this.#next = at + align(length);
    return true;
  }
}

/** Walks the attributes between two offsets. `type` comes without the nested and byte-order flags. */
export class AttributeCursor {
  type = 0;
  start = 0;
  end = 0;
  readonly buffer: Buffer;
  readonly #limit: number;
  #next: number;

  constructor(buffer: Buffer, start: number, end: number) {
    this.buffer = buffer;
    this.#next = start;
    this.#limit = end;
  }

  /**
   * Moves to the next attribute; false at the end.
   *
   * @throws {@link NetlinkError} `ERR_INVALID` on a length that cannot be.
   */
  next(): boolean {
    const at = this.#next;
    if (at + 4 > this.#limit) return false;
    const length = this.buffer.readUInt16LE(at);
    if (length < 4 || at + length > this.#limit) throw malformed("attribute");
    this.type = this.buffer.readUInt16LE(at + 2) & NLA_TYPE_MASK;
    this.start = at + 4;
    this.end = at + length;
    this.#next = at + align(length);
    return true;
  }

  u8(): number {
    this.#expect(1);
    return this.buffer[this.start] ?? 0;
  }

  u16(offset = 0): number {
    this.#expect(offset + 2);
    return this.buffer.readUInt16LE(this.start + offset);
  }

  u16be(): number {
    this.#expect(2);
    return this.buffer.readUInt16BE(this.start);
  }

  /** The number at `offset` bytes into the payload. */
  u32(offset = 0): number {
    this.#expect(offset + 4);
    return this.buffer.readUInt32LE(this.start + offset);
  }

  /** Text up to its terminating zero, or to the end where the kernel sent none. */
  text(): string {
    const zero = this.buffer.indexOf(0, this.start);
    return this.buffer.toString("utf8", this.start, zero === -1 || zero > this.end ? this.end : zero);
  }

  /** An IPv4 or IPv6 address, told apart by length. */
  ip(offset = 0): string {
    const start = this.start + offset;
    const length = this.end - start;
    if (length !== 4 && length !== 16) throw malformed("attribute");
    return formatIp(this.buffer, start, this.end);
  }

  /**
   * A link-layer address of any length; undefined when it has none (tunnels, loopback under some drivers).
   */
  mac(): string | undefined {
    return this.end === this.start ? undefined : formatMac(this.buffer, this.start, this.end);
  }

  /** The attributes inside this one. */
  nested(): AttributeCursor {
    return new AttributeCursor(this.buffer, this.start, this.end);
  }

  #expect(length: number): void {
    if (this.end - this.start < length) throw malformed("attribute");
  }
}

/** The fixed part of a body must be there before anything is read from it. */
export function expectHeader(message: MessageCursor, length: number): void {
  if (message.end - message.start < length) throw malformed("message");
}

export interface Acknowledgement {
  /** Positive errno, 0 for success. */
  readonly errno: number;
  /** Extended acknowledgement text, when there is one. */
  readonly message: string | undefined;
}

/**
 * Reads NLMSG_ERROR and NLMSG_DONE: a negative errno, for NLMSG_ERROR the header of the request (and its
 * body, unless capped), then extended acknowledgement attributes if the flags say so.
 */
export function decodeAcknowledgement(message: MessageCursor): Acknowledgement {
  const { buffer, start, end } = message;
  if (end - start < 4) return { errno: 0, message: undefined };
  const errno = -buffer.readInt32LE(start);
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return { errno, message: undefined };
  const attributes = new AttributeCursor(buffer, start + 4 + echoedLength(message), end);
  let text: string | undefined;
  while (attributes.next()) if (attributes.type === NLMSGERR_ATTR_MSG) text = attributes.text();
  return { errno, message: text };
}

function echoedLength({ type, flags, buffer, start, end }: MessageCursor): number {
  if (type !== NLMSG_ERROR || end - start < 4 + HEADER_LENGTH) return 0;
  return (flags & NLM_F_CAPPED) === 0 ? align(buffer.readUInt32LE(start + 4)) : HEADER_LENGTH;
}

/** The error for bytes that cannot come from a kernel that keeps its word. */
export function malformed(what: string): NetlinkError {
  return new NetlinkError("ERR_INVALID", "decode", `malformed netlink ${what}`);
}
