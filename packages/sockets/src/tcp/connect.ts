import { connect as connectPlainly, Socket } from "node:net";
import { errnoError, nodeError } from "../errors.ts";
import { encodeAddress } from "../sys/address.ts";
import { check, closeFd, errno, libc } from "../sys/libc.ts";
import { openSocket } from "../sys/open.ts";
import * as options from "../sys/options.ts";
import { whenWritable } from "../sys/poll.ts";
import { port as checkPort } from "../text/check.ts";
import { type IpAddress, parseIp } from "../text/ip.ts";
import { applyTo, type LiveTcpOptions } from "./options.ts";

const EINPROGRESS = 115;

export interface ConnectTcpOptions extends LiveTcpOptions {
  /** IPv4 or IPv6, `fe80::1%eth0` too. */
  readonly address: string;
  readonly port: number;
  /** @defaultValue as the routes say */
  readonly localAddress?: string | undefined;
  /** @defaultValue any */
  readonly localPort?: number | undefined;
  /** The socket is bound to this device (SO_BINDTODEVICE). */
  readonly interface?: string | undefined;
  /** Key of TCP-MD5 (RFC 2385), 1 to 80 bytes. */
  readonly md5?: string | undefined;
  /** Nagle's algorithm is off. @defaultValue true */
  readonly noDelay?: boolean | undefined;
  /** Path of the network namespace that the socket is made in, e.g. `/run/netns/node1`. @defaultValue here */
  readonly netns?: string | undefined;
  /** Gives up. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Connects. Where nothing is asked for that `node:net` lacks, `node:net` does it; else the socket is made with its
 * options set before the first packet, and handed to Node when it is connected. Neither the event loop nor the thread
 * pool waits.
 *
 * @returns A connected socket; its errors from then on are Node's.
 * @throws {@link SocketError} `ERR_REFUSED`, `ERR_UNREACHABLE`, `ERR_TIMED_OUT`, `ERR_NOT_FOUND` (device, local address,
 * namespace), `ERR_ADDRESS_IN_USE`, `ERR_PERMISSION`, `ERR_UNSUPPORTED`, `ERR_INVALID`; `signal.reason` when aborted.
 */
export async function connectTcp(wanted: ConnectTcpOptions): Promise<Socket> {
  const { address, port, signal, noDelay = true } = wanted;
  signal?.throwIfAborted();
  const op = `connect to ${address} port ${port}`;
  checkPort(op, port);
  const remote = parseIp(op, address);
  const socket = isPlain(wanted) ? await plainly(wanted, op) : await specially(wanted, op, remote);
  socket.setNoDelay(noDelay);
  return socket;
}

function isPlain({
  interface: device,
  md5,
  ttl,
  minimumTtl,
  userTimeout,
  netns,
}: ConnectTcpOptions): boolean {
  return [device, md5, ttl, minimumTtl, userTimeout, netns].every((value) => value === undefined);
}

function plainly(wanted: ConnectTcpOptions, op: string): Promise<Socket> {
  const { address: host, port, localAddress, localPort, signal } = wanted;
  return new Promise((resolve, reject) => {
    const socket = connectPlainly({
      host,
      port,
      ...(localAddress === undefined ? {} : { localAddress: parseIp(op, localAddress) && localAddress }),
      ...(localPort === undefined ? {} : { localPort: checkPort(op, localPort) }),
    });
    const settle = (act: () => void): void => {
      signal?.removeEventListener("abort", onAbort);
      socket.off("error", onError).off("connect", onConnect);
      act();
    };
    const onAbort = (): void =>
      settle(() => {
        socket.on("error", () => undefined).destroy();
        reject(signal?.reason as Error);
      });
    const onError = (cause: Error): void => settle(() => reject(nodeError(op, cause, NEEDS_BIND)));
    const onConnect = (): void => settle(() => resolve(socket));
    signal?.addEventListener("abort", onAbort);
    socket.on("error", onError).on("connect", onConnect);
  });
}

const NEEDS_BIND = "CAP_NET_BIND_SERVICE for local ports below 1024";

/** Owns the descriptor until Node does. */
async function specially(wanted: ConnectTcpOptions, op: string, remote: IpAddress): Promise<Socket> {
  const fd = openSocket(op, "stream", remote.family, wanted.netns);
  try {
    configure(fd, op, remote, wanted);
    const name = encodeAddress(fd, op, remote, wanted.port, wanted.interface);
    if (libc().connect(fd, name, name.length) < 0) {
      if (errno() !== EINPROGRESS) throw errnoError(op, errno());
      await connected(fd, op, wanted.signal);
    }
    return new Socket({ fd, readable: true, writable: true });
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function configure(fd: number, op: string, remote: IpAddress, wanted: ConnectTcpOptions): void {
  const { localAddress, localPort = 0, interface: device, md5 } = wanted;
  if (device !== undefined) options.bindToDevice(fd, op, device);
  if (md5 !== undefined) options.md5Key(fd, op, { ...remote, length: remote.bytes.length * 8 }, md5);
  applyTo(fd, op, remote.family, wanted);
  if (localAddress === undefined && localPort === 0) return;
  const local = parseIp(op, localAddress ?? (remote.family === 4 ? "0.0.0.0" : "::"));
  // A port of one's own choice may still be in TIME_WAIT from the connection before.
  if (localPort !== 0) options.reuseAddress(fd, op);
  const name = encodeAddress(fd, op, local, checkPort(op, localPort), device ?? remote.zone);
  check(libc().bind(fd, name, name.length), `${op}: bind to ${localAddress} port ${localPort}`, NEEDS_BIND);
}

function connected(fd: number, op: string, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      stop();
      reject(signal?.reason as Error);
    };
    const stop = whenWritable(fd, () => {
      signal?.removeEventListener("abort", onAbort);
      const failure = options.pendingError(fd);
      if (failure === 0) resolve();
      else reject(errnoError(op, failure));
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
