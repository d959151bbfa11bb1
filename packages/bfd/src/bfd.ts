import { canonicalAddress } from "./address.ts";
import { type Clock, type Random, systemClock } from "./clock.ts";
import { DEFAULTS, intervalsOf } from "./intervals.ts";
import {
  type BfdSocket,
  CONTROL_PORT,
  kernelSocket,
  type OpenSocket,
  openReceiver,
  openSender,
} from "./ports.ts";
import { RemoteBfd } from "./remote.ts";
import { Session } from "./session.ts";
import type { Bfd, BfdOptions, OnChange, SessionStatus, Watch, WatchOptions } from "./types.ts";
import { type ControlPacket, decodeControl, encodeControl } from "./wire.ts";

const LAST_DISCRIMINATOR = 0xffff_ffff;

/** BFD for single hops, in asynchronous mode: RFC 5880, RFC 5881. Nothing is opened before the first `watch`. */
export function createBfd(options: BfdOptions = {}): Bfd {
  if (options.worker !== true) return new BfdHost(options);
  const { clock, random, openSocket } = options;
  if ([clock, random, openSocket].some((one) => one !== undefined))
    throw new TypeError("a thread of its own takes no clock, no chance and no sockets from this one");
  return new RemoteBfd(options);
}

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
  readonly #onError: (error: Error) => void;
  readonly #receivers = new Map<string, Receiver>();
  readonly #byDiscriminator = new Map<number, Watched>();
  readonly #watches = new Set<Watch>();
  readonly #discarded = new Map<string, number>();
  #closed = false;

  constructor({
    clock = systemClock,
    random = Math.random,
    openSocket = kernelSocket,
    netns,
    onError = () => undefined,
  }: BfdOptions) {
    this.#onError = onError;
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
    let intervals = intervalsOf(DEFAULTS, options);
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
        intervals = intervalsOf(intervals, changes);
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
      receiver.socket.onError = this.#onError;
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
    let discriminator = 1 + Math.floor(this.#random() * LAST_DISCRIMINATOR);
    while (this.#byDiscriminator.has(discriminator)) discriminator = (discriminator % LAST_DISCRIMINATOR) + 1;
    return discriminator;
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
