import { HEADER, type WireContext } from "../../../src/wire/index.ts";
import { BgpError, type Notification } from "../../../src/errors.ts";

/** An internal session with all this package has, unless a test says otherwise. */
export function contextOf(changes: Partial<WireContext> = {}): WireContext {
  return {
    fourOctetAs: true,
    internal: true,
    families: ["ipv4-unicast", "ipv6-unicast"],
    addPathReceive: [],
    addPathSend: [],
    extendedNextHop: false,
    maxMessage: 4096,
    ...changes,
  };
}

export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, index) =>
    Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16),
  );
}

export function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A message put together without the code under test. */
export function messageOf(type: number, ...body: readonly string[]): Uint8Array {
  const bytes = hex(body.join(""));
  const length = HEADER + bytes.length;
  return Uint8Array.of(
    ...Array.from({ length: 16 }, () => 0xff),
    ...[length >>> 8, length & 0xff, type],
    ...bytes,
  );
}

/** An UPDATE from the hex of its parts. */
export function updateOf(parts: { withdrawn?: string; attributes?: string; nlri?: string }): Uint8Array {
  const { withdrawn = "", attributes = "", nlri = "" } = parts;
  return messageOf(2, length16(withdrawn), withdrawn, length16(attributes), attributes, nlri);
}

/** Of an attribute, without the extended length: flags, type and value in hex. */
export function attributeOf(flags: number, type: number, value: string): string {
  const long = value.length / 2 > 255;
  const length = long ? length16(value) : byte(value.replaceAll(" ", "").length / 2);
  return `${byte(long ? flags | 0x10 : flags)}${byte(type)}${length}${value}`;
}

function byte(value: number): string {
  return value.toString(16).padStart(2, "0");
}

function length16(text: string): string {
  return (text.replaceAll(" ", "").length / 2).toString(16).padStart(4, "0");
}

/** The NOTIFICATION that the work is refused with, as hex: `0301` and the data. */
export function refusedWith(work: () => unknown): string | undefined {
  const notification = notificationOf(work);
  return notification === undefined
    ? undefined
    : `${byte(notification.code)}${byte(notification.subcode)}${toHex(notification.data)}`;
}

function notificationOf(work: () => unknown): Notification | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof BgpError && error.code === "ERR_BGP_MESSAGE") return error.notification;
    throw error;
  }
  return undefined;
}
