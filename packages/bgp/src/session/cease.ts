import type { Notification } from "../errors.ts";
import type { Negotiated } from "../wire/negotiate.ts";
import { CEASE, cease, hardReset } from "../wire/notification.ts";

/** Why we end a session. */
export interface CeaseReason {
  /** Of Cease: RFC 4486, RFC 9384; not 9, which is what `hard` is for. */
  readonly subcode: number;
  /** For people, with 2 and 4: RFC 9003. */
  readonly message?: string | undefined;
  /** The peer is not to keep our routes: RFC 8538 section 3. Without effect where it would not anyway. */
  readonly hard?: boolean | undefined;
}

/** @throws RangeError: there is no such subcode. */
export function ceaseNotification(
  { subcode, message, hard = false }: CeaseReason,
  negotiated: Negotiated | undefined,
): Notification {
  const entry = (Object.keys(CEASE) as (keyof typeof CEASE)[]).find((name) => CEASE[name] === subcode);
  if (entry === undefined || entry === "hardReset")
    throw new RangeError(`${subcode} is no reason for a Cease`);
  const notification = cease(entry, message);
  return hard && negotiated?.gracefulRestart?.notification === true ? hardReset(notification) : notification;
}
