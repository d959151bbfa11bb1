import type { AsPathSegment } from "../attributes.ts";
import { unsigned } from "../bytes.ts";
import { AS_TRANS } from "../open.ts";
import type { AttributeWriter } from "./writer.ts";

/** By number: RFC 4271 section 4.3, RFC 5065 section 3. */
const SEGMENT_TYPES = [undefined, "set", "sequence", "confed-sequence", "confed-set"] as const;

/** AS numbers that one segment can have. */
const MAX_SEGMENT = 255;

/** @returns `undefined`: nothing is wrong; otherwise what is (RFC 7606 section 7.2, RFC 7607, RFC 5065 section 5) */
export function asPathFault(
  bytes: Uint8Array,
  start: number,
  end: number,
  width: 2 | 4,
  confederation: boolean,
): string | undefined {
  for (let at = start; at < end;) {
    if (at + 2 > end) return "a segment is cut short";
    const type = bytes[at] as number;
    const next = at + 2 + (bytes[at + 1] as number) * width;
    if (type < 1 || type > 4) return `there is no segment type ${type}`;
    if (type > 2 && !confederation) return "a confederation's segment came from outside";
    if (next === at + 2) return "a segment is empty";
    if (next > end) return "a segment is cut short";
    for (at += 2; at < next; at += width) if (unsigned(bytes, at, width) === 0) return "AS 0 is in the path";
  }
  return undefined;
}

/** Segments that {@link asPathFault} has nothing against. */
export function decodeAsPath(bytes: Uint8Array, start: number, end: number, width: 2 | 4): AsPathSegment[] {
  const segments: AsPathSegment[] = [];
  for (let at = start; at < end;) {
    const type = SEGMENT_TYPES[bytes[at] as number] ?? "sequence";
    const next = at + 2 + (bytes[at + 1] as number) * width;
    const asns: number[] = [];
    for (at += 2; at < next; at += width) asns.push(unsigned(bytes, at, width));
    segments.push({ type, asns });
  }
  return segments;
}

/** Segments of more than 255 AS numbers become several. In two bytes, a large number is AS_TRANS (RFC 6793). */
export function writeAsPath(writer: AttributeWriter, segments: readonly AsPathSegment[], width: 2 | 4): void {
  for (const { type, asns } of segments) {
    for (let from = 0; from < asns.length; from += MAX_SEGMENT) {
      const to = Math.min(asns.length, from + MAX_SEGMENT);
      writer.uint8(SEGMENT_TYPES.indexOf(type));
      writer.uint8(to - from);
      for (let index = from; index < to; index += 1) {
        const asn = asns[index] as number;
        if (width === 4) writer.uint32(asn);
        else writer.uint16(asn > 0xffff ? AS_TRANS : asn);
      }
    }
  }
}

/** What goes into AS4_PATH (RFC 6793 section 4.2.2); `undefined`: no number in the path needs it. */
export function as4PathOf(segments: readonly AsPathSegment[]): readonly AsPathSegment[] | undefined {
  const path = segments.filter(({ type }) => !isConfederation(type));
  return path.some(({ asns }) => asns.some((asn) => asn > 0xffff)) ? path : undefined;
}

/**
 * The true path, of AS_PATH and AS4_PATH: as many leading hops of the first as it has more than the second, then the
 * second. RFC 6793 section 4.2.3.
 */
export function mergeAs4Path(
  path: readonly AsPathSegment[],
  as4Path: readonly AsPathSegment[],
): readonly AsPathSegment[] {
  // RFC 6793 section 6: a confederation's segments are taken out of it.
  const tail = as4Path.filter(({ type }) => !isConfederation(type));
  let missing = hops(path) - hops(tail);
  if (missing < 0 || tail.length === 0) return path;
  const merged: AsPathSegment[] = [];
  for (const segment of path) {
    const { type, asns } = segment;
    // Those of a confederation are no hops, and stay where they are beside hops that stay.
    if (isConfederation(type)) {
      merged.push(segment);
      continue;
    }
    if (missing === 0) break;
    const taken = type === "set" ? asns.length : Math.min(missing, asns.length);
    merged.push(taken === asns.length ? segment : { type, asns: asns.slice(0, taken) });
    missing -= type === "set" ? 1 : taken;
    if (taken < asns.length) break;
  }
  return joined(merged, tail);
}

/** A set is one hop however many are in it; a confederation is none. */
function hops(segments: readonly AsPathSegment[]): number {
  let count = 0;
  for (const { type, asns } of segments) count += type === "sequence" ? asns.length : type === "set" ? 1 : 0;
  return count;
}

/** Two sequences that meet are one. */
function joined(head: readonly AsPathSegment[], tail: readonly AsPathSegment[]): readonly AsPathSegment[] {
  const before = head.at(-1);
  const after = tail[0];
  if (before?.type !== "sequence" || after?.type !== "sequence") return [...head, ...tail];
  return [
    ...head.slice(0, -1),
    { type: "sequence", asns: [...before.asns, ...after.asns] },
    ...tail.slice(1),
  ];
}

function isConfederation(type: AsPathSegment["type"]): boolean {
  return type === "confed-sequence" || type === "confed-set";
}
