import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));

it("runs without root and says that the pod's policy denies the stranger", () => {
  const output = execFileSync(process.execPath, ["--conditions=@netloom/source", main], { encoding: "utf8" });
  expect(output).toContain("allowed: false");
  expect(output).toContain("enforcedBy: [ 'default/web' ]");
});

it("is what the README shows", () => {
  const readme = readFileSync(fileURLToPath(new URL("../../../README.md", import.meta.url)), "utf8");
  expect(readme).toContain(readFileSync(main, "utf8").trim());
});
