import { COMMAND } from "../abi.ts";
import { Attr, tryBpf } from "../sys/bpf.ts";
import { closedError } from "../sys/fd.ts";
import type { Fd } from "../sys/fd.ts";
import { Memory } from "../sys/memory.ts";
import type { Sys } from "../sys/sys.ts";

const ELEMENT_ATTR_SIZE = 32;
const DELETE_ATTR_SIZE = 16;
const NEXT_KEY_ATTR_SIZE = 24;

/**
 * Single-element commands on one map. The attribute points at one key and one value buffer for good, so that a call
 * writes nothing but the key and allocates nothing. Not reentrant, like every buffer that is reused.
 */
export class ElementIo {
  readonly key: DataView<ArrayBuffer>;
  readonly value: DataView<ArrayBuffer>;
  readonly #sys: Sys;
  readonly #fd: Fd;
  readonly #key: Memory;
  readonly #value: Memory;
  readonly #attr: Memory;

  /** @param valueSize - bytes that the kernel copies: for a per-CPU map those of all CPUs. */
  constructor(fd: Fd, keySize: number, valueSize: number) {
    this.#sys = fd.sys;
    this.#fd = fd;
    this.#key = new Memory(fd.sys, keySize);
    this.#value = new Memory(fd.sys, valueSize);
    this.key = this.#key.view;
    this.value = this.#value.view;
    this.#attr = new Memory(fd.sys, ELEMENT_ATTR_SIZE);
    this.#attr.view.setUint32(0, fd.number, true);
    this.#attr.view.setBigUint64(8, BigInt(this.#key.address), true);
    this.#attr.view.setBigUint64(16, BigInt(this.#value.address), true);
  }

  /** 0 or a negative errno; the value is in {@link ElementIo.value}. */
  lookup(): number {
    return this.#run(COMMAND.BPF_MAP_LOOKUP_ELEM, ELEMENT_ATTR_SIZE);
  }

  lookupAndDelete(): number {
    return this.#run(COMMAND.BPF_MAP_LOOKUP_AND_DELETE_ELEM, ELEMENT_ATTR_SIZE);
  }

  update(flags: number): number {
    // Zero between calls: the other commands read the same word.
    if (flags === 0) return this.#run(COMMAND.BPF_MAP_UPDATE_ELEM, ELEMENT_ATTR_SIZE);
    this.#attr.view.setUint32(24, flags, true);
    const result = this.#run(COMMAND.BPF_MAP_UPDATE_ELEM, ELEMENT_ATTR_SIZE);
    this.#attr.view.setUint32(24, 0, true);
    return result;
  }

  delete(): number {
    // The command ends before the value pointer: bytes beyond its last field must not be passed.
    return this.#run(COMMAND.BPF_MAP_DELETE_ELEM, DELETE_ATTR_SIZE);
  }

  /** Replaces the key by the one after it; with `first`, by the first. */
  nextKey(first: boolean): number {
    const attr = new Attr(this.#fd.sys, NEXT_KEY_ATTR_SIZE)
      .u32(0, this.#fd.number)
      .pointer(8, first ? undefined : this.#key)
      .pointer(16, this.#key);
    return tryBpf("BPF_MAP_GET_NEXT_KEY", attr);
  }

  #run(command: number, size: number): number {
    if (this.#fd.closed) throw closedError(this.#fd.what);
    return this.#sys.bpf(command, this.#attr.address, size);
  }
}
