import type { Clock, Random } from "./clock.ts";
import type { OpenSocket } from "./ports.ts";
import type { Intervals } from "./session.ts";
import type { Diagnostic, State } from "./wire.ts";

export interface WatchOptions extends Partial<Intervals> {
  /** Ours. */
  readonly local: string;
  /** The neighbour's, on the same link: RFC 5881. */
  readonly remote: string;
  /** The device, where an address alone does not say; packets of other devices are not heard then. */
  readonly interface?: string | undefined;
  /** Milliseconds between packets of ours, 10 to 60,000; slower where the peer asks for it. @defaultValue 300 */
  readonly transmitInterval?: number;
  /** Milliseconds between packets of the peer's, 10 to 60,000; slower where it sends slower. @defaultValue 300 */
  readonly receiveInterval?: number;
  /** Our packets that may get lost in a row before the peer takes us for dead, 1 to 255. @defaultValue 3 */
  readonly multiplier?: number;
}

/** How a session is doing. Times in milliseconds. */
export interface SessionStatus {
  readonly local: string;
  readonly remote: string;
  readonly interface: string | undefined;
  readonly state: State;
  /** Why it last went down. */
  readonly diagnostic: Diagnostic;
  /** What the peer says of itself; undefined as long as nothing is heard of it. */
  readonly remoteState: State | undefined;
  readonly remoteDiagnostic: Diagnostic | undefined;
  readonly discriminator: number;
  readonly remoteDiscriminator: number | undefined;
  readonly transmissionInterval: number;
  readonly detectionTime: number | undefined;
  readonly sent: number;
  readonly received: number;
  /** The kernel refused to send them: a device is down, a route is missing. */
  readonly sendErrors: number;
}

export type OnChange = (state: State, diagnostic: Diagnostic, status: SessionStatus) => void;

export interface Watch extends Disposable {
  readonly status: SessionStatus;
  /** Takes effect without the session going down: a poll sequence, RFC 5880 section 6.8.3. */
  setIntervals(intervals: Partial<Intervals>): void;
  /** The peer is told that this is no failure. May be called again. */
  close(): void;
}

export interface BfdOptions {
  /** @defaultValue the clock of the process */
  readonly clock?: Clock;
  /** @defaultValue `Math.random` */
  readonly random?: Random;
  /** @defaultValue `openUdp` of `@netloom/sockets` */
  readonly openSocket?: OpenSocket;
  /** Path of the network namespace of all sockets, e.g. `/run/netns/node1`. @defaultValue here */
  readonly netns?: string;
  /**
   * All is done in a thread of its own, which a blocked event loop of this one does not concern: the peer keeps hearing
   * of us. `watch` cannot say then that a socket could not be opened: `onError` does. `status` is up to a second old.
   * Should the thread end, `onError` hears an `ERR_CLOSED`: nothing is watched any more, and a new BFD is needed.
   * Not together with `clock`, `random` and `openSocket`. @defaultValue false
   */
  readonly worker?: boolean;
  /** Hears what goes wrong behind the back of all calls. @defaultValue nobody does */
  readonly onError?: (error: Error) => void;
}

export interface Bfd extends Disposable {
  /**
   * Watches the path to a neighbour. The session starts down; `onChange` tells of each change, never from within a call
   * of one's own.
   *
   * @throws TypeError, RangeError: options that cannot be right, a path that is watched already.
   * @throws `SocketError` of `@netloom/sockets`: a socket could not be opened, e.g. `ERR_ADDRESS_IN_USE` where another
   * BFD runs; `ERR_CLOSED` where the thread of {@link BfdOptions.worker} has ended.
   */
  watch(options: WatchOptions, onChange: OnChange): Watch;
  sessions(): readonly SessionStatus[];
  /** Datagrams that were no control packet of a session, by reason. */
  readonly discarded: ReadonlyMap<string, number>;
  /** Ends all sessions. May be called again. */
  close(): void;
}
