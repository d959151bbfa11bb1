/**
 * TypeScript from the types of a BPF object: run it when the C source changes, commit what it writes.
 *
 * @example
 * import { readFileSync, writeFileSync } from "node:fs";
 * import { parseObject } from "@netloom/bpf-loader";
 * import { generate } from "@netloom/bpf-loader/bpf2ts";
 *
 * const spec = parseObject(readFileSync("counter.bpf.o"), { name: "counter.bpf.o" });
 * writeFileSync("counter.generated.ts", generate(spec, { structs: ["event"] }));
 *
 * @packageDocumentation
 */

export { generate } from "./generate.ts";
export type { CustomType, GenerateOptions } from "./options.ts";
export { Bpf2tsError } from "./resolve.ts";
