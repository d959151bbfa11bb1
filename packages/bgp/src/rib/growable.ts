/** A copy with room for index `at`: at least twice as long. The same array where there is room already. */
export function grown<T extends Int32Array | Uint32Array | Uint8Array>(array: T, at: number): T {
  if (at < array.length) return array;
  const larger = new (array.constructor as new (length: number) => T)(Math.max(array.length * 2, at + 1));
  larger.set(array);
  return larger;
}
