/** `npm run check`: everything that can be said of the sources without running them. */
import { spawnSync } from "node:child_process";
import { node, runGates, tool, type Finding } from "./gates.ts";
import { wrongImports } from "./import-directions.ts";
import { readImports } from "./read-imports.ts";
import { readWorkspaces } from "./workspaces.ts";

async function imports(): Promise<Finding> {
  const wrong = wrongImports(readImports(), readWorkspaces());
  return wrong.length === 0 ? undefined : wrong.join("\n");
}

/** Needs the compiler of bpf/, which a machine without root may lack. */
async function generated(): Promise<Finding> {
  const missing = ["clang", "llvm-strip"].filter((name) => spawnSync(name, ["--version"]).status !== 0);
  if (missing.length > 0)
    return {
      skipped: `${missing.join(" and ")} missing, so nobody knows whether bpf/ and its object agree: apt-get install clang llvm`,
    };
  return node(["--conditions=@netloom/source", "tools/generate.ts", "--check"]);
}

const failed = await runGates([
  { name: "types", run: tool("tsc", "-p", ".") },
  { name: "lint", run: tool("oxlint", "--type-aware") },
  { name: "format", run: tool("oxfmt", "--check") },
  { name: "import directions", run: imports },
  { name: "generated files", run: generated },
  { name: "dead code", run: tool("knip", "--no-progress", "--no-config-hints") },
]);
process.exit(failed === 0 ? 0 : 1);
