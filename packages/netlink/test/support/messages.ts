import { HEADER_LENGTH, MessageCursor, writeHeader } from "../../src/wire/message.ts";

export interface MessageParts {
  readonly type?: number;
  readonly flags?: number;
  readonly sequence?: number;
}

/** A message with this body, padded as in a datagram. */
export function message(body: Buffer, { type = 0, flags = 0, sequence = 0 }: MessageParts = {}): Buffer {
  const bytes = Buffer.alloc((HEADER_LENGTH + body.length + 3) & ~3);
  writeHeader(bytes, 0, HEADER_LENGTH + body.length, type, flags, sequence);
  body.copy(bytes, HEADER_LENGTH);
  return bytes;
}

/** A cursor that stands on a message with this body. */
export function messageOf(body: Buffer, parts: MessageParts = {}): MessageCursor {
  const cursor = new MessageCursor(message(body, parts));
  cursor.next();
  return cursor;
}
