import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { endianness } from "node:os";
import type * as Koffi from "koffi";
import { BpfError, ERRNO } from "../errors.ts";
import type { PollHandle, Sys } from "./sys.ts";

/** The number of bpf(2) in each system call table (`asm/unistd.h`); generic 64-bit tables agree on 280. */
const NR_BPF: Readonly<Record<string, number>> = {
  x64: 321,
  arm64: 280,
  riscv64: 280,
  loong64: 280,
  ppc64: 361,
};

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
/** The same in glibc and musl. */
const SC_PAGESIZE = 30;

/** Symbols of the running process, so neither the name nor the place of libc matters. */
interface Native {
  bpf: Koffi.KoffiFunc<(nr: number, command: number, attr: number, size: number) => number>;
  close(fd: number): number;
  mmap(address: number, length: number, prot: number, flags: number, fd: number, offset: number): number;
  munmap(address: number, length: number): number;
  sysconf(name: number): number;
  if_nametoindex(name: string): number;
  mount(source: string, target: string, type: string, flags: number, data: string): number;
  umount2(target: string, flags: number): number;
}

function bind(koffi: typeof Koffi): Native {
  const libc = koffi.load(null);
  // Pointers are declared as integers on purpose: koffi would take any object for `void *`.
  return {
    bpf: libc.func("syscall", "long", ["long", "long", "uintptr_t", "ulong"]),
    close: libc.func("close", "int", ["int"]),
    mmap: libc.func("mmap", "intptr_t", ["uintptr_t", "size_t", "int", "int", "int", "int64_t"]),
    munmap: libc.func("munmap", "int", ["uintptr_t", "size_t"]),
    sysconf: libc.func("sysconf", "long", ["int"]),
    if_nametoindex: libc.func("if_nametoindex", "uint", ["str"]),
    mount: libc.func("mount", "int", ["str", "str", "str", "ulong", "str"]),
    umount2: libc.func("umount2", "int", ["str", "int"]),
  };
}

/** Parses a kernel CPU list such as `0-3,8`; the number of CPUs is the highest plus one. */
export function countCpus(list: string): number {
  const last = list.trim().split(",").at(-1)?.split("-").at(-1);
  const highest = Number(last);
  if (last === undefined || last === "" || !Number.isInteger(highest)) {
    throw new TypeError(`cannot read the CPU list ${JSON.stringify(list)}`);
  }
  return highest + 1;
}

class LinuxSys implements Sys {
  readonly pageSize: number;
  readonly #koffi: typeof Koffi;
  readonly #native: Native;
  readonly #nr: number;
  #possibleCpus = 0;
  readonly #mapped = new FinalizationRegistry<readonly [number, number]>(([address, length]) => {
    this.#native.munmap(address, length);
  });
  readonly #polled = new Set<number>();
  readonly #addresses = new WeakMap<ArrayBuffer, number>();

  constructor(koffi: typeof Koffi, nr: number) {
    this.#koffi = koffi;
    this.#native = bind(koffi);
    this.#nr = nr;
    this.pageSize = this.#native.sysconf(SC_PAGESIZE);
  }

  get possibleCpus(): number {
    this.#possibleCpus ||= countCpus(readFileSync("/sys/devices/system/cpu/possible", "latin1"));
    return this.#possibleCpus;
  }

  bpf(command: number, attr: number, size: number): number {
    const result = this.#native.bpf(this.#nr, command, attr, size);
    return result === -1 ? -this.#koffi.errno() : result;
  }

  bpfAsync(command: number, attr: number, size: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#native.bpf.async(this.#nr, command, attr, size, (error: unknown, result: number) => {
        if (error instanceof Error) reject(error);
        // koffi keeps the errno of the worker thread for the duration of this callback.
        else resolve(result === -1 ? -this.#koffi.errno() : result);
      });
    });
  }

  address(buffer: ArrayBuffer): number {
    return Number(this.#koffi.address(buffer));
  }

  close(fd: number): void {
    // Not fs.closeSync: in a worker thread Node warns about descriptors that it did not open itself.
    this.#native.close(fd);
  }

  mmap(fd: number, offset: number, length: number, writable: boolean): ArrayBuffer | number {
    const prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    const address = this.#native.mmap(0, length, prot, MAP_SHARED, fd, offset);
    if (address === -1) return -this.#koffi.errno();
    const buffer = this.#koffi.view(BigInt(address), length);
    this.#addresses.set(buffer, address);
    this.#mapped.register(buffer, [address, length]);
    return buffer;
  }

  seal(buffer: ArrayBuffer): void {
    const address = this.#addresses.get(buffer);
    if (address === undefined) throw new TypeError("the buffer is not a mapping");
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    if (this.#native.mmap(address, buffer.byteLength, PROT_READ | PROT_WRITE, flags, -1, 0) === -1) {
      throw new BpfError("ERR_SYSCALL", "mmap failed", { op: "mmap", errno: this.#koffi.errno() });
    }
  }

  poll(fd: number, onReadable: () => void): PollHandle {
    // libuv watches a descriptor once, and koffi 3.3 ends the process when told no.
    if (this.#polled.has(fd)) throw new Error(`descriptor ${fd} is polled already`);
    // An exception that reaches koffi is reported late and stops the polling: throw it where Node expects one.
    const guarded = (): void => {
      try {
        onReadable();
      } catch (error) {
        process.nextTick(() => {
          throw error;
        });
      }
    };
    const handle = this.#koffi.node.poll(fd, { readable: true }, guarded);
    this.#polled.add(fd);
    let open = true;
    return {
      ref: () => handle.ref(),
      unref: () => handle.unref(),
      close: () => {
        if (!open) return;
        open = false;
        this.#polled.delete(fd);
        handle.close();
      },
    };
  }

  interfaceIndex(name: string): number {
    return this.#native.if_nametoindex(name);
  }

  mount(source: string, target: string, type: string, flags: number, data: string): number {
    return this.#native.mount(source, target, type, flags, data) === -1 ? -this.#koffi.errno() : 0;
  }

  unmount(target: string, flags: number): number {
    return this.#native.umount2(target, flags) === -1 ? -this.#koffi.errno() : 0;
  }
}

let instance: Sys | undefined;

/**
 * The real system, made on first use: parsing objects and generating code never load the native library.
 *
 * @throws {@link BpfError} `ERR_UNSUPPORTED` off Linux and on processors this package cannot drive.
 */
export function linuxSys(): Sys {
  instance ??= open();
  return instance;
}

function open(): Sys {
  const nr = NR_BPF[process.arch];
  if (process.platform !== "linux" || nr === undefined || endianness() !== "LE") {
    throw new BpfError("ERR_UNSUPPORTED", `eBPF cannot be used on ${process.platform} ${process.arch}`, {
      feature: "bpf",
      minimum: "Linux on a 64-bit little-endian processor",
      errno: ERRNO.EOPNOTSUPP,
    });
  }
  const koffi = createRequire(import.meta.url)("koffi") as typeof Koffi;
  return new LinuxSys(koffi, nr);
}
