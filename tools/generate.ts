/**
 * Compiles bpf/ and writes what follows from it: the object that datapath-ebpf ships, and the TypeScript of the
 * schema. `--check` writes nothing and fails where the committed files differ.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseObject } from "@netloom/bpf-loader";
import { generate } from "@netloom/bpf-loader/bpf2ts";

const OBJECT = "packages/datapath-ebpf/objects/netloom.bpf.o";
const SCHEMA = "packages/core/src/datapath/schema.generated.ts";

/** The committed files as bpf/ makes them now. */
export function generated(): { readonly object: Uint8Array; readonly schema: string } {
  const directory = mkdtempSync(join(tmpdir(), "netloom-generate-"));
  try {
    const object = compile("netloom.bpf.c", join(directory, "netloom.bpf.o"));
    const schema = compile("schema/schema.bpf.c", join(directory, "schema.bpf.o"));
    const specs = [parseObject(object, { name: "netloom" }), parseObject(schema, { name: "schema" })];
    const text = generate(specs, {
      source: "bpf/",
      types: {
        ip_address: address,
        mac_address: { type: "Mac", encode: "writeMac", decode: "readMac", from: "../address/index.ts" },
      },
      structs: ["event"],
      enums: ENUMS,
    });
    return { object, schema: text };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const address = {
  type: "Address",
  encode: "writeAddress",
  decode: "readAddress",
  from: "../address/index.ts",
};

const ENUMS = [
  "backend_state",
  "ct_flag",
  "ct_lifetime",
  "ct_state",
  "direction",
  "drop_reason",
  "endpoint_flag",
  "event_level",
  "hook",
  "ipcache_flag",
  "limits",
  "metric",
  "nat_limits",
  "outcome",
  "policy_match",
  "policy_shape",
  "reserved_identity",
  "source_file",
];

const TARGET = ["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-ffile-compilation-dir=."];
const WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers"];

function compile(source: string, target: string): Uint8Array {
  const multiarch = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  run("clang", [...TARGET, ...WARNINGS, `-I/usr/include/${multiarch}`, "-c", source, "-o", target]);
  // DWARF goes, BTF stays.
  run("llvm-strip", ["-g", target]);
  return new Uint8Array(readFileSync(target));
}

function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { cwd: "bpf", stdio: "inherit" });
  if (error !== undefined)
    throw new Error(`${command} cannot be run (${error.message}): apt-get install clang llvm`);
  if (status !== 0) throw new Error(`${command} failed on bpf/: its messages are above`);
}

if (import.meta.main) {
  const { object, schema } = generated();
  if (process.argv.includes("--check")) {
    const same = Buffer.from(object).equals(readFileSync(OBJECT)) && schema === readFileSync(SCHEMA, "utf8");
    if (!same) {
      console.error(
        "netloom: bpf/ and what is generated from it differ; run `npm run generate` and commit the result",
      );
      process.exit(1);
    }
  } else {
    writeFileSync(OBJECT, object);
    writeFileSync(SCHEMA, schema);
    console.log(`wrote ${OBJECT} (${object.length} bytes) and ${SCHEMA}`);
  }
}
