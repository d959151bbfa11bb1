import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** Runs the first program of the README of the package whose tests are in this folder. */
export function runReadme(tests: string): { readonly stdout: string; readonly stderr: string } {
  const here = fileURLToPath(new URL(".", tests));
  const text = readFileSync(join(here, "../README.md"), "utf8");
  const program = /```ts\n(.*?)```/s.exec(text)?.[1] ?? "";
  const folder = mkdtempSync(join(here, "readme-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "example.ts");
  writeFileSync(file, program);
  const command = ["--conditions=@netloom/source", file];
  const { stdout, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
  return { stdout, stderr };
}
