/** RFC 4271 section 4.1 and RFC 2918. */
export type MessageType = "open" | "update" | "notification" | "keepalive" | "route-refresh";

/** Bytes of a message's header: marker, length, type. */
export const HEADER = 19;

/** Numbers of message types. */
export const MESSAGE_TYPE: Readonly<Record<MessageType, number>> = {
  open: 1,
  update: 2,
  notification: 3,
  keepalive: 4,
  "route-refresh": 5,
};

/** Largest message that everybody takes. */
export const CLASSIC_MAXIMUM = 4096;

/** Largest message there is: RFC 8654. */
export const EXTENDED_MAXIMUM = 65535;

/** Writes the header of a message of `length` bytes at the start of `buffer`. */
export function writeHeader(buffer: Uint8Array, length: number, type: MessageType): void {
  buffer.fill(0xff, 0, 16);
  buffer[16] = length >>> 8;
  buffer[17] = length & 0xff;
  buffer[18] = MESSAGE_TYPE[type];
}

/** A message with this body. */
export function frame(type: MessageType, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(HEADER + body.length);
  writeHeader(message, message.length, type);
  message.set(body, HEADER);
  return message;
}

/** The same whenever it is sent: RFC 4271 section 4.4. */
export function encodeKeepalive(): Uint8Array {
  return frame("keepalive", new Uint8Array(0));
}
