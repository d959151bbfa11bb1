/** The custom codecs that types.generated.ts imports: what a user of bpf2ts would write. */
export interface Address {
  readonly family: 4 | 6;
  readonly bytes: Uint8Array;
}

export function writeAddress(value: Address, view: DataView, offset: number): void {
  for (const [index, byte] of value.bytes.entries()) view.setUint8(offset + index, byte);
  view.setUint8(offset + 16, value.family);
}

export function readAddress(view: DataView, offset: number): Address {
  const family = view.getUint8(offset + 16) === 4 ? 4 : 6;
  const size = family === 4 ? 4 : 16;
  return { family, bytes: new Uint8Array(view.buffer, view.byteOffset + offset, size).slice() };
}

export function writeMac(value: string, view: DataView, offset: number): void {
  for (const [index, part] of value.split(":").entries())
    view.setUint8(offset + index, Number.parseInt(part, 16));
}

export function readMac(view: DataView, offset: number): string {
  return Array.from({ length: 6 }, (_, index) =>
    view
      .getUint8(offset + index)
      .toString(16)
      .padStart(2, "0"),
  ).join(":");
}
