/** Who may have called whom at the same time. */
export interface Speaking {
  readonly asn: number;
  /** BGP identifier: dotted quad. */
  readonly routerId: string;
}

/** Who has made a connection: `outgoing` is our call. */
export type Direction = "outgoing" | "incoming";

/** BGP identifiers are compared as unsigned numbers: RFC 4271 section 6.8. */
export function identifierNumber(routerId: string): number {
  let number = 0;
  for (const octet of routerId.split(".")) number = number * 256 + Number(octet);
  return number;
}

/**
 * Which of two connections with a peer stays: the one made by the speaker with the higher identifier (RFC 4271 section 6.8),
 * or, where both have the same, with the higher AS number (RFC 6286 section 2.3). Each side comes to the same connection.
 */
export function survivor(local: Speaking, remote: Speaking): Direction {
  const difference =
    identifierNumber(local.routerId) - identifierNumber(remote.routerId) || local.asn - remote.asn;
  return difference > 0 ? "outgoing" : "incoming";
}
