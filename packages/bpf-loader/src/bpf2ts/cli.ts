#!/usr/bin/env node
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { parseObject } from "../spec/object.ts";
import { generate } from "./generate.ts";
import type { GenerateOptions } from "./options.ts";

const USAGE = `usage: bpf2ts [options] object.bpf.o...

  -o, --output FILE    write FILE instead of standard output
  -c, --check          exit 1 if FILE is not what would be written; needs --output
  -s, --struct NAME    also emit this struct (repeatable)
  -e, --enum NAME      also emit this enum (repeatable)
      --types FILE     JSON: { "c_type": { "type", "encode", "decode", "from" } | "bytes" }
  -h, --help
`;

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      output: { type: "string", short: "o" },
      check: { type: "boolean", short: "c" },
      struct: { type: "string", short: "s", multiple: true },
      enum: { type: "string", short: "e", multiple: true },
      types: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true || positionals.length === 0) {
    process.stdout.write(USAGE);
    return values.help === true ? 0 : 2;
  }
  const types = values.types === undefined ? {} : (JSON.parse(readFileSync(values.types, "utf8")) as object);
  const text = generate(
    positionals.map((path) => parseObject(readFileSync(path), { name: basename(path) })),
    {
      types: types as NonNullable<GenerateOptions["types"]>,
      structs: values.struct ?? [],
      enums: values.enum ?? [],
    },
  );
  if (values.output === undefined) process.stdout.write(text);
  else if (values.check !== true) writeFileSync(values.output, text);
  else if (readFileSync(values.output, "utf8") !== text) {
    process.stderr.write(`${values.output} is out of date\n`);
    return 1;
  }
  return 0;
}

try {
  process.exitCode = main();
} catch (error) {
  process.stderr.write(`bpf2ts: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
