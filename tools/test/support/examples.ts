import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseObject } from "@netloom/bpf-loader";
import { generate } from "@netloom/bpf-loader/bpf2ts";
import { ROOT, type Block } from "./markdown.ts";

export interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Blocks of Markdown as files, where the workspace's packages resolve and Node runs TypeScript. Beside them are the files
 * that they name: what the README of bpf-loader loads, and the backend that docs/backends.md writes.
 */
export class Examples implements Disposable {
  readonly #directory: string;

  constructor() {
    mkdirSync(join(ROOT, ".cache"), { recursive: true });
    this.#directory = mkdtempSync(join(ROOT, ".cache/docs-"));
    this.#write("package.json", '{ "type": "module" }\n');
    this.#write("listed.ts", readFileSync(join(ROOT, "examples/custom-ipam/listed.ts")));
    const object = readFileSync(join(ROOT, "packages/bpf-loader/test/objects/counter.bpf.o"));
    this.#write("counter.bpf.o", object);
    const spec = parseObject(new Uint8Array(object), { name: "counter.bpf.o" });
    this.#write("counter.generated.ts", generate(spec, { structs: ["sample"] }));
  }

  /** What the compiler says of all of them at once, under the repository's settings; nothing where all is well. */
  async check(blocks: readonly Block[]): Promise<string> {
    const files = blocks.map((block) => this.#place(block));
    this.#write(
      "tsconfig.json",
      JSON.stringify({ extends: join(ROOT, "tsconfig.json"), files, include: [], exclude: [] }),
    );
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const { code, stdout, stderr } = await this.#node([tsc, "--project", this.#directory]);
    if (code === 0) return "";
    // What is wrong in the sources is not for here to say.
    const said = `${stdout}${stderr}`.split(/^(?=\S)/m).filter((text) => !text.startsWith("../"));
    return said.join("");
  }

  /** Runs a block as it stands, on the sources. */
  run(block: Block): Promise<Output> {
    return this.#node(["--conditions=@netloom/source", this.#place(block)]);
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }

  /** Its lines have the numbers that they have in the Markdown file. */
  #place({ file, line, code }: Block): string {
    const name = `${file.replaceAll("/", "-")}.${line}.ts`;
    this.#write(name, `${"\n".repeat(line - 1)}${code}`);
    return name;
  }

  #write(name: string, content: string | Uint8Array): void {
    writeFileSync(join(this.#directory, name), content);
  }

  #node(args: readonly string[]): Promise<Output> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, args, {
        cwd: this.#directory,
        stdio: ["ignore", "pipe", "pipe"],
      });
      const output = { stdout: "", stderr: "" };
      child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
      child.once("error", reject).once("close", (code) => resolve({ code, ...output }));
    });
  }
}
