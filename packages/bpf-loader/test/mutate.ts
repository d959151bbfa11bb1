import { OBJECTS, objectBytes } from "./objects.ts";
import type { ObjectName } from "./objects.ts";

/** A small generator with a seed: a failure names its number and can be had again. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Corrupted copies of the test objects: flipped bytes, wild words, swapped blocks, cuts. */
export function* corruptions(count: number): Generator<[ObjectName, Uint8Array], void> {
  for (let number = 0; number < count; number++) {
    const next = random(number + 1);
    const name = OBJECTS[next(OBJECTS.length)] as ObjectName;
    const bytes = objectBytes(name);
    const view = new DataView(bytes.buffer);
    const headers = Number(view.getBigUint64(40, true));
    for (let change = 1 + next(8); change > 0; change--) {
      // Half of the changes go where structure is: the headers of file and sections.
      const inHeaders = next(2) === 0;
      const at = inHeaders
        ? next(4) === 0
          ? next(64)
          : headers + next(bytes.length - headers)
        : next(bytes.length - 8);
      const safe = Math.min(at, bytes.length - 8);
      switch (next(5)) {
        case 0:
          bytes[safe] = next(256);
          break;
        case 1:
          view.setUint32(safe & ~3, [0, 1, 0xff, 0xffff, 0x7fffffff, 0xffffffff][next(6)] as number, true);
          break;
        case 2:
          view.setBigUint64(safe & ~7, [0n, 2n ** 31n, 2n ** 53n, 2n ** 64n - 1n][next(4)] as bigint, true);
          break;
        case 3:
          bytes.copyWithin(safe, next(bytes.length - 64), next(bytes.length));
          break;
        default:
          bytes[safe] = (bytes[safe] as number) ^ (1 << next(8));
      }
    }
    yield [name, next(10) === 0 ? bytes.slice(0, next(bytes.length)) : bytes];
  }
}

/** Copies whose sections stay in place and whose contents do not: they get further into the parser. */
export function* structuredCorruptions(count: number): Generator<[ObjectName, Uint8Array], void> {
  const SHT_NOBITS = 8;
  for (let number = 0; number < count; number++) {
    const next = random(number + 77_777);
    const name = OBJECTS[next(OBJECTS.length)] as ObjectName;
    const bytes = objectBytes(name);
    const view = new DataView(bytes.buffer);
    const headers = Number(view.getBigUint64(40, true));
    for (let change = 1 + next(4); change > 0; change--) {
      const header = headers + (1 + next(view.getUint16(60, true) - 1)) * 64;
      const size = Number(view.getBigUint64(header + 32, true));
      if (view.getUint32(header + 4, true) === SHT_NOBITS || size < 8) continue;
      const at = Number(view.getBigUint64(header + 24, true)) + (next(size - 4) & ~3);
      // Small numbers pass for ids, counts and offsets; the rest for sizes and BTF kinds.
      const kind = (next(20) << 24) | next(8);
      const words = [0, 1, 2, 3, next(60), next(300), 0xffff_ffff, 0x8000_0000, next(2 ** 31), kind];
      view.setUint32(at, (words[next(words.length)] as number) >>> 0, true);
    }
    yield [name, bytes];
  }
}
