import { COMMAND } from "../src/abi.ts";
import type { Command } from "../src/abi.ts";
import type { PollHandle, Sys } from "@netloom/bpf-loader";

/** One bpf(2) call as a test sees it: the attribute, and memory behind its pointers. */
export interface FakeCall {
  readonly command: Command;
  readonly attr: DataView;
  readonly size: number;
  /** The memory at the address that the attribute holds at `offset`. */
  readonly memory: (offset: number) => DataView;
}

export type Handler = (call: FakeCall) => number;

const NAMES = new Map(Object.entries(COMMAND).map(([name, number]) => [number as number, name as Command]));
/** Buffers lie this far apart, so that an address within one finds it. */
const SPACING = 2 ** 32;

/** A kernel of the test's making: answers each command as it is told, and counts what is closed. */
export class FakeSys implements Sys {
  readonly pageSize = 4096;
  readonly possibleCpus = 2;
  readonly calls: Command[] = [];
  readonly closed: number[] = [];
  readonly #handlers: Partial<Record<Command, Handler>>;
  readonly #buffers: ArrayBuffer[] = [];

  constructor(handlers: Partial<Record<Command, Handler>>) {
    this.#handlers = handlers;
  }

  bpf(number: number, address: number, size: number): number {
    const command = NAMES.get(number);
    if (command === undefined) throw new Error(`unknown command ${number}`);
    this.calls.push(command);
    const attr = new DataView(this.#at(address).buffer, address % SPACING, size);
    const memory = (offset: number): DataView => this.#at(Number(attr.getBigUint64(offset, true)));
    return this.#handlers[command]?.({ command, attr, size, memory }) ?? -22;
  }

  async bpfAsync(number: number, address: number, size: number): Promise<number> {
    return this.bpf(number, address, size);
  }

  address(buffer: ArrayBuffer): number {
    this.#buffers.push(buffer);
    return this.#buffers.length * SPACING;
  }

  close(fd: number): void {
    this.closed.push(fd);
  }

  mmap(): number {
    return -12;
  }

  seal(): void {
    throw new Error("nothing is mapped");
  }

  poll(): PollHandle {
    return { ref() {}, unref() {}, close() {} };
  }

  interfaceIndex(name: string): number {
    return name === "eth0" ? 2 : 0;
  }

  mount(): number {
    return -1;
  }

  unmount(): number {
    return -1;
  }

  #at(address: number): DataView {
    const buffer = this.#buffers[Math.floor(address / SPACING) - 1];
    if (buffer === undefined) throw new Error(`nothing lives at address ${address}`);
    return new DataView(buffer, address % SPACING);
  }
}

/** Answers BPF_OBJ_GET_INFO_BY_FD for a map. */
export function mapInfo(type: number, keySize: number, valueSize: number, maxEntries: number): Handler {
  return ({ memory }) => {
    const info = memory(8);
    for (const [index, word] of [type, 1, keySize, valueSize, maxEntries].entries())
      info.setUint32(index * 4, word, true);
    return 0;
  };
}
