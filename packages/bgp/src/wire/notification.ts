import type { Notification } from "../errors.ts";
import { bytesOf } from "./bytes.ts";
import { frame, HEADER } from "./header.ts";
import { NOTIFICATION_NAMES } from "./notification-names.ts";
import { NOTIFICATION } from "./refusal.ts";

/** Subcodes of Cease: RFC 4486, RFC 8538, RFC 9384. */
export const CEASE = {
  maximumPrefixes: 1,
  administrativeShutdown: 2,
  peerDeconfigured: 3,
  administrativeReset: 4,
  connectionRejected: 5,
  otherConfigurationChange: 6,
  collisionResolution: 7,
  outOfResources: 8,
  hardReset: 9,
  bfdDown: 10,
} as const;

const MAX_COMMUNICATION = 255;
const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @throws RangeError: a code is no byte. */
export function encodeNotification(notification: Notification): Uint8Array {
  const { code, subcode, data } = notification;
  const body = new Uint8Array(2 + data.length);
  body.set([...bytesOf(code, 1), ...bytesOf(subcode, 1)]);
  body.set(data, 2);
  return frame("notification", body);
}

/** Reads a whole NOTIFICATION, which nothing can be wrong with. */
export function decodeNotification(message: Uint8Array): Notification {
  return {
    code: message[HEADER] as number,
    subcode: message[HEADER + 1] as number,
    data: message.slice(HEADER + 2),
  };
}

/**
 * A Cease. With `administrativeShutdown` and `administrativeReset` goes a text for people (RFC 9003), which is cut
 * between characters where it has more than 255 bytes.
 */
export function cease(reason: Exclude<keyof typeof CEASE, "hardReset">, text?: string): Notification {
  const subcode = CEASE[reason];
  const data = text === undefined || !hasCommunication(subcode) ? NOTHING : communication(text);
  return { code: NOTIFICATION.cease, subcode, data };
}

/** The notification as one that graceful restart must not survive: RFC 8538 section 3. */
export function hardReset(notification: Notification): Notification {
  const { code, subcode, data } = notification;
  return { code: NOTIFICATION.cease, subcode: CEASE.hardReset, data: Uint8Array.of(code, subcode, ...data) };
}

/** Whether it is a hard reset; the notification within, where there is one. */
export function unwrapHardReset(notification: Notification): { hard: boolean; notification: Notification } {
  const { code, subcode, data } = notification;
  const hard = code === NOTIFICATION.cease && subcode === CEASE.hardReset;
  if (!hard || data.length < 2) return { hard, notification };
  return {
    hard,
    notification: { code: data[0] as number, subcode: data[1] as number, data: data.subarray(2) },
  };
}

/**
 * The text that came with a shutdown or reset: RFC 9003 section 2. The peer wrote it: control characters, and those that
 * change the direction of what follows, are replaced, so that it can be shown.
 *
 * @returns `undefined`: there is none, or it is malformed (which changes nothing else)
 */
export function shutdownCommunication(notification: Notification): string | undefined {
  const { code, subcode, data } = notification;
  if (code !== NOTIFICATION.cease || !hasCommunication(subcode)) return undefined;
  const length = data[0] ?? 0;
  if (length === 0 || length + 1 > data.length) return undefined;
  return decoder.decode(data.subarray(1, 1 + length)).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
}

/** For a log: `6/2 cease, administrative shutdown: "maintenance"`. */
export function describeNotification(notification: Notification): string {
  const { code, subcode, data } = notification;
  const [name, subcodes] = NOTIFICATION_NAMES[code] ?? ["unknown error", []];
  const detail = subcode === 0 ? undefined : (subcodes[subcode] ?? "unknown subcode");
  const text = shutdownCommunication(notification);
  const { hard, notification: inner } = unwrapHardReset(notification);
  const words = [
    `${code}/${subcode} ${name}`,
    detail === undefined ? "" : `, ${detail}`,
    text === undefined ? "" : `: ${JSON.stringify(text)}`,
    hard && inner !== notification ? `: ${describeInner(inner)}` : "",
    !hard && text === undefined && data.length > 0 ? ` (data ${hexadecimal(data)})` : "",
  ];
  return words.join("");
}

/** A hard reset within a hard reset is nothing anybody means: it is not followed. */
function describeInner(inner: Notification): string {
  return unwrapHardReset(inner).hard ? `${inner.code}/${inner.subcode}` : describeNotification(inner);
}

function hasCommunication(subcode: number): boolean {
  return subcode === CEASE.administrativeShutdown || subcode === CEASE.administrativeReset;
}

function communication(text: string): Uint8Array {
  const buffer = new Uint8Array(1 + MAX_COMMUNICATION);
  const { written } = encoder.encodeInto(text, buffer.subarray(1));
  buffer[0] = written;
  return buffer.slice(0, 1 + written);
}

function hexadecimal(data: Uint8Array): string {
  const shown = [...data.subarray(0, 32)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return data.length > 32 ? `${shown}…` : shown;
}
