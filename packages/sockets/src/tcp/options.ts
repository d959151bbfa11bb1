import type { Socket } from "node:net";
import { closed } from "../errors.ts";
import { localAddress, remoteAddress, type SocketAddress } from "../sys/address.ts";
import * as options from "../sys/options.ts";
import { type IpFamily, parseIp } from "../text/ip.ts";

/** What can be changed while a connection is there. */
export interface LiveTcpOptions {
  /** Time to live (hop limit) of what is sent, 1 to 255. `default`: the namespace's. */
  readonly ttl?: number | "default" | undefined;
  /** The kernel drops what arrives with less (IP_MINTTL, IPV6_MINHOPCOUNT): RFC 5082. 0 ends it. */
  readonly minimumTtl?: number | undefined;
  /** Milliseconds that sent bytes may stay unacknowledged (TCP_USER_TIMEOUT, RFC 5482). 0: the kernel's. */
  readonly userTimeout?: number | undefined;
}

/**
 * Sets options of a connection, whoever made it.
 *
 * @throws {@link SocketError} `ERR_CLOSED`, `ERR_INVALID`.
 */
export function applyOptions(socket: Socket, live: LiveTcpOptions): void {
  const op = "set options of a connection";
  const fd = descriptorOf(socket);
  if (fd === undefined) throw closed(op);
  applyTo(fd, op, parseIp(op, localAddress(fd).address).family, live);
}

/** Where a connection goes from and to. */
export interface Endpoints {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
}

/**
 * The addresses of a connection, with zones as the namespace of the socket names them (`socket.remoteAddress` has those
 * of the thread's).
 *
 * @throws {@link SocketError} `ERR_CLOSED`: also where the peer has reset it.
 */
export function endpointsOf(socket: Socket): Endpoints {
  const fd = descriptorOf(socket);
  const remote = fd === undefined ? undefined : remoteAddress(fd);
  if (fd === undefined || remote === undefined) throw closed("ask for the addresses of a connection");
  return { local: localAddress(fd), remote };
}

export function applyTo(fd: number, op: string, family: IpFamily, live: LiveTcpOptions): void {
  if (live.ttl !== undefined) options.timeToLive(fd, op, family, live.ttl);
  if (live.minimumTtl !== undefined) options.minimumTimeToLive(fd, op, family, live.minimumTtl);
  if (live.userTimeout !== undefined) options.userTimeout(fd, op, live.userTimeout);
}

/** Not public, but the way to a socket's descriptor since Node 0.x; undefined once it is closed. */
function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as { readonly _handle?: { readonly fd?: number } | null };
  return handle?.fd === undefined || handle.fd < 0 ? undefined : handle.fd;
}
