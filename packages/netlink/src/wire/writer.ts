import type { DeviceRef } from "../model/link.ts";
import { deviceName, integer } from "../text/check.ts";

/** Bodies are cut from slabs, as Node cuts small Buffers: one allocation serves a hundred of them. */
const SLAB = 0x4000;
const ALIGN = 4;

/** Rounds up to the 4-byte boundary on which netlink places headers and attributes. */
export function align(length: number): number {
  return (length + ALIGN - 1) & ~(ALIGN - 1);
}

/** Something that owns a file descriptor and throws `ERR_CLOSED` once it does not. */
export interface FdOwner {
  readonly fd: number;
}

/**
 * Four bytes of a body that are known only when it is sent: the index behind a name, the number of a
 * descriptor.
 */
export type Hole =
  | { readonly at: number; readonly device: string }
  | { readonly at: number; readonly owner: FdOwner };

export interface Body {
  readonly bytes: Buffer;
  readonly holes: readonly Hole[];
}

const NO_HOLES: readonly Hole[] = [];

let spare: MessageWriter | undefined;

/** Runs `fill` on a writer and returns what it wrote. */
export function encode(fill: (writer: MessageWriter) => void): Body {
  const writer = spare ?? new MessageWriter();
  // A getter on a caller's object might encode something itself: the writer in use is not lent twice.
  spare = undefined;
  try {
    fill(writer);
    return writer.take();
  } finally {
    writer.discard();
    spare = writer;
  }
}

/**
 * Writes the body of a netlink message: a fixed header, then attributes (struct rtattr: u16 length, u16
 * type, payload, padding). Host byte order is little-endian: koffi has no big-endian build, so there is
 * nothing else to serve.
 */
export class MessageWriter {
  #slab: Buffer = Buffer.allocUnsafeSlow(SLAB);
  /** Where the body in the making begins; everything before belongs to bodies already taken. */
  #start = 0;
  #end = 0;
  #holes: Hole[] | undefined;

  /** Everything written since the last time. The bytes are the taker's. */
  take(): Body {
    const bytes = this.#slab.subarray(this.#start, this.#end);
    const holes = this.#holes ?? NO_HOLES;
    this.#start = this.#end;
    this.#holes = undefined;
    return { bytes, holes };
  }

  /** Forgets what was written and not taken. */
  discard(): void {
    this.#end = this.#start;
    this.#holes = undefined;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#slab[this.#end] = value;
    this.#end += 1;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#end = this.#slab.writeUInt16LE(value, this.#end);
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#end = this.#slab.writeUInt32LE(value, this.#end);
    return this;
  }

  /** Ports and tunnel keys travel in network order. */
  u16be(value: number): this {
    this.#reserve(2);
    this.#end = this.#slab.writeUInt16BE(value, this.#end);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#slab.set(value, this.#end);
    this.#end += value.length;
    return this;
  }

  /** An interface index; a name leaves a hole. */
  device(op: string, ref: DeviceRef): this {
    if (typeof ref === "number") return this.u32(integer(op, "an interface index", ref, 1, 0x7fff_ffff));
    this.#hole({ at: this.#offset, device: deviceName(op, ref) });
    return this.u32(0);
  }

  /** The number of a descriptor, asked for when the message is sent. */
  fd(owner: FdOwner): this {
    this.#hole({ at: this.#offset, owner });
    return this.u32(0);
  }

  /**
   * An attribute whose payload `fill` writes; nests. Sets no NLA_F_NESTED: rtnetlink predates it and
   * ignores it.
   */
  attribute(type: number, fill: () => void): this {
    const start = this.#offset;
    this.u16(0).u16(type);
    fill();
    this.#close(start);
    return this;
  }

  /** Like an attribute, but only the length stands before what `fill` writes (struct rtnexthop). */
  counted(fill: () => void): void {
    const start = this.#offset;
    this.u16(0);
    fill();
    this.#close(start);
  }

  attributeBytes(type: number, value: Uint8Array): this {
    const start = this.#offset;
    this.u16(0).u16(type).bytes(value);
    this.#close(start);
    return this;
  }

  attributeU8(type: number, value: number): this {
    const start = this.#offset;
    this.u16(0).u16(type).u8(value);
    this.#close(start);
    return this;
  }

  attributeU16be(type: number, value: number): this {
    const start = this.#offset;
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
    const start = this.#offset;
    this.u16(0).u16(type).bytes(Buffer.from(value)).u8(0);
    this.#close(start);
    return this;
  }

  #hole(hole: Hole): void {
    this.#holes ??= [];
    this.#holes.push(hole);
  }

  /** Offset within the body, which stays true when the body moves to another slab. */
  get #offset(): number {
    return this.#end - this.#start;
  }

  /** Writes the length of the attribute that began at `offset`, then pads with zeros. */
  #close(offset: number): void {
    this.#slab.writeUInt16LE(this.#offset - offset, this.#start + offset);
    while (this.#offset % ALIGN !== 0) this.u8(0);
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#slab.length) return;
    const written = this.#slab.subarray(this.#start, this.#end);
    this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB, 2 * (written.length + count)));
    this.#slab.set(written);
    this.#start = 0;
    this.#end = written.length;
  }
}
