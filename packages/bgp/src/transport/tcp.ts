import type { Socket } from "node:net";
import {
  applyOptions,
  connectTcp,
  endpointsOf,
  features,
  listenTcp,
  type LiveTcpOptions,
  type TcpListener,
} from "@netloom/sockets";
import { BgpError } from "../errors.ts";
import { expectedPeers, type ExpectedPeers, familyOf, withoutZone } from "./expected.ts";
import { TcpConnection } from "./tcp-connection.ts";
import type {
  ConnectOptions,
  Connection,
  ExpectedPeer,
  Listener,
  ListenOptions,
  Transport,
} from "./transport.ts";

export interface TcpOptions {
  /** Path of the network namespace of all sockets, e.g. `/run/netns/node1`. @defaultValue here */
  readonly netns?: string;
}

/** TCP, with what BGP needs of it: TCP-MD5 (RFC 2385), TTL security (RFC 5082), devices, namespaces. */
export function tcp({ netns }: TcpOptions = {}): Transport {
  return {
    get supports() {
      return features();
    },
    connect: (options) => connect(options, netns),
    listen: (options) => {
      try {
        return Promise.resolve(new TransportListener(options, netns));
      } catch (error) {
        return Promise.reject(transportError(error));
      }
    },
  };
}

async function connect(options: ConnectOptions, netns: string | undefined): Promise<Connection> {
  const { signal } = options;
  let socket: Socket | undefined;
  try {
    socket = await connectTcp({ ...options, netns });
    return new TcpConnection(socket, endpointsOf(socket));
  } catch (error) {
    // The peer may have reset the connection before it could be looked at.
    socket?.on("error", () => undefined).destroy();
    throw signal.aborted && error === signal.reason ? error : transportError(error);
  }
}

/** What the namespace gives a socket of which nothing is asked; what Linux comes with. */
const USUAL_TTL = 64;

class TransportListener implements Listener {
  readonly port: number;
  readonly #listener: TcpListener;
  readonly #options: ListenOptions;
  #expected: ExpectedPeers = expectedPeers([]);
  /** Of prefixes, as the kernel has them. */
  readonly #keys = new Map<string, string>();

  constructor(options: ListenOptions, netns: string | undefined) {
    this.#options = options;
    this.#listener = listenTcp({
      address: options.address,
      port: options.port,
      netns,
      onConnection: (socket) => this.#accept(socket),
      onError: (error) => options.onError(transportError(error)),
    });
    this.port = this.#listener.port;
  }

  expect(peers: readonly ExpectedPeer[]): void {
    const family = familyOf(withoutZone(this.#listener.address));
    const ours = peers.filter(({ remote }) => familyOf(withoutZone(remote.replace(/\/.*$/, ""))) === family);
    try {
      this.#setKeys(ours);
      this.#listener.applyOptions(handshake(ours));
    } catch (error) {
      throw transportError(error);
    }
    this.#expected = expectedPeers(ours);
  }

  close(): Promise<void> {
    this.#listener.close();
    return Promise.resolve();
  }

  #setKeys(peers: readonly ExpectedPeer[]): void {
    const wanted = new Map<string, string>();
    for (const { remote, md5 } of peers) if (md5 !== undefined) wanted.set(keyOf(remote), md5);
    for (const prefix of this.#keys.keys()) {
      if (wanted.has(prefix)) continue;
      this.#listener.setMd5(prefix, undefined);
      this.#keys.delete(prefix);
    }
    for (const [prefix, key] of wanted) {
      if (this.#keys.get(prefix) === key) continue;
      this.#listener.setMd5(prefix, key);
      this.#keys.set(prefix, key);
    }
  }

  #accept(socket: Socket): void {
    let connection: TcpConnection;
    try {
      const endpoints = endpointsOf(socket);
      const peer = this.#expected.find(endpoints.remote.address);
      applyOptions(socket, { ttl: peer?.ttl ?? "default", minimumTtl: peer?.minimumTtl ?? 0 });
      connection = new TcpConnection(socket, endpoints);
    } catch {
      // It was reset while it waited to be accepted: nobody is there.
      socket.on("error", () => undefined).destroy();
      return;
    }
    this.#options.onConnection(connection);
  }
}

/** `10.0.0.1/32` and `10.0.0.1` are one key; the kernel keeps keys without zones. */
function keyOf(remote: string): string {
  const [address = "", length] = remote.split("/");
  const bare = withoutZone(address);
  return length === (familyOf(bare) === "ipv4" ? "32" : "128") || length === undefined
    ? bare
    : `${bare}/${length}`;
}

/**
 * Before a connection is accepted the kernel speaks for all peers with one voice: from so far away that each can hear
 * it, and demanding what all of them do.
 */
function handshake(peers: readonly ExpectedPeer[]): LiveTcpOptions {
  const furthest = Math.max(0, ...peers.map(({ ttl = USUAL_TTL }) => ttl));
  const usual = peers.every(({ ttl }) => ttl === undefined) || furthest === USUAL_TTL;
  return {
    ttl: usual ? "default" : furthest,
    minimumTtl: peers.length === 0 ? 0 : Math.min(...peers.map(({ minimumTtl = 0 }) => minimumTtl)),
  };
}

function transportError(cause: unknown): BgpError {
  if (cause instanceof BgpError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new BgpError("ERR_BGP_TRANSPORT", message, { cause });
}
