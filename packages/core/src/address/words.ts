/**
 * Arithmetic on 128-bit values held as four unsigned 32-bit words, most significant first. The one place where
 * bits are shifted across words; everything here is a plain function of numbers.
 */

const TWO_32 = 2 ** 32;

/** The four words of a 128-bit value, most significant first. */
export interface Words {
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
}

/** Word `index` (0 to 3) of the netmask of `bits` leading ones (0 to 128), as a signed 32-bit integer. */
export function maskWord(bits: number, index: number): number {
  const inWord = bits - index * 32;
  if (inWord >= 32) return -1;
  return inWord <= 0 ? 0 : -1 << (32 - inWord);
}

/** Do the two values agree in their first `bits` bits? */
export function samePrefix(a: Words, b: Words, bits: number): boolean {
  if (((a.w3 ^ b.w3) & maskWord(bits, 3)) !== 0) return false;
  return (
    ((a.w2 ^ b.w2) & maskWord(bits, 2)) === 0 &&
    ((a.w1 ^ b.w1) & maskWord(bits, 1)) === 0 &&
    ((a.w0 ^ b.w0) & maskWord(bits, 0)) === 0
  );
}

/** Negative, zero or positive, as the 128-bit values compare. */
export function compareWords(a: Words, b: Words): number {
  return a.w0 - b.w0 || a.w1 - b.w1 || a.w2 - b.w2 || a.w3 - b.w3;
}

/**
 * `words + n` for a safe integer `n` of either sign, or `undefined` when the sum leaves the 128-bit space.
 */
export function addToWords(words: Words, n: number): Words | undefined {
  const carry0 = Math.floor(n / TWO_32);
  const s3 = words.w3 + (n - carry0 * TWO_32);
  const s2 = words.w2 + carry0 + Math.floor(s3 / TWO_32);
  const s1 = words.w1 + Math.floor(s2 / TWO_32);
  const s0 = words.w0 + Math.floor(s1 / TWO_32);
  if (s0 < 0 || s0 >= TWO_32) return undefined;
  return { w0: s0, w1: s1 >>> 0, w2: s2 >>> 0, w3: s3 >>> 0 };
}

/** `words | n << shift` for `n` up to 2^53 - 1. The bits that `n` occupies must be zero in `words`. */
export function placeBits(words: Words, n: number, shift: number): Words {
  const out: [number, number, number, number] = [words.w0, words.w1, words.w2, words.w3];
  const parts = [n >>> 0, Math.floor(n / TWO_32)];
  for (const [i, part] of parts.entries()) {
    const word = 3 - i - (shift >>> 5);
    const bit = shift & 31;
    if (word >= 0) out[word]! |= part << bit;
    if (word >= 1 && bit > 0) out[word - 1]! |= part >>> (32 - bit);
  }
  return { w0: out[0] >>> 0, w1: out[1] >>> 0, w2: out[2] >>> 0, w3: out[3] >>> 0 };
}

/** The `count` bits (at most 53) that end `shift` bits above the least significant one, as a number. */
export function takeBits(words: Words, shift: number, count: number): number {
  const all = [words.w0, words.w1, words.w2, words.w3];
  const at = (word: number): number => (word < 0 ? 0 : all[word]!);
  const part = (i: number): number => {
    const word = 3 - i - (shift >>> 5);
    const bit = shift & 31;
    return ((at(word) >>> bit) | (bit > 0 ? at(word - 1) << (32 - bit) : 0)) >>> 0;
  };
  const low = count >= 32 ? part(0) : part(0) % 2 ** count;
  return count <= 32 ? low : low + (part(1) % 2 ** (count - 32)) * TWO_32;
}

/** A well-mixed unsigned 32-bit hash (the finaliser of MurmurHash3 over the combined words). */
export function hashWords(w0: number, w1: number, w2: number, w3: number): number {
  let h = Math.imul(w0, 0x9e3779b1) ^ Math.imul(w1, 0x85ebca77) ^ Math.imul(w2, 0xc2b2ae3d) ^ w3;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
