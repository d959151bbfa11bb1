import type { Family } from "./family.ts";

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
