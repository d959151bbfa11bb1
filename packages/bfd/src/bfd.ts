import { canonicalAddress } from "./address.ts";
import { type Clock, type Random, systemClock } from "./clock.ts";
import {
  type BfdSocket,
  CONTROL_PORT,
  kernelSocket,
  type OpenSocket,
  openReceiver,
  openSender,
} from "./ports.ts";
import { type Intervals, Session } from "./session.ts";
import { type ControlPacket, decodeControl, type Diagnostic, encodeControl, type State } from "./wire.ts";

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
}

export interface Bfd extends Disposable {
  /**
   * Watches the path to a neighbour. The session starts down; `onChange` tells of each change, never from within a call
   * of one's own.
   *
   * @throws TypeError, RangeError: options that cannot be right, a path that is watched already.
   * @throws `SocketError` of `@netloom/sockets`: a socket could not be opened, e.g. `ERR_ADDRESS_IN_USE` where another
   * BFD runs.
   */
  watch(options: WatchOptions, onChange: OnChange): Watch;
  sessions(): readonly SessionStatus[];
  /** Datagrams that were no control packet of a session, by reason. */
  readonly discarded: ReadonlyMap<string, number>;
  /** Ends all sessions. May be called again. */
  close(): void;
}

/** BFD for single hops, in asynchronous mode: RFC 5880, RFC 5881. Nothing is opened before the first `watch`. */
export function createBfd(options: BfdOptions = {}): Bfd {
  return new BfdHost(options);
}

const DEFAULTS: Intervals = { transmitInterval: 300, receiveInterval: 300, multiplier: 3 };

/** Packets to one of our addresses (on one device) arrive here, whichever session they are for. */
interface Receiver {
  readonly key: string;
  readonly socket: BfdSocket;
  readonly byPeer: Map<string, Watched>;
}

interface Watched {
  readonly session: Session;
  readonly receiver: Receiver;
  readonly remote: string;
  received: number;
}

class BfdHost implements Bfd {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #open: OpenSocket;
  readonly #netns: string | undefined;
  readonly #receivers = new Map<string, Receiver>();
  readonly #byDiscriminator = new Map<number, Watched>();
  readonly #watches = new Set<Watch>();
  readonly #discarded = new Map<string, number>();
  #closed = false;

  constructor({ clock = systemClock, random = Math.random, openSocket = kernelSocket, netns }: BfdOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#open = openSocket;
    this.#netns = netns;
  }

  get discarded(): ReadonlyMap<string, number> {
    return this.#discarded;
  }

  watch(options: WatchOptions, onChange: OnChange): Watch {
    if (this.#closed) throw new TypeError("this BFD is closed");
    const { interface: device } = options;
    let intervals = checked({ ...DEFAULTS, ...given(options) });
    const [local, remote] = [options.local, options.remote].map((text) => canonicalAddress(text, device));
    if (local === undefined || remote === undefined) throw new TypeError("two addresses are needed");
    const end = { address: local, interface: device, netns: this.#netns };
    const receiver = this.#receiverFor(`${local} ${device ?? ""}`, end);
    let sender: BfdSocket;
    try {
      if (receiver.byPeer.has(remote)) throw new TypeError(`the path from ${local} to ${remote} is watched`);
      sender = openSender(this.#open, end, this.#random);
    } catch (error) {
      this.#leave(receiver);
      throw error;
    }
    let [sent, sendErrors] = [0, 0];
    const discriminator = this.#freeDiscriminator();
    const session = new Session({
      ...{ ...intervals, discriminator, clock: this.#clock, random: this.#random },
      send: (packet) => {
        try {
          sender.send(encodeControl(packet), remote, CONTROL_PORT);
          sent += 1;
        } catch {
          // What it means for the path is what BFD finds out.
          sendErrors += 1;
        }
      },
      onChange: (state, diagnostic) => onChange(state, diagnostic, watch.status),
      catchUp: () => receiver.socket.receive(),
    });
    const watched: Watched = { session, receiver, remote, received: 0 };
    const close = (): void => {
      if (!this.#watches.delete(watch)) return;
      session.close();
      sender.close();
      receiver.byPeer.delete(remote);
      this.#byDiscriminator.delete(discriminator);
      this.#leave(receiver);
    };
    const watch: Watch = {
      get status() {
        return {
          ...{ local, remote, interface: device, discriminator, sent, sendErrors },
          ...statusOf(session),
          received: watched.received,
        };
      },
      setIntervals(changes) {
        intervals = checked({ ...intervals, ...given(changes) });
        session.setIntervals(intervals);
      },
      close,
      [Symbol.dispose]: close,
    };
    this.#watches.add(watch);
    receiver.byPeer.set(remote, watched);
    this.#byDiscriminator.set(discriminator, watched);
    session.start();
    return watch;
  }

  sessions(): readonly SessionStatus[] {
    return Array.from(this.#watches, ({ status }) => status);
  }

  close(): void {
    this.#closed = true;
    for (const watch of this.#watches) watch.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #receiverFor(key: string, end: Parameters<typeof openReceiver>[1]): Receiver {
    let receiver = this.#receivers.get(key);
    if (receiver === undefined) {
      receiver = { key, socket: openReceiver(this.#open, end), byPeer: new Map() };
      this.#receivers.set(key, receiver);
      const { byPeer } = receiver;
      receiver.socket.onMessage = (bytes, address) => this.#receive(bytes, address, byPeer);
    }
    return receiver;
  }

  /** Nobody is there any more: neither is the socket. */
  #leave(receiver: Receiver): void {
    if (receiver.byPeer.size > 0) return;
    receiver.socket.close();
    this.#receivers.delete(receiver.key);
  }

  #receive(bytes: Uint8Array, address: string, byPeer: ReadonlyMap<string, Watched>): void {
    const packet = decodeControl(bytes);
    if ("discarded" in packet) {
      this.#discard(packet.discarded);
      return;
    }
    const watched = this.#sessionOf(packet, address, byPeer);
    if (watched === undefined) {
      this.#discard("of no session");
      return;
    }
    watched.received += 1;
    watched.session.receive(packet);
  }

  /** RFC 5880 section 6.8.6, RFC 5881 section 3. */
  #sessionOf(
    { yourDiscriminator }: ControlPacket,
    address: string,
    byPeer: ReadonlyMap<string, Watched>,
  ): Watched | undefined {
    const known = byPeer.get(address);
    if (yourDiscriminator === 0) return known;
    return this.#byDiscriminator.get(yourDiscriminator) === known ? known : undefined;
  }

  #discard(why: string): void {
    this.#discarded.set(why, (this.#discarded.get(why) ?? 0) + 1);
  }

  #freeDiscriminator(): number {
    for (;;) {
      const discriminator = 1 + Math.floor(this.#random() * 0xffff_ffff);
      if (!this.#byDiscriminator.has(discriminator)) return discriminator;
    }
  }
}

function statusOf(session: Session) {
  const { peer } = session;
  return {
    ...{ state: session.state, diagnostic: session.diagnostic },
    ...{ remoteState: peer?.state, remoteDiagnostic: peer?.diagnostic },
    remoteDiscriminator: peer?.myDiscriminator,
    ...{ transmissionInterval: session.transmissionInterval, detectionTime: session.detectionTime },
  };
}

/** Without what is undefined, which would hide a default. */
function given(intervals: Partial<Intervals>): Partial<Intervals> {
  const { transmitInterval, receiveInterval, multiplier } = intervals;
  return {
    ...(transmitInterval === undefined ? {} : { transmitInterval }),
    ...(receiveInterval === undefined ? {} : { receiveInterval }),
    ...(multiplier === undefined ? {} : { multiplier }),
  };
}

function checked(intervals: Intervals): Intervals {
  const check = (name: keyof Intervals, low: number, high: number): void => {
    const value = intervals[name];
    if (!(value >= low && value <= high) || !Number.isInteger(value))
      throw new RangeError(`${name} is ${value}, and not an integer from ${low} to ${high}`);
  };
  check("transmitInterval", 10, 60_000);
  check("receiveInterval", 10, 60_000);
  check("multiplier", 1, 255);
  return intervals;
}
