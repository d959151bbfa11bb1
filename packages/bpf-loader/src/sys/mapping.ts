import { syscallError } from "./bpf.ts";
import type { Fd } from "./fd.ts";

/** Memory shared with the kernel. After `close` its views read as zero instead of ending the process. */
export class Mapping implements Disposable {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly #fd: Fd;
  #open = true;

  /** @throws {@link BpfError} `ERR_SYSCALL`. `length` is rounded up to whole pages. */
  constructor(fd: Fd, offset: number, length: number, writable: boolean) {
    const { sys } = fd;
    const pages = Math.ceil(length / sys.pageSize) * sys.pageSize;
    const buffer = sys.mmap(fd.number, offset, pages, writable);
    if (typeof buffer === "number") throw syscallError("mmap", -buffer, { object: fd.what });
    this.#fd = fd;
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  get closed(): boolean {
    return !this.#open;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#fd.sys.seal(this.bytes.buffer);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
