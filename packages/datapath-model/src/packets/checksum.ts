/** The one's complement sum of 16-bit words (RFC 1071), as the field that makes it right: over a right one it is 0. */
export function internetChecksum(bytes: Uint8Array, seed = 0): number {
  let sum = seed;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** What TCP and UDP sum before their own bytes (RFC 9293 section 3.1). */
export function pseudoSum(source: number, destination: number, protocol: number, length: number): number {
  const halves = (word: number): number => (word >>> 16) + (word & 0xffff);
  return halves(source) + halves(destination) + protocol + length;
}
