import { readFileSync, readdirSync } from "node:fs";
import { btfSections, extraBytes } from "./parse.ts";
import type { BtfSections } from "./parse.ts";
import { KIND } from "./types.ts";

const DIRECTORY = "/sys/kernel/btf";

/** A function or variable of the running kernel. */
export interface KernelSymbol {
  /** Its BTF id. */
  readonly id: number;
  /** The module that defines it; `vmlinux` for the kernel proper. */
  readonly module: string;
}

/**
 * Names of one BTF file of the kernel. vmlinux has some 120,000 types: they are walked once, and a name is looked up
 * as bytes, without decoding the others.
 */
export class KernelNames {
  readonly #strings: Buffer;
  readonly #stringBase: number;
  /** Ids by offset of the name. */
  readonly #ids = { func: new Map<number, number>(), var: new Map<number, number>() };
  readonly typeCount: number;

  /** @param base - vmlinux, for the BTF of a module: ids and name offsets go on where it ends. */
  constructor(object: string, bytes: Uint8Array, base?: KernelNames) {
    const sections = btfSections(object, bytes);
    const { bytes: strings } = sections.strings;
    this.#strings = Buffer.from(strings.buffer, strings.byteOffset, strings.byteLength);
    this.#stringBase = base === undefined ? 0 : base.stringsEnd;
    this.typeCount = this.#walk(sections, base?.typeCount ?? 1);
  }

  get stringsEnd(): number {
    return this.#stringBase + this.#strings.byteLength;
  }

  id(kind: "func" | "var", name: string): number | undefined {
    const offset = this.#strings.indexOf(`\0${name}\0`, 0, "latin1");
    return offset === -1 ? undefined : this.#ids[kind].get(this.#stringBase + offset + 1);
  }

  #walk({ types }: BtfSections, firstId: number): number {
    let id = firstId;
    for (let at = 0; at < types.length; id++) {
      const info = types.u32(at + 4);
      const kind = (info >>> 24) & 0x1f;
      if (kind === KIND.FUNC) this.#ids.func.set(types.u32(at), id);
      else if (kind === KIND.VAR) this.#ids.var.set(types.u32(at), id);
      // A newer kernel may have kinds we do not know; what was seen so far is still good.
      const extra = extraBytes(kind, info & 0xffff);
      if (extra === undefined) break;
      at += 12 + extra;
    }
    return id;
  }
}

let vmlinux: KernelNames | undefined;

function kernelNames(): KernelNames | undefined {
  try {
    vmlinux ??= new KernelNames("vmlinux", readFileSync(`${DIRECTORY}/vmlinux`));
  } catch {
    return undefined; // built without CONFIG_DEBUG_INFO_BTF, or /sys is hidden
  }
  return vmlinux;
}

/** Finds a kernel function or variable, in the kernel proper or in a module that is loaded now. */
export function findKernelSymbol(kind: "func" | "var", name: string): KernelSymbol | undefined {
  const base = kernelNames();
  if (base === undefined) return undefined;
  const id = base.id(kind, name);
  if (id !== undefined) return { id, module: "vmlinux" };
  for (const module of readdirSync(DIRECTORY)) {
    if (module === "vmlinux") continue;
    try {
      const found = new KernelNames(module, readFileSync(`${DIRECTORY}/${module}`), base).id(kind, name);
      if (found !== undefined) return { id: found, module };
    } catch {
      // Unloaded while we looked.
    }
  }
  return undefined;
}
