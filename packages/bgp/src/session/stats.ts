import type { BgpError } from "../errors.ts";
import type { MessageType } from "../wire/header.ts";

/** Messages by kind. */
export type MessageCounts = Readonly<Record<MessageType, number>>;

/** What a session has seen since it was made. */
export interface SessionStats {
  readonly received: MessageCounts;
  readonly sent: MessageCounts;
  /** Times it was established. */
  readonly established: number;
  /** Milliseconds since 1970; `undefined`: it is not. */
  readonly establishedAt: number | undefined;
  /** Of the state it is in. */
  readonly changedAt: number;
  /** Connections of the peer that were turned away. */
  readonly refused: number;
}

/** Why a session, or an attempt at one, last ended. */
export interface LastError {
  readonly error: BgpError;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const none = (): Record<MessageType, number> => ({
  open: 0,
  update: 0,
  notification: 0,
  keepalive: 0,
  "route-refresh": 0,
});

/** Counts messages. */
export class Tally {
  readonly received: Record<MessageType, number> = none();
  readonly sent: Record<MessageType, number> = none();
}
