import { BgpError } from "../errors.ts";
import { expectedPeers, type ExpectedPeers, familyOf, withoutZone } from "./expected.ts";
import type {
  ConnectOptions,
  Connection,
  ExpectedPeer,
  Listener,
  ListenOptions,
  SocketOptions,
  Transport,
} from "./transport.ts";

const ANY: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);
/** The ephemeral ports of RFC 6335. */
const FIRST_PORT = 49_152;

/** A host of a network in memory. */
export class Host implements Transport {
  readonly supports = { md5: true, ttl: true, interface: true } as const;
  readonly #connect: (from: Host, options: ConnectOptions) => Promise<Connection>;
  readonly #addresses: readonly string[];
  readonly #listeners = new Set<MemoryListener>();
  readonly #throttled = new Set<() => void>();
  #port = FIRST_PORT;
  rate: number = Number.POSITIVE_INFINITY;

  constructor(
    addresses: readonly string[],
    connect: (from: Host, options: ConnectOptions) => Promise<Connection>,
  ) {
    this.#connect = connect;
    this.#addresses = addresses;
  }

  connect(options: ConnectOptions): Promise<Connection> {
    return this.#connect(this, options);
  }

  listen(options: ListenOptions): Promise<Listener> {
    const port = options.port === 0 ? this.nextPort() : options.port;
    const taken = [...this.#listeners].some((one) => one.port === port && one.address === options.address);
    const foreign = !ANY.has(options.address) && !this.#addresses.includes(options.address);
    if (taken || foreign) {
      const why = taken ? "address already in use" : "address not available";
      const message = `listen on ${options.address} port ${port}: ${why}`;
      return Promise.reject(new BgpError("ERR_BGP_TRANSPORT", message));
    }
    const listener = new MemoryListener(options, port, () => this.#listeners.delete(listener));
    this.#listeners.add(listener);
    return Promise.resolve(listener);
  }

  listenerFor(address: string, port: number): MemoryListener | undefined {
    const family = familyOf(withoutZone(address));
    const candidates = [...this.#listeners].filter((one) => one.port === port);
    return (
      candidates.find((one) => one.address === address) ??
      candidates.find((one) => ANY.has(one.address) && familyOf(one.address) === family)
    );
  }

  sourceFor(remote: string): string | undefined {
    const family = familyOf(withoutZone(remote));
    return this.#addresses.find((address) => familyOf(withoutZone(address)) === family);
  }

  nextPort(): number {
    const port = this.#port;
    this.#port = port === 0xffff ? FIRST_PORT : port + 1;
    return port;
  }

  throttle(rate: number): void {
    this.rate = rate;
    for (const wake of this.#throttled) wake();
  }

  /** To be told when {@link rate} changes; the returned function ends it. */
  whenThrottled(wake: () => void): () => void {
    this.#throttled.add(wake);
    return () => this.#throttled.delete(wake);
  }
}

class MemoryListener implements Listener {
  readonly address: string;
  readonly port: number;
  readonly #options: ListenOptions;
  readonly #forget: () => void;
  #expected: ExpectedPeers = expectedPeers([]);

  constructor(options: ListenOptions, port: number, forget: () => void) {
    this.address = options.address;
    this.port = port;
    this.#options = options;
    this.#forget = forget;
  }

  expect(peers: readonly ExpectedPeer[]): void {
    this.#expected = expectedPeers(peers);
  }

  /** Whether a caller has the key, and both are near enough for each other. */
  hears(source: string, caller: SocketOptions): boolean {
    const peer = this.#expected.find(source);
    const reaches = (to: SocketOptions | undefined, from: SocketOptions | undefined): boolean =>
      (from?.ttl ?? 64) >= (to?.minimumTtl ?? 0);
    return peer?.md5 === caller.md5 && reaches(peer, caller) && reaches(caller, peer);
  }

  accept(connection: Connection): void {
    this.#options.onConnection(connection);
  }

  close(): Promise<void> {
    this.#forget();
    return Promise.resolve();
  }
}
