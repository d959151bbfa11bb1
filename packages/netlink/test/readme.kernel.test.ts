import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { unprivileged } from "./support/kernel.ts";

describe.skipIf(unprivileged)("the README", () => {
  it("shows a program that runs as it stands", () => {
    const here = fileURLToPath(new URL(".", import.meta.url));
    const text = readFileSync(join(here, "../README.md"), "utf8");
    const program = /```ts\n(.*?)```/s.exec(text)?.[1] ?? "";
    const folder = mkdtempSync(join(here, "readme-"));
    onTestFinished(() => {
      rmSync(folder, { recursive: true });
    });
    const file = join(folder, "example.ts");
    writeFileSync(file, program);
    const { stdout, stderr } = spawnSync(process.execPath, ["--conditions=@netloom/source", file], {
      encoding: "utf8",
    });
    expect({ stdout, stderr }).toEqual({ stdout: "reached 1001\n", stderr: "" });
  });
});
