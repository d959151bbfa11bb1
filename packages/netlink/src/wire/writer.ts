import type { DeviceRef } from "../model/link.ts";
import { deviceName, integer } from "../text/check.ts";

const INITIAL = 1024;
const ALIGN = 4;

/** Rounds up to the 4-byte boundary on which netlink places headers and attributes. */
export function align(length: number): number {
  return (length + ALIGN - 1) & ~(ALIGN - 1);
}

/** Something that owns a file descriptor and throws `ERR_CLOSED` once it does not. */
export interface FdOwner {
  readonly fd: number;
}

/** Four bytes of a body that are known only when it is sent: the index behind a name, the number of a descriptor. */
export type Hole =
  | { readonly at: number; readonly device: string }
  | { readonly at: number; readonly owner: FdOwner };

export interface Body {
  readonly bytes: Buffer;
  readonly holes: readonly Hole[];
}

const NO_HOLES: readonly Hole[] = [];

let spare: MessageWriter | undefined;

/** Runs `fill` on a reused writer and returns what it wrote, as bytes of their own. */
export function encode(fill: (writer: MessageWriter) => void): Body {
  const writer = spare ?? new MessageWriter();
  // A getter on a caller's object might encode something itself: the writer in use is not lent twice.
  spare = undefined;
  try {
    fill(writer);
    return writer.take();
  } finally {
    writer.reset();
    spare = writer;
  }
}

/**
 * Writes the body of a netlink message: a fixed header, then attributes (struct rtattr: u16 length, u16 type, payload, padding).
 * Host byte order is little-endian: koffi has no big-endian build, so there is nothing else to serve.
 */
export class MessageWriter {
  #bytes: Buffer = Buffer.alloc(INITIAL);
  #length = 0;
  #holes: Hole[] | undefined;

  /** A copy of everything written. */
  take(): Body {
    return { bytes: Buffer.from(this.#bytes.subarray(0, this.#length)), holes: this.#holes ?? NO_HOLES };
  }

  reset(): void {
    this.#length = 0;
    this.#holes = undefined;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#length = this.#bytes.writeUInt16LE(value, this.#length);
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#length = this.#bytes.writeUInt32LE(value, this.#length);
    return this;
  }

  /** Ports and tunnel keys travel in network order. */
  u16be(value: number): this {
    this.#reserve(2);
    this.#length = this.#bytes.writeUInt16BE(value, this.#length);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** An interface index; a name leaves a hole. */
  device(op: string, ref: DeviceRef): this {
    if (typeof ref === "number") return this.u32(integer(op, "an interface index", ref, 1, 0x7fff_ffff));
    this.#hole({ at: this.#length, device: deviceName(op, ref) });
    return this.u32(0);
  }

  /** The number of a descriptor, asked for when the message is sent. */
  fd(owner: FdOwner): this {
    this.#hole({ at: this.#length, owner });
    return this.u32(0);
  }

  /** An attribute whose payload `fill` writes; nests. Sets no NLA_F_NESTED: rtnetlink predates it and ignores it. */
  attribute(type: number, fill: () => void): this {
    const start = this.#length;
    this.u16(0).u16(type);
    fill();
    this.#close(start);
    return this;
  }

  /** Like an attribute, but only the length stands before what `fill` writes (struct rtnexthop). */
  counted(fill: () => void): void {
    const start = this.#length;
    this.u16(0);
    fill();
    this.#close(start);
  }

  attributeBytes(type: number, value: Uint8Array): this {
    const start = this.#length;
    this.u16(0).u16(type).bytes(value);
    this.#close(start);
    return this;
  }

  attributeU8(type: number, value: number): this {
    const start = this.#length;
    this.u16(0).u16(type).u8(value);
    this.#close(start);
    return this;
  }

  attributeU16be(type: number, value: number): this {
    const start = this.#length;
    this.u16(0).u16(type).u16be(value);
    this.#close(start);
    return this;
  }

  attributeU32(type: number, value: number): this {
    return this.u16(8).u16(type).u32(value);
  }

  attributeDevice(type: number, op: string, ref: DeviceRef): this {
    return this.u16(8).u16(type).device(op, ref);
  }

  attributeFd(type: number, owner: FdOwner): this {
    return this.u16(8).u16(type).fd(owner);
  }

  /** A text attribute with its terminating zero, as iproute2 sends it. */
  attributeText(type: number, value: string): this {
    const start = this.#length;
    this.u16(0).u16(type).bytes(Buffer.from(value)).u8(0);
    this.#close(start);
    return this;
  }

  #hole(hole: Hole): void {
    this.#holes ??= [];
    this.#holes.push(hole);
  }

  /** Writes the length of the attribute that began at `start`, then pads with zeros. */
  #close(start: number): void {
    this.#bytes.writeUInt16LE(this.#length - start, start);
    while (this.#length % ALIGN !== 0) this.u8(0);
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.alloc(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
