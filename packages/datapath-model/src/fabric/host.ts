import type { Mac } from "@netloom/core";
import { icmpFrame, splitEnd, tcpFrame, udpFrame, type End } from "../packets/build.ts";
import { readFrame, type Received } from "../packets/read.ts";
import { ETHERNET_HEADER } from "../walk/packet.ts";
import { IcmpType, IpProtocol } from "../walk/protocols.ts";
import type { ModelFabric } from "./fabric.ts";
import { TcpConnections, type Connection } from "./tcp.ts";

/** Where a stack's packets go. */
export interface HostLink {
  owns(address: string): boolean;
  /** The source that packets for a destination bear. */
  addressFor(destination: string): string;
  transmit(frame: Uint8Array): void;
  readonly macs?: { readonly source: Mac; readonly destination: Mac };
}

export interface AttemptOptions {
  /** The port to speak from. @defaultValue the next one of 40000 and above */
  readonly port?: number;
}

/** What came of a connection: somebody answered, somebody refused, or nobody said anything. */
export type ConnectResult = Connection;

export interface AskResult {
  readonly outcome: "answered" | "refused" | "no answer";
  readonly from: End;
  /** What the answer said. */
  readonly reply: string | undefined;
}

/** An answer to a datagram; `undefined`: none. */
export type Answer = (question: string, from: End) => string | undefined;

const EPHEMERAL = 40_000;
/** Port unreachable: RFC 792. */
const PORT_UNREACHABLE = 3;

/**
 * A small network stack: enough TCP, UDP and ICMP to tell whether two ends reach each other. It sends nothing twice and
 * waits for nothing but the fabric: no answer means that no frame is on its way any more.
 */
export class Host {
  readonly #link: HostLink;
  readonly #fabric: ModelFabric;
  readonly #tcp: TcpConnections;
  readonly #udp = new Map<number, Answer>();
  /** Questions without an answer yet, by protocol, own port and peer. */
  readonly #asked = new Map<string, (answer: Received) => void>();
  #nextPort = EPHEMERAL;

  /** @internal */
  constructor(link: HostLink, fabric: ModelFabric) {
    this.#link = link;
    this.#fabric = fabric;
    this.#tcp = new TcpConnections(fabric.runtime, (segment) =>
      this.#send(tcpFrame({ ...segment, ...this.#macs() })),
    );
  }

  /** Accepts TCP connections: says `greeting` to whoever connects, and closes. */
  listen(port: number, greeting = ""): void {
    this.#tcp.listen(port, greeting);
  }

  /** Answers datagrams. @defaultValue what was asked */
  answer(port: number, answer: Answer = (question) => question): void {
    this.#udp.set(port, answer);
  }

  /** Neither accepts nor answers any more. */
  close(port: number): void {
    this.#tcp.close(port);
    this.#udp.delete(port);
  }

  /** Opens a TCP connection, and listens to what the other end says until it closes. */
  async connect(to: End, { port }: AttemptOptions = {}): Promise<ConnectResult> {
    const from = this.#end(to, port);
    const connection = this.#tcp.connect(from, to);
    await this.#fabric.quiet();
    this.#tcp.forget(from, to);
    return connection.result();
  }

  /** Sends one datagram and waits for one. */
  async ask(to: End, question = "", { port }: AttemptOptions = {}): Promise<AskResult> {
    const from = this.#end(to, port);
    const key = askKey(IpProtocol.UDP, from, to);
    let answer: Received | undefined;
    this.#asked.set(key, (received) => (answer = received));
    this.#send(udpFrame({ from, to, payload: new TextEncoder().encode(question), ...this.#macs() }));
    await this.#fabric.quiet();
    this.#asked.delete(key);
    if (answer === undefined) return { outcome: "no answer", from, reply: undefined };
    if (answer.protocol === IpProtocol.ICMP) return { outcome: "refused", from, reply: undefined };
    return { outcome: "answered", from, reply: new TextDecoder().decode(answer.payload) };
  }

  /** Sends one ICMP echo request. @returns whether the reply came. */
  async ping(
    address: string,
    { port: identifier = this.#nextPort++ }: AttemptOptions = {},
  ): Promise<boolean> {
    const source = this.#link.addressFor(address);
    const key = askKey(IpProtocol.ICMP, `${source}:${identifier}`, `${address}:${identifier}`);
    let answered = false;
    this.#asked.set(key, () => (answered = true));
    const payload = new Uint8Array(32).fill(0x2a);
    this.#send(icmpFrame({ source, destination: address, identifier, payload, ...this.#macs() }));
    await this.#fabric.quiet();
    this.#asked.delete(key);
    return answered;
  }

  /** Does a socket of this stack speak, or listen, on the port towards that peer? */
  uses(protocol: number, port: number, peer: End): boolean {
    if (protocol === IpProtocol.TCP) return this.#tcp.uses(port, peer);
    if (this.#udp.has(port)) return true;
    return [...this.#asked.keys()].some((key) => key.startsWith(`${protocol} `) && key.includes(`:${port} `));
  }

  /** @internal A frame comes in. */
  receive(frame: Uint8Array): void {
    const packet = readFrame(frame);
    if (packet === undefined || !this.#link.owns(packet.destination)) return;
    if (packet.protocol === IpProtocol.TCP) this.#tcp.receive(packet);
    else if (packet.protocol === IpProtocol.UDP) this.#datagram(packet, frame);
    else if (packet.protocol === IpProtocol.ICMP) this.#icmp(packet);
  }

  #datagram(packet: Received, frame: Uint8Array): void {
    const [from, to] = endsOf(packet);
    const asked = this.#asked.get(askKey(IpProtocol.UDP, to, from));
    if (asked !== undefined) {
      asked(packet);
      return;
    }
    const answer = this.#udp.get(packet.destinationPort);
    if (answer === undefined) {
      // RFC 1122 section 3.2.2.1: the header and eight bytes at least.
      const quoted = frame.slice(ETHERNET_HEADER, ETHERNET_HEADER + 28);
      const ends = { source: packet.destination, destination: packet.source, ...this.#macs() };
      this.#send(icmpFrame({ ...ends, type: IcmpType.UNREACHABLE, code: PORT_UNREACHABLE, payload: quoted }));
      return;
    }
    const reply = answer(new TextDecoder().decode(packet.payload), from);
    if (reply === undefined) return;
    this.#send(udpFrame({ from: to, to: from, payload: new TextEncoder().encode(reply), ...this.#macs() }));
  }

  #icmp(packet: Received): void {
    const { source, destination, inner } = packet;
    if (packet.icmpType === IcmpType.ECHO_REQUEST) {
      const [identifier, type] = [packet.sourcePort, IcmpType.ECHO_REPLY];
      const { payload } = packet;
      this.#send(
        icmpFrame({ source: destination, destination: source, type, identifier, payload, ...this.#macs() }),
      );
    } else if (packet.icmpType === IcmpType.ECHO_REPLY) {
      const [from, to] = endsOf(packet);
      this.#asked.get(askKey(IpProtocol.ICMP, to, from))?.(packet);
    } else if (inner !== undefined) {
      const [from, to] = endsOf(inner);
      this.#asked.get(askKey(inner.protocol, from, to))?.(packet);
      if (inner.protocol === IpProtocol.TCP) this.#tcp.refused(from, to);
    }
  }

  #end(to: End, port: number | undefined): End {
    const [destination] = splitEnd(to);
    return `${this.#link.addressFor(destination)}:${port ?? this.#nextPort++}`;
  }

  #macs(): { sourceMac?: Mac; destinationMac?: Mac } {
    const { macs } = this.#link;
    return macs === undefined ? {} : { sourceMac: macs.source, destinationMac: macs.destination };
  }

  #send(frame: Uint8Array): void {
    this.#fabric.soon(() => this.#link.transmit(frame));
  }
}

function endsOf({ source, sourcePort, destination, destinationPort }: Received): [from: End, to: End] {
  return [`${source}:${sourcePort}`, `${destination}:${destinationPort}`];
}

function askKey(protocol: number, from: End, to: End): string {
  return `${protocol} ${from} ${to}`;
}
