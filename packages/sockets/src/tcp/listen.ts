import { Socket } from "node:net";
import { closed, errnoError, invalid } from "../errors.ts";
import { encodeAddress, localAddress } from "../sys/address.ts";
import { check, closeFd, errno, libc } from "../sys/libc.ts";
import { ACCEPT_FLAGS, openSocket } from "../sys/open.ts";
import * as options from "../sys/options.ts";
import { type ReadableWatch, watchReadable } from "../sys/poll.ts";
import { integer, port as checkPort } from "../text/check.ts";
import { type IpAddress, type IpFamily, parseIp, parsePrefix } from "../text/ip.ts";
import { applyTo, type LiveTcpOptions } from "./options.ts";

const EINTR = 4;
const EAGAIN = 11;
const ECONNABORTED = 103;

/** One turn of the loop takes in so many: the rest of the process wants its share. */
const BATCH = 64;
/** After an error such as EMFILE, in milliseconds: it would come again at once. */
const PAUSE = 100;

export interface ListenTcpOptions {
  /** IPv4 or IPv6. `::` is IPv6 alone: `0.0.0.0` may listen beside it. */
  readonly address: string;
  /** 0 lets the kernel choose; {@link TcpListener.port} tells. */
  readonly port: number;
  /** Connections waiting to be accepted. @defaultValue 511, as in Node */
  readonly backlog?: number | undefined;
  /** Only connections that arrive on this device. */
  readonly interface?: string | undefined;
  /** Path of the network namespace that the socket is made in. @defaultValue here */
  readonly netns?: string | undefined;
  readonly onConnection: (socket: Socket) => void;
  /** A connection could not be accepted, e.g. for want of descriptors. It listens on. */
  readonly onError: (error: Error) => void;
}

export interface TcpListener extends Disposable {
  readonly address: string;
  readonly port: number;
  readonly family: IpFamily;
  /**
   * Connections from an address or prefix must be signed with this key (RFC 2385), 1 to 80 bytes; without a key, no
   * longer. Existing connections stay as they are.
   *
   * @throws {@link SocketError} `ERR_UNSUPPORTED` by this kernel, `ERR_INVALID`: also an address of the other family.
   */
  setMd5(remote: string, key: string | undefined): void;
  /** Of the handshake, and of connections to come. */
  applyOptions(live: LiveTcpOptions): void;
  /** Accepted connections stay. May be called again. */
  close(): void;
}

/**
 * Listens.
 *
 * @throws {@link SocketError} `ERR_ADDRESS_IN_USE`, `ERR_PERMISSION`, `ERR_NOT_FOUND` (address, device, namespace),
 * `ERR_INVALID`.
 */
export function listenTcp(wanted: ListenTcpOptions): TcpListener {
  const op = `listen on ${wanted.address} port ${wanted.port}`;
  const ip = parseIp(op, wanted.address);
  const fd = openSocket(op, "stream", ip.family, wanted.netns);
  try {
    start(fd, op, ip, wanted);
    return new KernelListener(fd, ip.family, wanted);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function start(fd: number, op: string, ip: IpAddress, wanted: ListenTcpOptions): void {
  const { port, backlog = 511, interface: device } = wanted;
  options.reuseAddress(fd, op);
  if (ip.family === 6) options.onlyIpv6(fd, op);
  if (device !== undefined) options.bindToDevice(fd, op, device);
  const name = encodeAddress(fd, op, ip, checkPort(op, port), device);
  check(libc().bind(fd, name, name.length), op, "CAP_NET_BIND_SERVICE for ports below 1024");
  check(libc().listen(fd, integer(op, "a backlog", backlog, 0, 0x7fff_ffff)), op);
}

class KernelListener implements TcpListener {
  readonly address: string;
  readonly port: number;
  readonly family: IpFamily;
  readonly #fd: number;
  readonly #wanted: ListenTcpOptions;
  readonly #watch: ReadableWatch;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(fd: number, family: IpFamily, wanted: ListenTcpOptions) {
    this.#fd = fd;
    this.#wanted = wanted;
    this.family = family;
    ({ address: this.address, port: this.port } = localAddress(fd));
    this.#watch = watchReadable(fd, () => this.#accept());
  }

  setMd5(remote: string, key: string | undefined): void {
    const op = `set the key of ${remote} on port ${this.port}`;
    const prefix = parsePrefix(op, remote);
    if (prefix.family !== this.family) throw invalid(op, remote, `an address of IPv${this.family}`);
    options.md5Key(this.#open(op), op, prefix, key);
  }

  applyOptions(live: LiveTcpOptions): void {
    const op = `set options of port ${this.port}`;
    applyTo(this.#open(op), op, this.family, live);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#watch.close();
    closeFd(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #open(op: string): number {
    if (this.#closed) throw closed(op);
    return this.#fd;
  }

  #accept(): void {
    for (let count = 0; count < BATCH && !this.#closed; count += 1) {
      const fd = libc().accept4(this.#fd, null, null, ACCEPT_FLAGS);
      if (fd >= 0) {
        this.#hand(fd);
        continue;
      }
      const number = errno();
      if (number === EAGAIN) return;
      // The caller hung up before it was its turn.
      if (number === EINTR || number === ECONNABORTED) continue;
      this.#rest();
      this.#wanted.onError(errnoError(`accept a connection on port ${this.port}`, number));
      return;
    }
  }

  #hand(fd: number): void {
    let socket: Socket;
    try {
      socket = new Socket({ fd, readable: true, writable: true });
    } catch (error) {
      closeFd(fd);
      this.#wanted.onError(error as Error);
      return;
    }
    this.#wanted.onConnection(socket);
  }

  #rest(): void {
    this.#watch.pause();
    this.#retry = setTimeout(() => this.#watch.resume(), PAUSE);
  }
}
