import { address, errno as lastErrno, type LibraryHandle, load } from "koffi";
import { errnoError, SocketError } from "../errors.ts";

/**
 * The C library, as far as this package needs it. Pointers are always Buffers, which koffi passes without a
 * copy.
 */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Buffer, length: number): number;
  listen(fd: number, backlog: number): number;
  connect(fd: number, address: Buffer, length: number): number;
  accept4(fd: number, address: null, length: null, flags: number): number;
  getsockname(fd: number, address: Buffer, length: Buffer): number;
  getpeername(fd: number, address: Buffer, length: Buffer): number;
  getsockopt(fd: number, level: number, option: number, value: Buffer, length: Buffer): number;
  setsockopt(fd: number, level: number, option: number, value: Buffer, length: number): number;
  sendto(
    fd: number,
    bytes: Uint8Array,
    size: number,
    flags: number,
    address: Buffer,
    addressLength: number,
  ): number;
  recvfrom(
    fd: number,
    bytes: Buffer,
    size: number,
    flags: number,
    address: Buffer,
    addressLength: Buffer,
  ): number;
  ioctl(fd: number, request: number, argument: Buffer): number;
  setns(fd: number, type: number): number;
  close(fd: number): number;
}

type KoffiFunction = ReturnType<LibraryHandle["func"]>;

const PROTOTYPES: Readonly<Record<keyof Libc, string>> = {
  socket: "int socket(int, int, int)",
  bind: "int bind(int, const void *, uint32_t)",
  listen: "int listen(int, int)",
  connect: "int connect(int, const void *, uint32_t)",
  accept4: "int accept4(int, void *, void *, int)",
  getsockname: "int getsockname(int, void *, void *)",
  getpeername: "int getpeername(int, void *, void *)",
  getsockopt: "int getsockopt(int, int, int, void *, void *)",
  setsockopt: "int setsockopt(int, int, int, const void *, uint32_t)",
  sendto: "intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)",
  recvfrom: "intptr_t recvfrom(int, void *, size_t, int, void *, void *)",
  ioctl: "int ioctl(int, unsigned long, void *)",
  setns: "int setns(int, int)",
  close: "int close(int)",
};

let functions: Record<keyof Libc, KoffiFunction> | undefined;

/** The C library's functions, looked up on first use: importing this package loads nothing. */
export function libc(): Libc {
  functions ??= bindFunctions();
  return functions;
}

/** errno of this thread's last call. */
export function errno(): number {
  return lastErrno();
}

/** Passes a result through, or throws what errno says when it is negative; `needs` is what EPERM lacks. */
export function check(result: number, op: string, needs?: string): number {
  if (result < 0) throw errnoError(op, lastErrno(), { needs });
  return result;
}

/** Not fs.closeSync: in a worker thread Node warns about descriptors that it did not open itself. */
export function closeFd(fd: number): void {
  libc().close(fd);
}

/** Where the bytes are. They must stay referenced as long as anybody uses the number. */
export function addressOf(bytes: Buffer): bigint {
  return address(bytes);
}

function bindFunctions(): Record<keyof Libc, KoffiFunction> {
  if (process.platform !== "linux")
    throw new SocketError(
      "ERR_UNSUPPORTED",
      "load the C library",
      `needs Linux, this is ${process.platform}`,
    );
  // The process itself: the C library is in there, whatever its file is called (glibc, musl).
  const library: LibraryHandle = load(null);
  const bound = Object.entries(PROTOTYPES).map(([name, prototype]) => [name, library.func(prototype)]);
  return Object.fromEntries(bound) as Record<keyof Libc, KoffiFunction>;
}
