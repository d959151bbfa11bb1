import type { Runtime } from "@netloom/core";
import type { End, TcpPacket } from "../packets/build.ts";
import type { Received } from "../packets/read.ts";
import { TcpFlag } from "../walk/protocols.ts";

/** What came of a connection. */
export interface Connection {
  readonly outcome: "connected" | "refused" | "no answer";
  readonly from: End;
  /** What the other end said before it closed. */
  readonly reply: string;
}

interface Open {
  readonly from: End;
  readonly to: End;
  outcome: Connection["outcome"];
  /** Next byte to send, and next expected. */
  sequence: number;
  expected: number;
  reply: string;
  /** The server's side: what it says once the handshake is done. */
  greeting: string | undefined;
  /** This side has said all, */
  closing: boolean;
  /** and the other one too. */
  closed: boolean;
}

/** The connections of one stack: the handshake, one message from the server, and the end. Nothing is sent twice. */
export class TcpConnections {
  readonly #runtime: Runtime;
  readonly #send: (segment: TcpPacket) => void;
  readonly #listening = new Map<number, string>();
  readonly #open = new Map<string, Open>();

  constructor(runtime: Runtime, send: (segment: TcpPacket) => void) {
    this.#runtime = runtime;
    this.#send = send;
  }

  listen(port: number, greeting: string): void {
    this.#listening.set(port, greeting);
  }

  close(port: number): void {
    this.#listening.delete(port);
  }

  uses(port: number, peer: End): boolean {
    if (this.#listening.has(port)) return true;
    return [...this.#open.values()].some(({ from, to }) => from.endsWith(`:${port}`) && to === peer);
  }

  connect(from: End, to: End): { result(): Connection } {
    const open = this.#opened(from, to, undefined);
    this.#emit(open, TcpFlag.SYN);
    return { result: () => ({ outcome: open.outcome, from, reply: open.reply }) };
  }

  forget(from: End, to: End): void {
    this.#open.delete(keyOf(from, to));
  }

  /** An ICMP error says that nobody is there. */
  refused(from: End, to: End): void {
    const open = this.#open.get(keyOf(from, to));
    if (open?.outcome === "no answer") open.outcome = "refused";
  }

  receive(packet: Received): void {
    const to = `${packet.source}:${packet.sourcePort}`;
    const from = `${packet.destination}:${packet.destinationPort}`;
    const has = (flag: number): boolean => (packet.tcpFlags & flag) !== 0;
    const open = this.#open.get(keyOf(from, to));
    if (has(TcpFlag.RST)) {
      if (open?.outcome === "no answer") open.outcome = "refused";
      this.forget(from, to);
    } else if (has(TcpFlag.SYN) && !has(TcpFlag.ACK)) {
      this.#accept(packet, from, to);
    } else if (open === undefined) {
      this.#reset(packet, from, to);
    } else {
      this.#advance(open, packet, has);
    }
  }

  #accept(packet: Received, from: End, to: End): void {
    const greeting = this.#listening.get(packet.destinationPort);
    if (greeting === undefined) {
      this.#reset(packet, from, to);
      return;
    }
    const open = this.#opened(from, to, greeting);
    open.expected = (packet.sequence + 1) >>> 0;
    this.#emit(open, TcpFlag.SYN | TcpFlag.ACK);
  }

  /** RFC 9293 section 3.10.7.1. */
  #reset(packet: Received, from: End, to: End): void {
    const acknowledged = (packet.tcpFlags & TcpFlag.ACK) !== 0;
    this.#send({
      from,
      to,
      flags: acknowledged ? TcpFlag.RST : TcpFlag.RST | TcpFlag.ACK,
      sequence: acknowledged ? packet.acknowledgement : 0,
      acknowledgement: acknowledged ? 0 : (packet.sequence + 1) >>> 0,
    });
  }

  #advance(open: Open, packet: Received, has: (flag: number) => boolean): void {
    const opened = open.outcome === "no answer" && has(TcpFlag.ACK);
    if (opened) open.outcome = "connected";
    const news = packet.payload.length + Number(has(TcpFlag.SYN)) + Number(has(TcpFlag.FIN));
    open.expected = (packet.sequence + news) >>> 0;
    open.reply += new TextDecoder().decode(packet.payload);
    if (has(TcpFlag.FIN)) open.closed = true;
    if (news > 0) this.#emit(open, TcpFlag.ACK);
    if (opened && open.greeting !== undefined) {
      const payload = new TextEncoder().encode(open.greeting);
      if (payload.length > 0) this.#emit(open, TcpFlag.PSH | TcpFlag.ACK, payload);
      this.#finish(open);
    } else if (open.closed) {
      if (open.closing) this.forget(open.from, open.to);
      else this.#finish(open);
    }
  }

  #finish(open: Open): void {
    if (open.closing) return;
    open.closing = true;
    this.#emit(open, TcpFlag.FIN | TcpFlag.ACK);
  }

  #opened(from: End, to: End, greeting: string | undefined): Open {
    const sequence = Math.floor(this.#runtime.random.next() * 2 ** 32);
    const begun = {
      outcome: "no answer",
      sequence,
      expected: 0,
      reply: "",
      closing: false,
      closed: false,
    } as const;
    const open: Open = { from, to, greeting, ...begun };
    this.#open.set(keyOf(from, to), open);
    return open;
  }

  #emit(open: Open, flags: number, payload: Uint8Array = new Uint8Array(0)): void {
    const { from, to, sequence, expected } = open;
    const acknowledgement = (flags & TcpFlag.ACK) === 0 ? 0 : expected;
    const taken = payload.length + ((flags & (TcpFlag.SYN | TcpFlag.FIN)) === 0 ? 0 : 1);
    open.sequence = (sequence + taken) >>> 0;
    this.#send({ from, to, flags, sequence, acknowledgement, payload });
  }
}

function keyOf(from: End, to: End): string {
  return `${from} ${to}`;
}
