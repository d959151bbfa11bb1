import { copyFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { command, node, type Finding } from "./gates.ts";
import type { Workspace } from "./workspaces.ts";

/**
 * A project of somebody who has the tarballs and nothing else of this repository: installs them, compiles against their
 * declarations, opens every entry point and runs the program of the README.
 */
export async function useAsStranger(
  directory: string,
  packages: readonly Workspace[],
  tarballs: readonly string[],
): Promise<Finding> {
  const manifest = { name: "stranger", private: true, type: "module" };
  writeFileSync(join(directory, "package.json"), JSON.stringify(manifest));
  copyFileSync("examples/hello/main.ts", join(directory, "main.ts"));
  writeFileSync(join(directory, "doors.ts"), doors(packages));
  const tsc = ["node_modules/.bin/tsc", "--noEmit", "--strict", "--module", "nodenext"];
  const settings = ["--target", "es2023", "--lib", "es2023,esnext.disposable", "--types", "node"];
  const typeRoots = ["--typeRoots", resolve("node_modules/@types")];
  const files = ["main.ts", "doors.ts"].map((file) => join(directory, file));
  return (
    (await command(
      "npm",
      ["install", "--no-audit", "--no-fund", "--ignore-scripts", ...tarballs],
      directory,
    )) ??
    (await node([...tsc, ...settings, ...typeRoots, "--ignoreConfig", ...files])) ??
    (await node(["doors.ts"], directory)) ??
    (await node(["main.ts"], directory))
  );
}

/** A module that opens every entry point and finds something behind it. */
function doors(packages: readonly Workspace[]): string {
  const specifiers = packages.flatMap(({ entries }) => entries.map(({ specifier }) => specifier));
  return [
    ...specifiers.map((specifier, index) => `import * as door${index} from "${specifier}";`),
    `for (const door of [${specifiers.map((_, index) => `door${index}`).join(", ")}])`,
    `  if (Object.keys(door).length === 0) throw new Error("an entry point exports nothing");`,
  ].join("\n");
}
