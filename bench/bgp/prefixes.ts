/**
 * The table that all are measured with: half /24, half /32, scattered over 20.0.0.0/8 to 43.0.0.0/8, none twice. A step
 * that shares no factor with the size of the space visits each of its places once.
 */
const FIRST = 20 * 2 ** 24;
const SLASH24 = { places: 24 * 2 ** 16, step: 1_000_003, size: 2 ** 8 };
const SLASH32 = { places: 24 * 2 ** 24, step: 1_000_000_007, size: 1 };

export interface Prefix {
  /** IPv4, as a number. */
  readonly address: number;
  readonly length: 24 | 32;
}

/** The one at a place in the order. */
export function prefixAt(index: number): Prefix {
  const length = index % 2 === 0 ? 24 : 32;
  const { places, step, size } = length === 24 ? SLASH24 : SLASH32;
  const place = (Math.floor(index / 2) * step) % places;
  return { address: FIRST + place * size, length };
}

export function formatPrefix({ address, length }: Prefix): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}/${length}`;
}

/** What is told last: attribute sets take turns in the table, but are told one after the other. */
export function lastTold(count: number, sets: number): Prefix {
  const inLastSet = Math.floor((count - sets) / sets);
  return prefixAt(sets - 1 + inLastSet * sets);
}
