import { BgpError, type Notification } from "../../../src/errors.ts";
import type { Down, SessionHandler } from "../../../src/session/handler.ts";
import { Session, type SessionOptions } from "../../../src/session/session.ts";
import { Slices } from "../../../src/session/slices.ts";
import type { PeerConfig } from "../../../src/api/config.ts";
import type { PeerState } from "../../../src/api/status.ts";
import { memoryNetwork, type MemoryNetwork } from "../../../src/transport/memory.ts";
import type { Connection, Transport } from "../../../src/transport/transport.ts";
import { encodeKeepalive, type MessageType } from "../../../src/wire/header.ts";
import { MessageReader } from "../../../src/wire/message.ts";
import type { Negotiated } from "../../../src/wire/negotiate.ts";
import { encodeOpen, type Open } from "../../../src/wire/open.ts";
import type { Update } from "../../../src/wire/update.ts";
import { VirtualClock } from "./virtual-clock.ts";

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const unhex = (text: string): Uint8Array => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

/** The header of a message of so many bytes. */
export const header = (length: number, type: number): string =>
  "ff".repeat(16) + length.toString(16).padStart(4, "0") + type.toString(16).padStart(2, "0");

/** A whole NOTIFICATION, in hexadecimal. */
export const notificationHex = (code: number, subcode: number, data = ""): string =>
  header(21 + data.length / 2, 3) + hex(Uint8Array.of(code, subcode)) + data;

/** What a session told its owner. */
export class Recorder implements SessionHandler {
  readonly states: string[] = [];
  readonly reasons: (BgpError | undefined)[] = [];
  readonly downs: (Down & { readonly reason: BgpError | undefined })[] = [];
  readonly up: Negotiated[] = [];
  readonly refreshes: string[] = [];
  updates = 0;
  writables = 0;
  onUpdate: (update: Update) => void = () => undefined;

  stateChanged(from: PeerState, to: PeerState, reason: BgpError | undefined): void {
    this.states.push(`${from}>${to}`);
    this.reasons.push(reason);
  }
  established(negotiated: Negotiated): void {
    this.up.push(negotiated);
  }
  update(update: Update): void {
    this.updates += 1;
    this.onUpdate(update);
  }
  refreshRequested(family: string, kind: string): void {
    this.refreshes.push(`${family} ${kind}`);
  }
  down(reason: BgpError | undefined, how: Down): void {
    this.downs.push({ reason, ...how });
  }
  writable(): void {
    this.writables += 1;
  }
}

const OUR_ADDRESS = "192.0.2.1";
const PEER_ADDRESS = "192.0.2.2";

export const ebgp: PeerConfig = {
  name: "peer",
  remote: { address: PEER_ADDRESS },
  remoteAsn: 65002,
};

/** What a peer says of itself that is AS 65002 and 10.0.0.2, and can do nothing but 4-octet AS numbers. */
export const plainOpen: Open = {
  asn: 65002,
  holdTime: 90,
  routerId: "10.0.0.2",
  capabilities: [{ kind: "four-octet-as", asn: 65002 }],
};

/** The same, and it restarts gracefully. */
export const gracefulOpen = (notification = true, restarted = false): Open => ({
  ...plainOpen,
  capabilities: [
    ...plainOpen.capabilities,
    {
      kind: "graceful-restart",
      restarted,
      notification,
      restartTime: 120,
      families: [{ afi: 1, safi: 1, forwarding: true }],
    },
  ],
});

export interface Received {
  readonly type: MessageType | "close";
  readonly bytes: Uint8Array;
  readonly at: number;
}

/** The other end of a connection, which does what the test says. */
export class Scripted {
  readonly connection: Connection;
  readonly received: Received[] = [];
  readonly #reader = new MessageReader();

  constructor(connection: Connection, clock: VirtualClock) {
    this.connection = connection;
    connection.onClose = () => this.received.push({ type: "close", bytes: unhex(""), at: clock.monotonic() });
    connection.onDrain = () => undefined;
    connection.onData = (bytes) => {
      this.#reader.push(bytes);
      for (let message = this.#reader.next(); message !== undefined; message = this.#reader.next())
        this.received.push({ type: message.type, bytes: message.bytes.slice(), at: clock.monotonic() });
    };
  }

  get kinds(): string[] {
    return this.received.map(({ type }) => type);
  }
  /** Times at which messages of a kind came. */
  times(type: MessageType): number[] {
    return this.received.filter((each) => each.type === type).map(({ at }) => at);
  }
  notifications(): string[] {
    return this.received.filter(({ type }) => type === "notification").map(({ bytes }) => hex(bytes));
  }
  send(bytes: Uint8Array | string): void {
    this.connection.write(typeof bytes === "string" ? unhex(bytes) : bytes);
  }
  open(open: Open = plainOpen): void {
    this.send(encodeOpen(open));
  }
  keepalive(): void {
    this.send(encodeKeepalive());
  }
}

/** Our session, and a host where the peer would be. */
export class Lab {
  readonly clock = new VirtualClock();
  readonly slices = new Slices(this.clock, this.clock.turn);
  readonly network: MemoryNetwork;
  readonly ours: Transport;
  readonly theirs: Transport;
  readonly recorder = new Recorder();
  readonly calls: Scripted[] = [];
  readonly session: Session;
  random = 0;

  constructor(config: Partial<PeerConfig> = {}, options: Partial<SessionOptions> = {}) {
    this.network = memoryNetwork({ clock: this.clock });
    this.ours = this.network.transport({ address: OUR_ADDRESS });
    this.theirs = this.network.transport({ address: PEER_ADDRESS });
    this.session = new Session({
      config: { ...ebgp, ...config },
      local: { asn: 65001, routerId: "10.0.0.1" },
      transport: this.ours,
      clock: this.clock,
      random: () => this.random,
      turn: this.clock.turn,
      slices: this.slices,
      handler: this.recorder,
      ...options,
    });
  }

  /** Where the session's owner listens: our side of the peer's calls. */
  async listen(): Promise<void> {
    await this.ours.listen({
      address: OUR_ADDRESS,
      port: 179,
      onConnection: (connection) => this.session.accept(connection),
      onError: () => undefined,
    });
  }

  /** The peer listens, and takes every call. */
  async peerListens(): Promise<void> {
    await this.theirs.listen({
      address: PEER_ADDRESS,
      port: 179,
      onConnection: (connection) => this.calls.push(new Scripted(connection, this.clock)),
      onError: () => undefined,
    });
  }

  /** The peer calls us. */
  async peerCalls(): Promise<Scripted> {
    const { signal } = new AbortController();
    const call = this.theirs.connect({ address: OUR_ADDRESS, port: 179, signal });
    await this.clock.advance(0);
    const scripted = new Scripted(await call, this.clock);
    await this.clock.advance(0);
    return scripted;
  }

  /** The latest call of ours. */
  get call(): Scripted {
    const call = this.calls.at(-1);
    if (call === undefined) throw new Error("nobody has called");
    return call;
  }

  /** Until established, by our call. */
  async establish(open: Open = plainOpen): Promise<Scripted> {
    await this.peerListens();
    await this.listen();
    this.session.start();
    await this.clock.advance(1);
    const { call } = this;
    call.open(open);
    await this.clock.advance(1);
    call.keepalive();
    await this.clock.advance(1);
    return call;
  }
}

export type { Notification };
