import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseObject } from "@netloom/bpf-loader";
import type { ObjectSpec } from "@netloom/bpf-loader";
import type { GenerateOptions } from "@netloom/bpf-loader/bpf2ts";

/** The test objects, by name. */
export const OBJECTS = [
  "calls",
  "counter",
  "events",
  "globals",
  "hooks",
  "maps",
  "nested",
  "pinned-v1",
  "pinned-v2",
  "pinned-v3",
  "rejected",
  "types",
  "unsupported",
] as const;

export type ObjectName = (typeof OBJECTS)[number];

export const DIRECTORY: string = fileURLToPath(new URL("objects", import.meta.url));

export function objectBytes(name: ObjectName): Uint8Array {
  return new Uint8Array(readFileSync(`${DIRECTORY}/${name}.bpf.o`));
}

export function objectSpec(name: ObjectName): ObjectSpec {
  return parseObject(objectBytes(name), { name });
}

/** With what types.generated.ts was generated. */
export const TYPES_OPTIONS: GenerateOptions = {
  types: {
    ip_address: { type: "Address", encode: "writeAddress", decode: "readAddress", from: "../address.ts" },
    mac_address: { type: "string", encode: "writeMac", decode: "readMac", from: "../address.ts" },
  },
  structs: ["drop_event"],
  enums: ["OBSERVED_HERE"],
};
