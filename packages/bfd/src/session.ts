import type { Clock, Random, Timer } from "./clock.ts";
import type { ControlPacket, Diagnostic, State } from "./wire.ts";

/** Of our side, in milliseconds. */
export interface Intervals {
  readonly transmitInterval: number;
  readonly receiveInterval: number;
  /** Of our intervals, until the peer takes us for dead: 1 to 255. */
  readonly multiplier: number;
}

export interface SessionOptions extends Intervals {
  /** Ours: not 0, and no other session's of this host. */
  readonly discriminator: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly send: (packet: ControlPacket) => void;
  readonly onChange: (state: State, diagnostic: Diagnostic) => void;
  /** Gives {@link Session.receive} all that has arrived and waits to be read. */
  readonly catchUp: () => void;
}

/** RFC 5880 section 6.8.3: nobody is to send faster than this before the session is up. */
const SLOW = 1000;

/** A session in asynchronous mode, in the active role: RFC 5880 section 6.8. No I/O. */
export class Session {
  readonly #options: SessionOptions;
  readonly #clock: Clock;
  #state: State = "down";
  #diagnostic: Diagnostic = "none";
  /** The last packet of the peer, while it is alive. */
  #peer: ControlPacket | undefined;
  #wanted: Intervals;
  /** What we tell: desired minimum transmit, required minimum receive. */
  #told: Intervals;
  /** What we go by: {@link #told}, once the peer knows. */
  #used: Intervals;
  #polling = false;
  #lastSent = Number.NEGATIVE_INFINITY;
  #jitter = 1;
  #sending: Timer | undefined;
  #lastReceived = 0;
  #detecting: { readonly at: number; readonly timer: Timer } | undefined;
  #closed = false;

  constructor(options: SessionOptions) {
    const { transmitInterval, receiveInterval, multiplier } = options;
    this.#options = options;
    this.#clock = options.clock;
    this.#wanted = { transmitInterval, receiveInterval, multiplier };
    this.#told = this.#used = this.#slowed();
  }

  get state(): State {
    return this.#state;
  }

  get diagnostic(): Diagnostic {
    return this.#diagnostic;
  }

  /** The peer's last word; undefined before the first, and once it is taken for dead. */
  get peer(): ControlPacket | undefined {
    return this.#peer;
  }

  /** Milliseconds without a packet until the peer is taken for dead: section 6.8.4. */
  get detectionTime(): number | undefined {
    const peer = this.#peer;
    if (peer === undefined) return undefined;
    return peer.detectMultiplier * Math.max(this.#used.receiveInterval, peer.desiredMinTransmit / 1000);
  }

  /** Milliseconds between packets of ours, before jitter: section 6.8.2. */
  get transmissionInterval(): number {
    return Math.max(this.#used.transmitInterval, (this.#peer?.requiredMinReceive ?? 0) / 1000);
  }

  /** The first packet. */
  start(): void {
    this.#transmit();
  }

  /** Takes effect as the peer hears of it: section 6.8.3. */
  setIntervals(intervals: Intervals): void {
    this.#wanted = intervals;
    if (!this.#polling) this.#tell();
  }

  /** Tells the peer that this is no failure, and ends: nothing is heard or said any more. */
  close(): void {
    if (this.#closed) return;
    this.#state = "admin-down";
    this.#diagnostic = "administratively-down";
    this.#polling = false;
    this.#transmit();
    this.#closed = true;
    this.#sending?.cancel();
    this.#detecting?.timer.cancel();
  }

  /** A packet of this session's: section 6.8.6, from where the session is found. */
  receive(packet: ControlPacket): void {
    if (this.#closed) return;
    this.#peer = packet;
    this.#lastReceived = this.#clock.monotonic();
    if (packet.final && this.#polling) this.#polled();
    this.#watch();
    const told = this.#state;
    this.#follow(packet.state);
    if (this.#closed) return;
    if (packet.poll) this.#transmit({ final: true });
    // The peer may have asked for more, or less, or for nothing.
    if (this.#state === told) this.#schedule();
  }

  #follow(remote: State): void {
    if (remote === "admin-down") {
      if (this.#state !== "down") this.#become("down", "neighbour-signaled-down");
    } else if (this.#state === "down") {
      if (remote === "down") this.#become("init", this.#diagnostic);
      else if (remote === "init") this.#become("up", "none");
    } else if (this.#state === "init") {
      if (remote !== "down") this.#become("up", "none");
    } else if (remote === "down") this.#become("down", "neighbour-signaled-down");
  }

  #become(state: State, diagnostic: Diagnostic): void {
    this.#state = state;
    this.#diagnostic = diagnostic;
    this.#polling = false;
    if (state === "up") this.#tell();
    else this.#told = this.#used = this.#slowed();
    // Without waiting for its time: the peer should know soon (section 6.8.7). A poll has told it already.
    if (!this.#polling) this.#transmit();
    this.#watch();
    this.#options.onChange(state, diagnostic);
  }

  /** Before it is up, a session keeps to a packet a second or fewer. */
  #slowed(): Intervals {
    return { ...this.#wanted, transmitInterval: Math.max(SLOW, this.#wanted.transmitInterval) };
  }

  /** Brings what the peer knows to what is wanted. */
  #tell(): void {
    if (this.#state !== "up") {
      this.#told = this.#used = this.#slowed();
      this.#schedule();
      return;
    }
    const before = this.#told;
    const next = this.#wanted;
    this.#told = next;
    // Slower only when the peer expects it; faster at once.
    this.#used = {
      transmitInterval: Math.min(this.#used.transmitInterval, next.transmitInterval),
      receiveInterval: Math.max(this.#used.receiveInterval, next.receiveInterval),
      multiplier: next.multiplier,
    };
    this.#polling =
      before.transmitInterval !== next.transmitInterval || before.receiveInterval !== next.receiveInterval;
    if (this.#polling) this.#transmit();
    this.#watch();
  }

  /** The peer knows what we told it. */
  #polled(): void {
    this.#polling = false;
    this.#used = this.#told;
    if (this.#told !== this.#wanted && this.#state === "up") this.#tell();
  }

  #transmit({ final = false } = {}): void {
    if (this.#closed) return;
    const { transmitInterval, receiveInterval, multiplier } = this.#told;
    this.#options.send({
      ...{ diagnostic: this.#diagnostic, state: this.#state },
      // Never both: section 6.5.
      ...{ poll: this.#polling && !final, final },
      ...{ controlPlaneIndependent: false, demand: false, detectMultiplier: multiplier },
      myDiscriminator: this.#options.discriminator,
      yourDiscriminator: this.#peer?.myDiscriminator ?? 0,
      desiredMinTransmit: Math.round(transmitInterval * 1000),
      requiredMinReceive: Math.round(receiveInterval * 1000),
      requiredMinEcho: 0,
    });
    if (final) return;
    this.#lastSent = this.#clock.monotonic();
    // Section 6.8.7: 0 to 25 % less; where one lost packet is the end, at least 10 %.
    const most = multiplier === 1 ? 0.9 : 1;
    this.#jitter = most - (most - 0.75) * this.#options.random();
    this.#schedule();
  }

  #schedule(): void {
    this.#sending?.cancel();
    this.#sending = undefined;
    if (this.#closed || this.#isSilent()) return;
    const due = this.#lastSent + this.transmissionInterval * this.#jitter;
    const wait = Math.max(0, due - this.#clock.monotonic());
    this.#sending = this.#clock.after(wait, () => this.#transmit());
  }

  /** Section 6.8.7: the peer wants to hear nothing, or nothing at intervals (demand mode, section 6.6). */
  #isSilent(): boolean {
    const peer = this.#peer;
    if (peer === undefined) return false;
    if (peer.requiredMinReceive === 0) return true;
    return peer.demand && peer.state === "up" && this.#state === "up" && !this.#polling;
  }

  /** Wakes when the detection time may be over. A later end needs no other timer: waking up, it is seen. */
  #watch(): void {
    if (this.#peer === undefined || this.#closed) return;
    const at = this.#deadline;
    if (this.#detecting !== undefined && this.#detecting.at <= at) return;
    this.#detecting?.timer.cancel();
    const wait = Math.max(0, at - this.#clock.monotonic());
    this.#detecting = { at, timer: this.#clock.after(wait, () => this.#detect()) };
  }

  #detect(): void {
    this.#detecting = undefined;
    // Timers come before sockets: after a loop that was blocked, the proof that the peer lives waits unread.
    if (this.#isOverdue()) this.#options.catchUp();
    if (this.#closed || this.#peer === undefined) return;
    if (!this.#isOverdue()) {
      this.#watch();
      return;
    }
    this.#peer = undefined;
    if (this.#state === "down") this.#schedule();
    else this.#become("down", "detection-time-expired");
  }

  #isOverdue(): boolean {
    return this.#clock.monotonic() >= this.#deadline;
  }

  /** When the detection time is over. Timer and test share the sum: another way of rounding would wake them for ever. */
  get #deadline(): number {
    return this.#lastReceived + (this.detectionTime ?? 0);
  }
}
