import type { Sys } from "./sys.ts";

/** Memory that the kernel may read and write: owned by V8, at a stable address, released by garbage collection. */
export class Memory {
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly address: number;

  /** A zeroed block of at least one byte. */
  constructor(sys: Sys, size: number) {
    this.buffer = new ArrayBuffer(Math.max(size, 1));
    this.bytes = new Uint8Array(this.buffer);
    this.view = new DataView(this.buffer);
    this.address = sys.address(this.buffer);
  }

  static of(sys: Sys, bytes: Uint8Array): Memory {
    const memory = new Memory(sys, bytes.byteLength);
    memory.bytes.set(bytes);
    return memory;
  }

  /** UTF-8 text with a final NUL. */
  static text(sys: Sys, text: string): Memory {
    return Memory.of(sys, new TextEncoder().encode(`${text}\0`));
  }
}

/** Text up to the first NUL. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
}
