import type { Netns } from "./netns.ts";
import { listenTcpIn } from "./sys/tcp.ts";
import { integer } from "./text/check.ts";
import { parseIp } from "./text/ip.ts";

export interface ListenTcpOptions {
  /** IPv4 or IPv6 address. @defaultValue `0.0.0.0` */
  readonly host?: string;
  /** 0 lets the kernel choose; `server.address()` tells. @defaultValue 0 */
  readonly port?: number;
  /** Connections waiting to be accepted. @defaultValue 511, as in Node */
  readonly backlog?: number;
}

/**
 * Opens a listening TCP socket inside a namespace and returns its descriptor, for `server.listen({ fd })`,
 * which takes it over. (`Netns.run(() => server.listen(port))` would not do: Node binds later, at home.) To
 * connect from inside a namespace, spawn a child there.
 *
 * @example
 * const server = http.createServer(handler).listen({ fd: listenTcp(ns, { host: "10.0.0.1", port: 80 }) });
 *
 * @throws {@link NetlinkError} `ERR_NOT_FOUND` when the namespace does not have the address, `ERR_SYSCALL`
 * (EADDRINUSE) when the port is taken.
 */
export function listenTcp(netns: Netns, options: ListenTcpOptions = {}): number {
  const { host = "0.0.0.0", port = 0, backlog = 511 } = options;
  const op = `listen on ${host} port ${port}`;
  const address = parseIp(op, host);
  return listenTcpIn(netns, op, {
    address,
    port: integer(op, "a TCP port", port, 0, 0xffff),
    backlog: integer(op, "a backlog", backlog, 0, 0x7fff_ffff),
  });
}
