/** Where a session's bytes go through. Callbacks come one at a time, never from within a call. */
export interface Connection {
  readonly local: { readonly address: string; readonly port: number };
  readonly remote: { readonly address: string; readonly port: number };
  /** Written, and not yet taken by the kernel: the peer is slow when it grows. */
  readonly bufferedBytes: number;
  /** Set by the owner before anything is read. Bytes are borrowed: valid during the call. */
  onData: (bytes: Uint8Array) => void;
  /** All that was written has been taken. */
  onDrain: () => void;
  /** Once, whoever closed it. */
  onClose: (error: Error | undefined) => void;
  /** Takes over the bytes. */
  write(bytes: Uint8Array): void;
  /** No more is read until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Sends what is left, then closes; at the latest after `deadline` milliseconds. A NOTIFICATION goes out this way. */
  end(deadline: number): void;
  /** At once, without a word. */
  destroy(): void;
}

/** What a socket must be able to do for a peer. Plain data. */
export interface SocketOptions {
  readonly localAddress?: string | undefined;
  /** Of ours, for active connections. @defaultValue any */
  readonly localPort?: number | undefined;
  /** Bound to this device (SO_BINDTODEVICE). */
  readonly interface?: string | undefined;
  /** TCP-MD5 (RFC 2385), 1 to 80 bytes. */
  readonly md5?: string | undefined;
  /** Of what we send. */
  readonly ttl?: number | undefined;
  /** What arrives with less is dropped by the kernel (RFC 5082). */
  readonly minimumTtl?: number | undefined;
}

export interface ConnectOptions extends SocketOptions {
  readonly address: string;
  readonly port: number;
  readonly signal: AbortSignal;
}

/** What the listening sockets must know of a peer before it calls. */
export interface ExpectedPeer extends SocketOptions {
  /** An address, or a prefix where peers are dynamic. */
  readonly remote: string;
}

export interface ListenOptions {
  readonly address: string;
  readonly port: number;
  readonly onConnection: (connection: Connection) => void;
  readonly onError: (error: Error) => void;
}

export interface Listener {
  readonly port: number;
  /** From now on: keys and TTLs of exactly these. */
  expect(peers: readonly ExpectedPeer[]): void;
  close(): Promise<void>;
}

/** Opens connections. The real one is `tcp()`; `memoryNetwork()` is for tests. */
export interface Transport {
  /** A speaker that is asked for more refuses its configuration. */
  readonly supports: { readonly md5: boolean; readonly ttl: boolean; readonly interface: boolean };
  /** @throws `ERR_BGP_TRANSPORT`; `signal.reason` when aborted. */
  connect(options: ConnectOptions): Promise<Connection>;
  /** @throws `ERR_BGP_TRANSPORT`, e.g. where the port is taken. */
  listen(options: ListenOptions): Promise<Listener>;
}
