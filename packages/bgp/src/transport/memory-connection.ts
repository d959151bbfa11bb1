import type { Clock } from "../clock.ts";
import type { Host } from "./memory-host.ts";
import type { MemoryLink } from "./memory-link.ts";
import type { Connection } from "./transport.ts";

interface End {
  readonly host: Host;
  readonly address: string;
  readonly port: number;
}

export interface PairOptions {
  readonly clock: Clock;
  readonly link: MemoryLink;
  readonly window: number;
  readonly active: End;
  readonly passive: End;
}

/** Both ends of a connection. */
export function connectionPair({ active, passive, ...rest }: PairOptions): {
  readonly active: Connection;
  readonly passive: Connection;
} {
  const one = new MemoryConnection(active, passive, rest);
  const other = new MemoryConnection(passive, active, rest);
  one.peer = other;
  other.peer = one;
  return { active: one, passive: other };
}

const nothing = (): void => undefined;

class MemoryConnection implements Connection {
  readonly local: Connection["local"];
  readonly remote: Connection["remote"];
  onDrain: () => void = nothing;
  onClose: (error: Error | undefined) => void = nothing;
  /** Set as soon as both are there. */
  peer!: MemoryConnection;
  readonly #host: Host;
  readonly #clock: Clock;
  readonly #link: MemoryLink;
  readonly #stopListening: () => void;
  #onData: ((bytes: Uint8Array) => void) | undefined;
  /** Of the peer: how much it takes before it has read. */
  #window: number;
  #unsent: Uint8Array[] = [];
  #unsentBytes = 0;
  /** Arrived; `undefined` is the end. */
  #unread: (Uint8Array | undefined)[] = [];
  #paused = false;
  #reading = false;
  #full = false;
  #state: "open" | "ending" | "closed" = "open";
  #finished = false;

  constructor(local: End, remote: End, { clock, link, window }: Omit<PairOptions, "active" | "passive">) {
    this.local = { address: local.address, port: local.port };
    this.remote = { address: remote.address, port: remote.port };
    this.#host = local.host;
    this.#clock = clock;
    this.#link = link;
    this.#window = window;
    this.#stopListening = local.host.whenThrottled(() => this.#read());
  }

  get bufferedBytes(): number {
    return this.#unsentBytes;
  }

  get onData(): (bytes: Uint8Array) => void {
    return this.#onData ?? nothing;
  }

  set onData(listener: (bytes: Uint8Array) => void) {
    this.#onData = listener;
    this.#read();
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#full = true;
    if (bytes.length > 0) this.#unsent.push(bytes);
    this.#unsentBytes += bytes.length;
    this.#send();
  }

  pause(): void {
    if (this.#state === "open") this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#read();
  }

  end(deadline: number): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#paused = false;
    this.#clock.after(deadline, () => this.#close());
    this.#send();
    this.#read();
  }

  destroy(): void {
    this.#close();
  }

  /** Moves what the window lets pass; after the last of an ending connection, the end. */
  #send(): void {
    while (this.#window > 0) {
      const next = this.#unsent.shift();
      if (next === undefined) break;
      const now = next.subarray(0, this.#window);
      if (now.length < next.length) this.#unsent.unshift(next.subarray(now.length));
      this.#window -= now.length;
      this.#unsentBytes -= now.length;
      // The kernel's copy: the owner of the bytes has given them away, but a test may keep them.
      const copy = now.slice();
      this.#link.carry(() => this.peer.#arrive(copy));
    }
    if (this.#unsent.length > 0) return;
    if (this.#state !== "open") this.#finish();
    else if (this.#full) this.#clock.after(0, () => this.#drained());
  }

  #drained(): void {
    if (!this.#full || this.#unsent.length > 0 || this.#state !== "open") return;
    this.#full = false;
    this.onDrain();
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#link.carry(() => this.peer.#arrive(undefined));
  }

  #arrive(bytes: Uint8Array | undefined): void {
    if (this.#state === "closed") return;
    this.#unread.push(bytes);
    this.#read();
  }

  /** One piece each turn of the clock, as fast as the host reads. */
  #read(): void {
    const ready = this.#state === "ending" || this.#onData !== undefined;
    if (this.#reading || this.#paused || !ready || this.#unread.length === 0) return;
    if (this.#host.rate <= 0) return;
    this.#reading = true;
    const wait = Math.ceil((this.#unread[0]?.length ?? 0) / this.#host.rate);
    this.#clock.after(wait, () => {
      this.#reading = false;
      if (this.#paused || this.#state === "closed" || this.#host.rate <= 0) return;
      const [bytes] = this.#unread.splice(0, 1);
      if (bytes === undefined) {
        this.#close();
        return;
      }
      this.#link.carry(() => this.peer.#credit(bytes.length));
      if (this.#state === "open") this.#onData?.(bytes);
      this.#read();
    });
  }

  /** The peer has read so much. */
  #credit(bytes: number): void {
    this.#window += bytes;
    if (this.#state !== "closed") this.#send();
  }

  #close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#unsent = [];
    this.#unsentBytes = 0;
    this.#unread = [];
    this.#stopListening();
    this.#finish();
    this.#clock.after(0, () => this.onClose(undefined));
  }
}
