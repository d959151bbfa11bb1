import { type NetlinkSocket, NOTHING_THERE, OVERRUN } from "../../src/sys/netlink-socket.ts";
import { HEADER_LENGTH, MessageCursor, NLMSG_DONE, NLMSG_ERROR } from "../../src/wire/message.ts";
import { message } from "./messages.ts";

export interface SentMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Buffer;
}

/** A datagram, or the news that some are lost. */
export type Answer = Buffer | typeof OVERRUN;

/** A kernel that says what the test wants: `respond` turns every send into the datagrams that answer it. */
export class ScriptedSocket implements NetlinkSocket {
  readonly sent: SentMessage[][] = [];
  readonly joined: number[] = [];
  readonly devices: Map<string, number> = new Map();
  closed = false;
  readonly #respond: (messages: SentMessage[]) => Answer[];
  readonly #queue: Answer[] = [];
  #waiting: (() => void) | undefined;

  constructor(respond: (messages: SentMessage[]) => Answer[] = () => []) {
    this.#respond = respond;
  }

  /** Datagrams that nobody has read. */
  get unread(): number {
    return this.#queue.length;
  }

  /** Whether somebody waits for a datagram. */
  get awaited(): boolean {
    return this.#waiting !== undefined;
  }

  push(...answers: Answer[]): void {
    this.#queue.push(...answers);
    const wake = this.#waiting;
    this.#waiting = undefined;
    wake?.();
  }

  send(bytes: Buffer, length: number): void {
    const messages: SentMessage[] = [];
    const cursor = new MessageCursor(bytes, length);
    while (cursor.next()) {
      const { type, flags, sequence, start, end } = cursor;
      messages.push({ type, flags, sequence, body: Buffer.from(bytes.subarray(start, end)) });
    }
    this.sent.push(messages);
    this.push(...this.#respond(messages));
  }

  sendAsync(bytes: Buffer, length: number): Promise<void> {
    this.send(bytes, length);
    return Promise.resolve();
  }

  receive(into: Buffer): number {
    const next = this.#queue.shift();
    if (next === undefined) return NOTHING_THERE;
    if (next === OVERRUN) return OVERRUN;
    next.copy(into);
    return next.length;
  }

  deviceIndex(name: string): number | undefined {
    return this.devices.get(name);
  }

  whenReadable(callback: () => void): () => void {
    this.#waiting = callback;
    return () => {
      this.#waiting = undefined;
    };
  }

  join(group: number): void {
    this.joined.push(group);
  }

  close(): void {
    this.closed = true;
  }
}

/** NLMSG_ERROR as the kernel sends it with CAP_ACK and EXT_ACK: errno, the request's header, the text. */
export function verdict(sequence: number, errno = 0, text?: string): Buffer {
  const head = Buffer.alloc(4 + HEADER_LENGTH);
  head.writeInt32LE(-errno);
  if (text === undefined) return message(head, { type: NLMSG_ERROR, flags: 0x100, sequence });
  const payload = Buffer.from(`${text}\0`);
  const attribute = Buffer.alloc((4 + payload.length + 3) & ~3);
  attribute.writeUInt16LE(4 + payload.length, 0);
  attribute.writeUInt16LE(1, 2);
  payload.copy(attribute, 4);
  return message(Buffer.concat([head, attribute]), { type: NLMSG_ERROR, flags: 0x300, sequence });
}

/** NLMSG_DONE, which ends a dump. */
export function done(sequence: number, flags = 0, errno = 0): Buffer {
  const body = Buffer.alloc(4);
  body.writeInt32LE(-errno);
  return message(body, { type: NLMSG_DONE, flags, sequence });
}
