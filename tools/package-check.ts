/** `npm run package`, after the build: packs what would be published and looks at it as a stranger does. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData, type Problem } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { node, runGates, type Finding } from "./gates.ts";
import { useAsStranger } from "./stranger.ts";
import { readWorkspaces, type Workspace } from "./workspaces.ts";

interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

const packages = readWorkspaces().filter(({ published }) => published);
const directory = mkdtempSync(join(tmpdir(), "netloom-package-"));
let failed: number;
try {
  failed = await check();
} finally {
  rmSync(directory, { recursive: true });
}
process.exit(failed === 0 ? 0 : 1);

async function check(): Promise<number> {
  const tarballs = new Map(pack().map((packed) => [packed.name, packed]));
  const contents = packages.map((one) => ({
    name: one.name,
    run: () => examine(one, tarballs.get(one.name)!),
  }));
  const stranger = join(directory, "stranger");
  mkdirSync(stranger);
  const paths = [...tarballs.values()].map(({ filename }) => join(directory, filename));
  return runGates([
    ...contents,
    { name: "installed by a stranger", run: () => useAsStranger(stranger, packages, paths) },
    // Without the source condition the demo stands on dist, and finds its object from there.
    { name: "demo on the built packages", run: () => node(["examples/two-nodes/main.ts"]) },
  ]);
}

function pack(): Packed[] {
  const workspaces = packages.flatMap(({ name }) => ["-w", name]);
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", directory, ...workspaces];
  return JSON.parse(
    execFileSync("npm", args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }),
  ) as Packed[];
}

/** A tarball: complete, and its types and JavaScript found by whoever resolves as Node does. */
async function examine({ commands }: Workspace, packed: Packed): Promise<Finding> {
  const paths = new Set(packed.files.map(({ path }) => path));
  const missing = ["README.md", "LICENSE", ...commands].filter((path) => !paths.has(path));
  const data = readFileSync(join(directory, packed.filename));
  const tarball = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
  const types = await checkPackage(createPackageFromTarballData(data), {
    excludeEntrypoints: ["./package.json"],
  });
  const wrong = [
    ...missing.map((path) => `${path} is not in the tarball`),
    ...messages.map((message) => `publint: ${formatMessage(message, pkg) ?? message.code}`),
    ...(types.types === false ? ["no types"] : types.problems.filter(concerns).map(describe)),
  ];
  return wrong.length === 0 ? undefined : wrong.join("\n");
}

/** These are ESM packages with `exports`: resolvers that know neither are nobody's business here. */
function concerns(problem: Problem): boolean {
  if ("resolutionKind" in problem) return !["node10", "node16-cjs"].includes(problem.resolutionKind);
  return !("resolutionOption" in problem && problem.resolutionOption === "node10");
}

function describe(problem: Problem): string {
  return `types: ${JSON.stringify(problem, (key, value: unknown) => (key === "trace" ? undefined : value))}`;
}
