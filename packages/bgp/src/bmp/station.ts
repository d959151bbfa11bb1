import { jittered } from "../session/timers.ts";
import type { Slices } from "../session/slices.ts";
import type { Clock, Random, Timer } from "../clock.ts";
import { BgpError } from "../errors.ts";
import type { Connection, Transport } from "../transport/transport.ts";
import { encodeBmp } from "./encode.ts";
import { Outbox } from "./outbox.ts";
import type { SessionReport } from "./session-report.ts";

/** A monitoring station: RFC 7854 section 3. */
export interface StationAddress {
  readonly address: string;
  readonly port: number;
}

/** What a station needs of the exporter it belongs to. */
export interface StationHost {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly slices: Slices;
  /** Bytes. */
  readonly limit: number;
  initiation(): Uint8Array;
  /** Sessions that stand. */
  reports(): Iterable<SessionReport>;
  failed(error: BgpError): void;
}

/** Milliseconds: RFC 7854 section 3.2. */
const FIRST_RETRY = 30_000;
const LAST_RETRY = 720_000;
/** Bytes that wait for the station before a dump does; a quarter of the limit where that is less. */
const HIGH_WATER = 0x4_0000;
/** Milliseconds that a Termination has to get out. */
const LAST_WORDS = 2000;

const TERMINATION = encodeBmp({ kind: "termination", reason: 0, information: [] });

/**
 * The connection to one station. A session is told to it in one go: Peer Up, what the peer has told so far, from then on
 * what it tells. The second waits for a station that is slow, the third does not, up to a limit.
 */
export class Station {
  readonly address: StationAddress;
  readonly #host: StationHost;
  #connection: Connection | undefined;
  #outbox: Outbox | undefined;
  #call: AbortController | undefined;
  #retry: Timer | undefined;
  #failures = 0;
  #since = 0;
  /** Sessions whose Peer Up has been sent. */
  readonly #told = new Set<SessionReport>();
  /** Sessions to be told, and whether End-of-RIB is ours to say: of those that began before the connection did. */
  readonly #queue = new Map<SessionReport, boolean>();
  #dump: { readonly report: SessionReport; readonly messages: Iterator<readonly Uint8Array[]> } | undefined;
  #working = false;
  #gone: () => void = () => undefined;

  constructor(address: StationAddress, host: StationHost) {
    this.address = address;
    this.#host = host;
    this.#connect();
  }

  get connected(): boolean {
    return this.#connection !== undefined;
  }

  /** Whether it hears what this session's peer tells. */
  follows(report: SessionReport): boolean {
    return this.#told.has(report);
  }

  /** A session has been established. */
  introduce(report: SessionReport): void {
    if (this.#connection === undefined) return;
    this.#queue.set(report, false);
    this.#work();
  }

  /** A session is over. */
  part(report: SessionReport, peerDown: Uint8Array): void {
    this.#queue.delete(report);
    if (this.#dump?.report === report) this.#dump = undefined;
    if (this.#told.delete(report)) this.send(peerDown);
  }

  send(message: Uint8Array): void {
    const connection = this.#connection;
    const outbox = this.#outbox;
    if (connection === undefined || outbox === undefined) return;
    outbox.send(message);
    const { limit } = this.#host;
    if (outbox.waiting <= limit) return;
    connection.destroy();
    this.#lost(connection, new Error(`it does not read: more than ${limit} bytes wait for it`));
  }

  /** Says so, and closes; at the latest after 2 seconds. */
  async close(): Promise<void> {
    this.#retry?.cancel();
    this.#call?.abort(new BgpError("ERR_BGP_CLOSED", "the export is closed"));
    this.#call = undefined;
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#outbox?.flush();
    this.#forget();
    const gone = new Promise<void>((resolve) => (this.#gone = resolve));
    connection.write(TERMINATION);
    connection.end(LAST_WORDS);
    await gone;
  }

  #connect(): void {
    const call = new AbortController();
    this.#call = call;
    this.#host.transport.connect({ ...this.address, signal: call.signal }).then(
      (connection) => {
        if (this.#call === call) this.#opened(connection);
        else connection.destroy();
      },
      (error: unknown) => {
        if (this.#call === call) this.#failed(error);
      },
    );
  }

  #opened(connection: Connection): void {
    this.#call = undefined;
    this.#connection = connection;
    this.#outbox = new Outbox(connection);
    this.#since = this.#host.clock.monotonic();
    // A station has nothing to say, but what it says must not stay unread.
    connection.onData = () => undefined;
    connection.onDrain = () => this.#work();
    connection.onClose = (error) => {
      this.#gone();
      this.#lost(connection, error ?? new Error("it closed the connection"));
    };
    this.send(this.#host.initiation());
    for (const report of this.#host.reports()) this.#queue.set(report, true);
    this.#work();
  }

  #lost(connection: Connection, error: Error): void {
    if (this.#connection !== connection) return;
    this.#forget();
    if (this.#host.clock.monotonic() - this.#since >= LAST_RETRY) this.#failures = 0;
    this.#failed(error);
  }

  #failed(cause: unknown): void {
    this.#call = undefined;
    const { clock, random } = this.#host;
    const wait = Math.min(FIRST_RETRY * 2 ** this.#failures, LAST_RETRY);
    this.#failures += 1;
    this.#retry = clock.after(jittered(wait, random), () => this.#connect());
    this.#report(cause instanceof Error ? cause.message : String(cause), cause);
  }

  #forget(): void {
    this.#connection = undefined;
    this.#outbox = undefined;
    this.#told.clear();
    this.#queue.clear();
    this.#dump = undefined;
  }

  #work(): void {
    if (this.#working || (this.#dump === undefined && this.#queue.size === 0)) return;
    this.#working = true;
    this.#host.slices.run(() => (this.#working = this.#pump()));
  }

  /** Sends what is to be told until the slice, or the room, is used up. @returns whether it goes on with the next slice */
  #pump(): boolean {
    const { limit, slices } = this.#host;
    const room = Math.min(HIGH_WATER, limit / 4);
    for (;;) {
      if (this.#outbox === undefined || this.#outbox.waiting >= room) return false;
      if (!this.#step()) return false;
      if (slices.spent) return true;
    }
  }

  #step(): boolean {
    if (this.#dump === undefined) return this.#begin();
    const messages = this.#next(this.#dump.messages);
    if (messages === undefined) this.#dump = undefined;
    else for (const message of messages) this.send(message);
    return true;
  }

  /** What cannot be told must not end more than its dump: others share the turn. */
  #next(messages: Iterator<readonly Uint8Array[]>): readonly Uint8Array[] | undefined {
    try {
      const next = messages.next();
      return next.done === true ? undefined : next.value;
    } catch (cause) {
      this.#report("what a peer has told cannot be written", cause);
      return undefined;
    }
  }

  #report(message: string, cause: unknown): void {
    const { address, port } = this.address;
    const text = `BMP station ${address} port ${port}: ${message}`;
    this.#host.failed(new BgpError("ERR_BGP_TRANSPORT", text, { cause }));
  }

  #begin(): boolean {
    const [next] = this.#queue;
    if (next === undefined) return false;
    const [report, endOfRib] = next;
    this.#queue.delete(report);
    this.#told.add(report);
    this.#dump = { report, messages: report.replay(endOfRib) };
    this.send(report.up());
    return true;
  }
}
