import { BgpError } from "../errors.ts";

const NOTHING = new Uint8Array(0);

/** Codes of NOTIFICATIONs: RFC 4271 section 4.5, RFC 6608, RFC 7313, RFC 9687. */
export const NOTIFICATION = {
  header: 1,
  open: 2,
  update: 3,
  holdTimerExpired: 4,
  stateMachine: 5,
  cease: 6,
  routeRefresh: 7,
  sendHoldTimerExpired: 8,
} as const;

/** The error for bytes that RFC 4271 section 6 answers with this NOTIFICATION. `data` is copied. */
export function refusal(
  code: number,
  subcode: number,
  message: string,
  data: Uint8Array | readonly number[] = NOTHING,
): BgpError {
  return new BgpError("ERR_BGP_MESSAGE", message, {
    notification: { code, subcode, data: Uint8Array.from(data) },
  });
}
