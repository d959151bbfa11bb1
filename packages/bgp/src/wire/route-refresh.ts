import { bytesOf, uint16 } from "./bytes.ts";
import { AFI, type Family, familyOf, SAFI_UNICAST } from "./family.ts";
import { frame, HEADER } from "./header.ts";
import { NOTIFICATION, refusal } from "./refusal.ts";

/** Asks for all routes again (RFC 2918), or says that they begin or end here (RFC 7313). */
export interface RouteRefresh {
  /** `undefined`: one this package does not carry; the message is to be ignored. */
  readonly family: Family | undefined;
  /** `unknown` is to be ignored: RFC 7313 section 5. */
  readonly kind: "request" | "begin" | "end" | "unknown";
}

const KINDS = ["request", "begin", "end"] as const;

export function encodeRouteRefresh(
  family: Family,
  kind: "request" | "begin" | "end" = "request",
): Uint8Array {
  return frame("route-refresh", Uint8Array.of(...bytesOf(AFI[family], 2), KINDS.indexOf(kind), SAFI_UNICAST));
}

/**
 * Reads a whole ROUTE-REFRESH. Filters behind it (RFC 5291), which nobody was offered, are not looked at.
 *
 * @throws {@link BgpError} `ERR_BGP_MESSAGE`, 7/1 with the message as data: RFC 7313 section 5.
 */
export function decodeRouteRefresh(message: Uint8Array): RouteRefresh {
  const kind = KINDS[message[HEADER + 2] as number] ?? "unknown";
  if ((kind === "begin" || kind === "end") && message.length !== HEADER + 4)
    throw refusal(NOTIFICATION.routeRefresh, 1, `a ROUTE-REFRESH of ${message.length} bytes`, message);
  return { family: familyOf(uint16(message, HEADER), message[HEADER + 3] as number), kind };
}
