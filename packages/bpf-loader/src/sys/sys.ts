/**
 * Everything this package asks of the operating system beyond `node:fs`. {@link linuxSys} is the real one and the
 * only code that calls native functions; a test passes an object of its own.
 *
 * Memory is passed by address. An address comes from {@link Sys.address} and stays valid while its buffer is
 * referenced, so whoever starts a call keeps the buffers until it returns.
 */
export interface Sys {
  /** Bytes in a memory page; ring buffers are mapped in pages. */
  readonly pageSize: number;
  /** CPUs the machine may ever have: the number of values in an element of a per-CPU map. */
  readonly possibleCpus: number;
  /** bpf(2). The result of the command, or a negative errno. */
  bpf(command: number, attr: number, size: number): number;
  /** bpf(2) on another thread, in the namespaces of the process. */
  bpfAsync(command: number, attr: number, size: number): Promise<number>;
  /** Address of a buffer made by JavaScript; stable, also across garbage collection. */
  address(buffer: ArrayBuffer): number;
  /** close(2). Never throws: a descriptor is gone whatever close reports. */
  close(fd: number): void;
  /** mmap(2), shared. A negative errno on failure. The memory is released when the buffer is collected. */
  mmap(fd: number, offset: number, length: number, writable: boolean): ArrayBuffer | number;
  /**
   * Replaces the memory behind a buffer of {@link Sys.mmap} by anonymous zeroes. Unlike munmap(2) it leaves views
   * usable: V8 cannot detach them, and touching an unmapped page would end the process.
   */
  seal(buffer: ArrayBuffer): void;
  /** Calls back on the event loop while `fd` is readable (level-triggered). One handle per descriptor at a time. */
  poll(fd: number, onReadable: () => void): PollHandle;
  /** Index of a network interface in the calling thread's network namespace, 0 if there is none. */
  interfaceIndex(name: string): number;
  /** mount(2) without data except `data`. 0 or a negative errno. */
  mount(source: string, target: string, type: string, flags: number, data: string): number;
  /** umount2(2). 0 or a negative errno. */
  unmount(target: string, flags: number): number;
}

export interface PollHandle {
  /** A handle that is referenced keeps the process alive. Handles start referenced. */
  ref(): void;
  unref(): void;
  close(): void;
}

/** Option shared by every function that talks to the kernel. */
export interface SysOption {
  /** The system underneath. @defaultValue Linux, through koffi */
  readonly sys?: Sys;
}
