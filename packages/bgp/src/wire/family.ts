/** An address family with its subsequent one (RFC 4760): what a route can be of. */
export type Family = "ipv4-unicast" | "ipv6-unicast";

export const FAMILIES: readonly Family[] = ["ipv4-unicast", "ipv6-unicast"];

/** IANA's address family numbers. */
export const AFI: Readonly<Record<Family, number>> = { "ipv4-unicast": 1, "ipv6-unicast": 2 };

/** Subsequent: unicast. */
export const SAFI_UNICAST = 1;

/** Bits of an address. */
export const WIDTH: Readonly<Record<Family, number>> = { "ipv4-unicast": 32, "ipv6-unicast": 128 };

/** @returns `undefined` for a family this package does not carry */
export function familyOf(afi: number, safi: number): Family | undefined {
  return safi === SAFI_UNICAST ? FAMILIES.find((family) => AFI[family] === afi) : undefined;
}
