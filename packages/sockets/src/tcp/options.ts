import type { Socket } from "node:net";
import { closed } from "../errors.ts";
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
  const address = socket.localAddress;
  if (fd === undefined || address === undefined) throw closed(op);
  applyTo(fd, op, parseIp(op, address).family, live);
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
