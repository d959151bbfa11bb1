import { node } from "koffi";
import { errnoError, NetlinkError } from "../errors.ts";
import { Fd } from "./fd.ts";
import { check, errno, libc, libcAsync } from "./libc.ts";
import { inNamespace, type NamespaceHandle } from "./thread.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x8_0000;
const NETLINK_ROUTE = 0;

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;

const SIOCGIFINDEX = 0x8933;
const IFNAMSIZ = 16;
/** struct ifreq: the name, then a union of up to 24 bytes. */
const IFREQ_LENGTH = 40;

const EINTR = 4;
const EAGAIN = 11;
const ENOBUFS = 105;

/** What `receive` returns instead of a length. */
export const NOTHING_THERE = -1;
/** The receive buffer overflowed: messages are missing before the next one. */
export const OVERRUN = -2;

/** The seam between protocol and kernel: tests put a script here. */
export interface NetlinkSocket {
  send(bytes: Buffer, length: number): void;
  sendAsync(bytes: Buffer, length: number): Promise<void>;
  /**
   * Copies the next datagram into `into` and returns its length, {@link NOTHING_THERE} or {@link OVERRUN}.
   * Never waits.
   */
  receive(into: Buffer): number;
  /** Index of the device called `name`, or undefined. Takes no lock, unlike a request. */
  deviceIndex(name: string): number | undefined;
  /** Calls back once when something can be received; the returned function gives up waiting. */
  whenReadable(callback: () => void): () => void;
  join(group: number): void;
  close(): void;
}

export interface NetlinkSocketOptions {
  /** Where the socket is opened, and stays. */
  readonly netns: NamespaceHandle;
  /** Bytes of messages the kernel may queue. */
  readonly receiveBuffer: number;
}

/** A NETLINK_ROUTE socket with extended acknowledgements and strict checking. */
export function openNetlinkSocket({ netns, receiveBuffer }: NetlinkSocketOptions): NetlinkSocket {
  const open = (): number => libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  const number = inNamespace(netns, () => check(open(), "open netlink socket"));
  const socket = new KernelSocket(new Fd(number, "netlink socket"));
  try {
    socket.configure(receiveBuffer);
  } catch (error) {
    socket.close();
    throw error;
  }
  return socket;
}

class KernelSocket implements NetlinkSocket {
  readonly #fd: Fd;

  constructor(fd: Fd) {
    this.#fd = fd;
  }

  configure(receiveBuffer: number): void {
    // struct sockaddr_nl, all zero: the kernel picks the port.
    const address = Buffer.alloc(12);
    address.writeUInt16LE(AF_NETLINK, 0);
    check(libc().bind(this.#fd.value, address, address.length), "bind netlink socket");
    this.#set(SOL_NETLINK, NETLINK_EXT_ACK, 1);
    this.#set(SOL_NETLINK, NETLINK_CAP_ACK, 1);
    this.#set(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    // FORCE goes past net.core.rmem_max but wants CAP_NET_ADMIN; the plain option stops there.
    if (this.#trySet(SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer) < 0)
      this.#set(SOL_SOCKET, SO_RCVBUF, receiveBuffer);
  }

  send(bytes: Buffer, length: number): void {
    check(libc().send(this.#fd.value, bytes, length, 0), "send to the kernel");
  }

  sendAsync(bytes: Buffer, length: number): Promise<void> {
    const fd = this.#fd.value;
    const send = libcAsync("send");
    return new Promise((resolve, reject) => {
      send(fd, bytes, length, 0, (failure, result) => {
        if (failure !== null && failure !== undefined) reject(asError(failure));
        else if (result < 0) reject(errnoError("send to the kernel", errno()));
        else resolve();
      });
    });
  }

  receive(into: Buffer): number {
    // MSG_TRUNC: the true length, also when it did not fit.
    const length = libc().recv(this.#fd.value, into, into.length, MSG_TRUNC | MSG_DONTWAIT);
    if (length >= 0) {
      if (length <= into.length) return length;
      throw new NetlinkError(
        "ERR_SYSCALL",
        "receive from the kernel",
        `a message of ${length} bytes does not fit`,
      );
    }
    const number = errno();
    if (number === EAGAIN) return NOTHING_THERE;
    if (number === ENOBUFS) return OVERRUN;
    if (number === EINTR) return this.receive(into);
    throw errnoError("receive from the kernel", number);
  }

  deviceIndex(name: string): number | undefined {
    const request = Buffer.alloc(IFREQ_LENGTH);
    request.write(name, 0, IFNAMSIZ - 1);
    if (libc().ioctl(this.#fd.value, SIOCGIFINDEX, request) < 0) return undefined;
    return request.readInt32LE(IFNAMSIZ);
  }

  whenReadable(callback: () => void): () => void {
    const handle = node.poll(this.#fd.value, { readable: true }, () => {
      handle.close();
      callback();
    });
    return () => {
      handle.close();
    };
  }

  join(group: number): void {
    this.#set(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
  }

  close(): void {
    this.#fd.close();
  }

  #set(level: number, option: number, value: number): void {
    check(this.#trySet(level, option, value), "configure netlink socket");
  }

  #trySet(level: number, option: number, value: number): number {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return libc().setsockopt(this.#fd.value, level, option, bytes, bytes.length);
  }
}

function asError(failure: unknown): Error {
  return failure instanceof Error ? failure : new Error(String(failure));
}
