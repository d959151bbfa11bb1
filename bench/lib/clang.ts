import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseObject, type ObjectSpec } from "@netloom/bpf-loader";

const MULTIARCH = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";

/** Compiles what only the bench needs, each time anew: nothing compiled is kept, or committed. */
export class Clang implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), "netloom-bench-"));

  constructor() {
    process.once("exit", () => this[Symbol.dispose]());
  }

  /** A BPF object, with the flags that `tools/generate.ts` gives the datapath. */
  bpf(source: URL): ObjectSpec {
    const target = this.bpfFile(source);
    return parseObject(new Uint8Array(readFileSync(target)), { name: target });
  }

  /** The same as a file, for programs that load it on their own. */
  bpfFile(source: URL): string {
    const flags = ["-O2", "-g", "-target", "bpf", "-mcpu=v3", `-I/usr/include/${MULTIARCH}`];
    return this.#compile(source, ".o", [...flags, "-c"], []);
  }

  /** A program of the machine, linked with libbpf. */
  program(source: URL): string {
    return this.#compile(source, "", ["-O2"], ["-lbpf", "-lpthread"]);
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #compile(source: URL, suffix: string, flags: readonly string[], libraries: readonly string[]): string {
    const path = fileURLToPath(source);
    const name = path.slice(path.lastIndexOf("/") + 1).replace(/\.c$/, suffix);
    const target = join(this.#directory, name);
    try {
      execFileSync("clang", [...flags, "-Wall", "-Wextra", path, "-o", target, ...libraries]);
    } catch (error) {
      throw new Error(`clang could not compile ${name}; it needs clang and libbpf-dev`, { cause: error });
    }
    return target;
  }
}
