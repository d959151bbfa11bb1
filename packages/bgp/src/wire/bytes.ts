/** Network order, unsigned. The caller has made sure that the bytes are there. */
export function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

export function uint32(bytes: Uint8Array, at: number): number {
  return uint16(bytes, at) * 0x1_0000 + uint16(bytes, at + 2);
}

/** An AS number in 2 or 4 bytes. */
export function unsigned(bytes: Uint8Array, at: number, width: 2 | 4): number {
  return width === 4 ? uint32(bytes, at) : uint16(bytes, at);
}

export function writeUint32(value: number, bytes: Uint8Array, at: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Bytes of an unsigned number, network order. @throws RangeError: it does not fit. */
export function bytesOf(value: number, width: 1 | 2 | 4): number[] {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * width))
    throw new RangeError(`${value} is no unsigned number of ${width} bytes`);
  const bytes: number[] = [];
  for (let shift = 8 * (width - 1); shift >= 0; shift -= 8) bytes.push((value >>> shift) & 0xff);
  return bytes;
}

export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1) if (left[at] !== right[at]) return false;
  return true;
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
