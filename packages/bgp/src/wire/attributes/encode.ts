import type { PathAttributes } from "../attributes.ts";
import type { WireContext } from "../context.ts";
import type { Family } from "../family.ts";

/** Attributes as they go into UPDATEs of one session, for prefixes of one family. */
export interface EncodedAttributes {
  /** All but MP_REACH_NLRI, in the order of types; NEXT_HOP is among them where there is no `mpNextHop`. */
  readonly bytes: Uint8Array;
  /** The next hop of MP_REACH_NLRI, 16 or 32 bytes; `undefined`: prefixes follow the attributes (IPv4, classic). */
  readonly mpNextHop: Uint8Array | undefined;
}

/** @throws RangeError: a value does not fit, or the session cannot carry such a next hop. */
export function encodeAttributes(
  attributes: PathAttributes,
  context: WireContext,
  family: Family,
): EncodedAttributes {
  throw new RangeError(`not yet: ${family} ${attributes.nextHop} ${context.maxMessage}`);
}
