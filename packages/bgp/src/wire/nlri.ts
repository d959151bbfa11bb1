import { formatAddress } from "./address.ts";
import { bytesOf, uint32 } from "./bytes.ts";
import { type Family, WIDTH } from "./family.ts";
import type { PrefixSource } from "./pack.ts";
import { parsePrefix } from "./prefix-text.ts";

/**
 * A stretch of encoded prefixes (RFC 4271 section 4.3), still as it came: nothing is made for each of a million.
 * It has been checked: every length is in range, and the last prefix ends where the stretch does. Bits beyond a prefix's
 * length may be set; who reads it masks them.
 */
export interface NlriRun {
  readonly family: Family;
  readonly bytes: Uint8Array;
  /** Of the first prefix, or of its path identifier. */
  readonly start: number;
  /** Behind the last. */
  readonly end: number;
  /** Each prefix has a 4-byte path identifier before it (RFC 7911). */
  readonly addPath: boolean;
  readonly count: number;
}

/** A prefix for people and tests. */
export interface NlriPrefix {
  /** Canonical: `10.0.0.0/8`, host bits zero. */
  readonly prefix: string;
  /** RFC 7911; 0 where the run has none. */
  readonly pathId: number;
}

/** @returns `undefined`: a length is out of range, or the last prefix is cut short (RFC 7606 section 5.3). */
export function checkNlri(
  family: Family,
  bytes: Uint8Array,
  start: number,
  end: number,
  addPath: boolean,
): NlriRun | undefined {
  const width = WIDTH[family];
  const identifier = addPath ? 4 : 0;
  let count = 0;
  let at = start + identifier;
  while (at < end) {
    const length = bytes[at] as number;
    if (length > width) return undefined;
    at += 1 + ((length + 7) >>> 3) + identifier;
    count += 1;
  }
  // The last step also went over an identifier that is not there.
  return at === end + identifier ? { family, bytes, start, end, addPath, count } : undefined;
}

/** The prefixes of a run, bits beyond their lengths cleared. */
export function* readNlri(run: NlriRun): Generator<NlriPrefix, void, undefined> {
  for (let at = run.start; at < run.end;) {
    const pathId = run.addPath ? uint32(run.bytes, at) : 0;
    if (run.addPath) at += 4;
    const length = run.bytes[at] as number;
    yield { prefix: readPrefix(run.family, run.bytes, at), pathId };
    at += 1 + ((length + 7) >>> 3);
  }
}

/** The text of the prefix whose length byte is at `at`. */
export function readPrefix(family: Family, bytes: Uint8Array, at: number): string {
  const size = family === "ipv4-unicast" ? 4 : 16;
  const length = bytes[at] as number;
  const address = new Uint8Array(size);
  address.set(bytes.subarray(at + 1, at + 1 + ((length + 7) >>> 3)));
  maskBits(address, 0, length);
  return `${formatAddress(address, 0, size)}/${length}`;
}

/** Clears the bits of the last byte of a prefix at `at` that lie beyond its length (RFC 4271: irrelevant). */
export function maskBits(bytes: Uint8Array, at: number, length: number): void {
  if ((length & 7) !== 0) bytes[at + (length >>> 3)]! &= 0xff00 >>> (length & 7);
}

/**
 * A prefix as it is on the wire, without a path identifier: the length, and as many bytes as it needs.
 *
 * @throws RangeError: not a prefix, or one with host bits.
 */
export function encodePrefix(prefix: string): Uint8Array {
  const encoded = prefix.includes("/") ? parsePrefix(prefix) : undefined;
  if (encoded === undefined)
    throw new RangeError(`${prefix} is no prefix, or has bits set behind its length`);
  return encoded.bytes;
}

/** Prefixes given as text, for the packer. @throws RangeError as {@link encodePrefix}. */
export function prefixSource(
  prefixes: readonly { readonly prefix: string; readonly pathId?: number }[],
  addPath: boolean,
): PrefixSource {
  const encoded = prefixes.map(({ prefix, pathId }) =>
    Uint8Array.of(...(addPath ? bytesOf(pathId ?? 0, 4) : []), ...encodePrefix(prefix)),
  );
  return {
    write(index, buffer, at) {
      const bytes = encoded[index] as Uint8Array;
      buffer.set(bytes, at);
      return at + bytes.length;
    },
  };
}
