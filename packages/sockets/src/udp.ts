import { closed, errnoError } from "./errors.ts";
import { AddressHolder, encodeAddress, localAddress } from "./sys/address.ts";
import { check, closeFd, errno, libc } from "./sys/libc.ts";
import { openSocket } from "./sys/open.ts";
import * as options from "./sys/options.ts";
import { type ReadableWatch, watchReadable } from "./sys/poll.ts";
import { port as checkPort } from "./text/check.ts";
import { type IpAddress, parseIp } from "./text/ip.ts";

const EINTR = 4;
const EAGAIN = 11;
/** One turn of the loop takes in so many: the rest of the process wants its share. */
const BATCH = 256;
/** The longest there is. */
const DATAGRAM = 0xffff;

export interface OpenUdpOptions {
  /** IPv4 or IPv6, `fe80::1%eth0` too. `::` is IPv6 alone. */
  readonly address: string;
  /** 0 lets the kernel choose; {@link UdpSocket.port} tells. */
  readonly port: number;
  /** Time to live (hop limit) of what is sent. @defaultValue the namespace's */
  readonly ttl?: number | undefined;
  /** What arrives with another one never gets here: 255 is TTL security (RFC 5082). @defaultValue anything goes */
  readonly requireTtl?: number | undefined;
  /** Bound to this device (SO_BINDTODEVICE). */
  readonly interface?: string | undefined;
  /** Path of the network namespace that the socket is made in. @defaultValue here */
  readonly netns?: string | undefined;
  /** Sockets that all say so may share a port (SO_REUSEPORT). @defaultValue false */
  readonly reusePort?: boolean | undefined;
}

/** `bytes` are borrowed: valid during the call. */
export type OnMessage = (bytes: Buffer, address: string, port: number) => void;

export interface UdpSocket extends Disposable {
  readonly address: string;
  readonly port: number;
  /** Called for each datagram. Before one is set they wait, as many as the kernel keeps. */
  onMessage: OnMessage;
  /** One of its own kind of failures need not be the end: the network may be back for the next. */
  onError: (error: Error) => void;
  /**
   * Sends a datagram at once, or loses it where the kernel's queue is full.
   *
   * @throws {@link SocketError} `ERR_UNREACHABLE`, `ERR_PERMISSION` (a firewall's refusal), `ERR_CLOSED`, ….
   */
  send(bytes: Uint8Array, address: string, port: number): void;
  /** Reads now what waits, without waiting for the event loop's turn: {@link onMessage} is called from within. */
  receive(): void;
  ref(): void;
  unref(): void;
  /** May be called again. */
  close(): void;
}

/**
 * Opens a datagram socket.
 *
 * @throws {@link SocketError} `ERR_ADDRESS_IN_USE`, `ERR_PERMISSION`, `ERR_NOT_FOUND` (address, device, namespace),
 * `ERR_INVALID`.
 */
export function openUdp(wanted: OpenUdpOptions): UdpSocket {
  const op = `open UDP ${wanted.address} port ${wanted.port}`;
  const ip = parseIp(op, wanted.address);
  const fd = openSocket(op, "datagram", ip.family, wanted.netns);
  try {
    configure(fd, op, ip, wanted);
    return new KernelUdpSocket(fd, wanted.interface ?? ip.zone);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function configure(fd: number, op: string, ip: IpAddress, wanted: OpenUdpOptions): void {
  const { port, ttl, requireTtl, interface: device, reusePort = false } = wanted;
  if (ip.family === 6) options.onlyIpv6(fd, op);
  if (ttl !== undefined) options.timeToLive(fd, op, ip.family, ttl);
  if (requireTtl !== undefined) options.requireTimeToLive(fd, op, ip.family, requireTtl);
  if (device !== undefined) options.bindToDevice(fd, op, device);
  if (reusePort) options.reusePort(fd, op);
  const name = encodeAddress(fd, op, ip, checkPort(op, port), device);
  check(libc().bind(fd, name, name.length), op, "CAP_NET_BIND_SERVICE for ports below 1024");
}

/** Receiving is synchronous, so all sockets of a thread can do with one. */
let room: Buffer | undefined;

class KernelUdpSocket implements UdpSocket {
  readonly address: string;
  readonly port: number;
  onError: (error: Error) => void = () => undefined;
  readonly #fd: number;
  readonly #device: string | undefined;
  readonly #watch: ReadableWatch;
  readonly #sender = new AddressHolder();
  #onMessage: OnMessage | undefined;
  #closed = false;

  constructor(fd: number, device: string | undefined) {
    this.#fd = fd;
    this.#device = device;
    ({ address: this.address, port: this.port } = localAddress(fd));
    this.#watch = watchReadable(fd, () => this.receive());
    this.#watch.pause();
  }

  get onMessage(): OnMessage {
    return this.#onMessage ?? (() => undefined);
  }

  set onMessage(listener: OnMessage) {
    this.#onMessage = listener;
    this.#watch.resume();
  }

  send(bytes: Uint8Array, address: string, port: number): void {
    const op = `send to ${address} port ${port}`;
    if (this.#closed) throw closed(op);
    const name = encodeAddress(this.#fd, op, parseIp(op, address), port, this.#device);
    const sent = libc().sendto(this.#fd, bytes, bytes.length, 0, name, name.length);
    if (sent < 0 && errno() !== EAGAIN) throw errnoError(op, errno());
  }

  receive(): void {
    room ??= Buffer.alloc(DATAGRAM);
    for (let count = 0; count < BATCH && !this.#closed && this.#onMessage !== undefined; count += 1) {
      const { bytes, length } = this.#sender.reset();
      const size = libc().recvfrom(this.#fd, room, room.length, 0, bytes, length);
      if (size < 0) {
        const number = errno();
        if (number === EINTR) continue;
        if (number !== EAGAIN) this.onError(errnoError(`receive on port ${this.port}`, number));
        return;
      }
      const { address, port } = this.#sender.read(this.#fd);
      this.#onMessage(room.subarray(0, size), address, port);
    }
  }

  ref(): void {
    this.#watch.ref();
  }

  unref(): void {
    this.#watch.unref();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    closeFd(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
