/** `npm run build`: the JavaScript of every published package by tsup, its declarations by tsc, into its `dist`. */
import { copyFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { build, type Options } from "tsup";
import { node } from "./gates.ts";
import { readWorkspaces, type Workspace } from "./workspaces.ts";

const packages = readWorkspaces().filter(({ published }) => published);
for (const { directory } of packages) rmSync(join(directory, "dist"), { recursive: true, force: true });

// One bundle per entry point, what they share in chunks: a class is the same one whatever door it came through.
for (const one of packages) await build(options(one));

// After the bundles, for tsup knows nothing of declarations and tsc follows the references between packages.
const wrong = await node(["node_modules/.bin/tsc", "-b", ...packages.map(({ directory }) => directory)]);
if (wrong !== undefined) {
  console.error(wrong);
  process.exit(1);
}
// npm packs the license that lies beside package.json.
for (const { directory } of packages) copyFileSync("LICENSE", join(directory, "LICENSE"));
// The object in it is bpf/ compiled, under the licenses of bpf/.
for (const license of ["LICENSE", "LICENSE.BSD-2-Clause", "LICENSE.GPL-2.0"])
  copyFileSync(join("bpf", license), join("packages/datapath-ebpf/objects", license));
for (const { name, version, entries } of packages)
  console.log(`built ${name} ${version}: ${entries.map(({ specifier }) => specifier).join(", ")}`);

function options({ directory, entries, commands }: Workspace): Options {
  const outputs = [...entries.map(({ built }) => built), ...commands];
  const names = outputs.flatMap((built) => built?.replace(/^dist\/|\.js$/g, "") ?? []);
  return {
    entry: Object.fromEntries(names.map((name) => [name, join(directory, "src", `${name}.ts`)])),
    outDir: join(directory, "dist"),
    tsconfig: resolve(directory, "tsconfig.json"),
    format: "esm",
    target: "node22",
    platform: "node",
    splitting: true,
    sourcemap: true,
    dts: false,
    clean: false,
    silent: true,
    config: false,
    // Old runtimes lack some built-ins without `node:`, new ones have some only with it.
    removeNodeProtocol: false,
    // What package.json names stays an import; other packages of the repository are named there too.
    skipNodeModulesBundle: true,
  };
}
