import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseObject } from "@netloom/bpf-loader";
import { TemporaryDirectory } from "./fixtures.ts";
import { DIRECTORY, OBJECTS, objectBytes } from "./objects.ts";

const version = /version (\d+)/.exec(
  spawnSync("clang", ["--version"], { encoding: "utf8" }).stdout ?? "",
)?.[1];
const includes = ["x86_64", "aarch64"].map((machine) => `-I/usr/include/${machine}-linux-gnu`);

describe("the committed objects", () => {
  it("are those of the sources in the folder", () => {
    const sources = readdirSync(DIRECTORY).filter((name) => name.endsWith(".bpf.c"));
    expect(sources.map((name) => name.replace(".bpf.c", "")).sort()).toEqual([...OBJECTS].sort());
  });

  it.skipIf(version === undefined).each(OBJECTS)("%s is what its source compiles to", (name) => {
    using directory = new TemporaryDirectory();
    const output = `${directory.path}/${name}.bpf.o`;
    const flags = [
      "-O2",
      "-g",
      "-target",
      "bpf",
      "-mcpu=v3",
      "-Wall",
      "-Werror",
      "-fdebug-compilation-dir=.",
      ...includes,
    ];
    execFileSync("clang", [...flags, "-c", `${name}.bpf.c`, "-o", output], { cwd: DIRECTORY });
    execFileSync("llvm-strip", ["-g", output]);
    const compiled = new Uint8Array(readFileSync(output));
    // The objects were made by clang 14; another one may choose other instructions, but not other maps or types.
    const exact = version === "14";
    expect(exact ? compiled : objectBytes(name)).toEqual(objectBytes(name));
    const [ours, theirs] = [parseObject(objectBytes(name)), parseObject(compiled)];
    expect([...theirs.maps.keys()]).toEqual([...ours.maps.keys()]);
    expect([...theirs.programs.keys()]).toEqual([...ours.programs.keys()]);
    expect([...theirs.config.keys()].sort()).toEqual([...ours.config.keys()].sort());
  });
});
