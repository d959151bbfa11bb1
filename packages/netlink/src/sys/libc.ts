import { errno as lastErrno, type LibraryHandle, load } from "koffi";
import { errnoError, NetlinkError } from "../errors.ts";

/**
 * The C library, as far as this package needs it. Every native call of the package passes through this
 * file's types; pointers are always Buffers, which koffi passes without a copy and V8 keeps where they are.
 */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Buffer, length: number): number;
  listen(fd: number, backlog: number): number;
  setsockopt(fd: number, level: number, option: number, value: Buffer, length: number): number;
  send(fd: number, bytes: Buffer, length: number, flags: number): number;
  recv(fd: number, bytes: Buffer, length: number, flags: number): number;
  ioctl(fd: number, request: number, argument: Buffer): number;
  setns(fd: number, type: number): number;
  unshare(flags: number): number;
  mount(source: string, target: string, type: string | null, flags: number, data: null): number;
  umount2(target: string, flags: number): number;
}

type KoffiFunction = ReturnType<LibraryHandle["func"]>;

type Async<F> = F extends (...args: infer A) => infer R
  ? (...args: [...A, done: (error: unknown, result: R) => void]) => void
  : never;

const PROTOTYPES: Readonly<Record<keyof Libc, string>> = {
  socket: "int socket(int, int, int)",
  bind: "int bind(int, const void *, uint32_t)",
  listen: "int listen(int, int)",
  setsockopt: "int setsockopt(int, int, int, const void *, uint32_t)",
  send: "intptr_t send(int, const void *, size_t, int)",
  recv: "intptr_t recv(int, void *, size_t, int)",
  ioctl: "int ioctl(int, unsigned long, void *)",
  setns: "int setns(int, int)",
  unshare: "int unshare(int)",
  mount: "int mount(const char *, const char *, const char *, unsigned long, const void *)",
  umount2: "int umount2(const char *, int)",
};

let functions: Record<keyof Libc, KoffiFunction> | undefined;

/**
 * The C library's functions, looked up on first use: importing this package loads nothing on other
 * platforms.
 */
export function libc(): Libc {
  functions ??= bindFunctions();
  return functions;
}

/** The same functions, run on the thread pool. Buffers must stay referenced until the callback. */
export function libcAsync<Name extends keyof Libc>(name: Name): Async<Libc[Name]> {
  functions ??= bindFunctions();
  return functions[name].async as Async<Libc[Name]>;
}

/** errno of this thread's last call, or, within the callback of an asynchronous call, of that call. */
export function errno(): number {
  return lastErrno();
}

/**
 * Passes a result through, or throws what errno says when it is negative; `needs` names the capability
 * behind EPERM.
 */
export function check(result: number, op: string, needs?: string): number {
  if (result < 0) throw errnoError(op, lastErrno(), { needs });
  return result;
}

function bindFunctions(): Record<keyof Libc, KoffiFunction> {
  if (process.platform !== "linux")
    throw new NetlinkError(
      "ERR_UNSUPPORTED",
      "load the C library",
      `netlink needs Linux, this is ${process.platform}`,
    );
  // The process itself: the C library is in there, whatever its file is called (glibc, musl).
  const library: LibraryHandle = load(null);
  const bound = Object.entries(PROTOTYPES).map(([name, prototype]) => [name, library.func(prototype)]);
  return Object.fromEntries(bound) as Record<keyof Libc, KoffiFunction>;
}
