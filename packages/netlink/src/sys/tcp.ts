import { closeSync } from "node:fs";
import type { IpAddress } from "../text/ip.ts";
import { check, libc } from "./libc.ts";
import { inNamespace, type NamespaceHandle } from "./thread.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x8_0000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;

export interface TcpListenOptions {
  readonly address: IpAddress;
  readonly port: number;
  readonly backlog: number;
}

/** A listening TCP socket inside a namespace; the descriptor is the caller's. */
export function listenTcpIn(
  netns: NamespaceHandle,
  op: string,
  { address, port, backlog }: TcpListenOptions,
): number {
  const family = address.family === 4 ? AF_INET : AF_INET6;
  const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const fd = inNamespace(netns, () => check(libc().socket(family, type, 0), op));
  try {
    const one = Buffer.from([1, 0, 0, 0]);
    check(libc().setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, one, one.length), op);
    const name = socketAddress(family, address.bytes, port);
    check(libc().bind(fd, name, name.length), op, "CAP_NET_BIND_SERVICE for ports below 1024");
    check(libc().listen(fd, backlog), op);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * struct sockaddr_in (16 bytes, address at 4) or sockaddr_in6 (28 bytes, address at 8); the port in network
 * order at 2.
 */
function socketAddress(family: number, bytes: Buffer, port: number): Buffer {
  const name = Buffer.alloc(family === AF_INET ? 16 : 28);
  name.writeUInt16LE(family, 0);
  name.writeUInt16BE(port, 2);
  name.set(bytes, family === AF_INET ? 4 : 8);
  return name;
}
