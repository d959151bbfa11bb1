import type { RangeStatus } from "../ports/ipam.ts";

/** Ranges that are named one by one. */
const NAMED = 4;

/** Counts of ranges, for people: each of a few, the sum of many. */
export function rangeText(ranges: readonly RangeStatus[]): string {
  if (ranges.length <= NAMED) return ranges.map((one) => `${one.range}: ${counts(one)}`).join("; ");
  const sum = (name: "allocated" | "capacity" | "reserved" | "quarantined"): number =>
    ranges.reduce((total, one) => total + one[name], 0);
  const all = {
    allocated: sum("allocated"),
    capacity: sum("capacity"),
    reserved: sum("reserved"),
    quarantined: sum("quarantined"),
  };
  return `${ranges.length} ranges: ${counts(all)}`;
}

function counts({
  allocated,
  capacity,
  reserved,
  quarantined,
}: Pick<RangeStatus, "allocated" | "capacity" | "reserved" | "quarantined">): string {
  return `${allocated} of ${capacity} allocated, ${reserved} reserved, ${quarantined} quarantined`;
}
