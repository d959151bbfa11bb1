import { isBuiltin } from "node:module";
import { posix } from "node:path";
import type { Workspace } from "./workspaces.ts";

/** A module and the specifiers it imports. Paths are from the root, with `/`. */
export interface ImportingFile {
  readonly file: string;
  readonly imports: readonly string[];
}

/** Stand on their own: of use to people who have never heard of Netloom. */
const STANDALONE = new Set(["bfd", "bgp", "bpf-loader", "netlink", "sockets"]);

/** What a package may build on besides core. Who is not here builds on core alone. */
const BUILDS_ON: Readonly<Record<string, readonly string[]>> = {
  bfd: ["sockets"],
  bgp: ["sockets"],
  "cloud-planner": ["ipam-cloud", "sim-cloud"],
  conformance: ["ipam-cloud"],
  "datapath-ebpf": ["bpf-loader", "netlink"],
  "ipam-aws-eni": ["ipam-cloud"],
  "ipam-azure": ["ipam-cloud"],
  "ipam-gke": ["ipam-cloud"],
  "routing-bgp": ["bfd", "bgp", "netlink"],
  "sim-cloud": ["ipam-cloud"],
};

/** Folders of core that put the others together: nobody imports them but core's own `index.ts`. */
const ASSEMBLIES = new Set(["agent", "operator", "memory", "backend"]);

/** Every import that goes where it must not, as one sentence each: which file, what, and why or what to do. */
export function wrongImports(files: readonly ImportingFile[], workspaces: readonly Workspace[]): string[] {
  return files.flatMap(({ file, imports }) => {
    const home = workspaces.find(({ directory }) => file.startsWith(`${directory}/`));
    return imports.flatMap((specifier) => {
      const complaint = specifier.startsWith(".")
        ? ofPath(file, posix.join(posix.dirname(file), specifier), home)
        : ofName(file, specifier, home, workspaces);
      return complaint === undefined ? [] : [`${file} imports ${specifier}: ${complaint}`];
    });
  });
}

function ofPath(file: string, target: string, home: Workspace | undefined): string | undefined {
  if (home === undefined)
    return /^(packages|examples)\//.test(target) ? "import the package by its name" : undefined;
  if (!target.startsWith(`${home.directory}/`)) {
    // Tests of two packages may share their helpers: those are nobody's API.
    const shared = /^packages\/[^/]+\/test\//;
    if (shared.test(file) && shared.test(target)) return undefined;
    return "it leaves its package; import the other by its name";
  }
  if (isSource(file, home) && !isSource(target, home)) return "what is published is in src/";
  return shortName(home) === "core" ? ofCoreFolder(file, target) : undefined;
}

/** Inside core, arrows point from the assemblies to the engines and ports. */
function ofCoreFolder(file: string, target: string): string | undefined {
  const folder = (path: string): string | undefined => /^packages\/core\/src\/([^/]+)\//.exec(path)?.[1];
  const [from, to] = [folder(file), folder(target)];
  if (to === undefined || from === to || !ASSEMBLIES.has(to) || file === "packages/core/src/index.ts")
    return undefined;
  return file.startsWith("packages/core/src/")
    ? `${to}/ puts the engines together, none of them knows it`
    : undefined;
}

function ofName(
  file: string,
  specifier: string,
  home: Workspace | undefined,
  workspaces: readonly Workspace[],
): string | undefined {
  const source = home !== undefined && isSource(file, home);
  if (isBuiltin(specifier)) {
    return source && shortName(home) === "core"
      ? "core runs in any JavaScript engine; take it through a port"
      : undefined;
  }
  const name = packageOf(specifier);
  const target = workspaces.find((workspace) => workspace.name === name);
  if (target !== undefined && !target.entries.some((entry) => entry.specifier === specifier))
    return `it is no entry point; those are ${target.entries.map((entry) => entry.specifier).join(", ")}`;
  if (!source) return undefined;
  if (target === home) return "inside a package, imports are relative";
  const wrong = target === undefined ? undefined : ofDirection(shortName(home), shortName(target));
  if (wrong !== undefined) return wrong;
  return home.dependencies.includes(name)
    ? undefined
    : `${home.directory}/package.json does not name it under dependencies or peerDependencies`;
}

function ofDirection(from: string, to: string): string | undefined {
  if (from === "core") return "core imports no other package";
  if (BUILDS_ON[from]?.includes(to) === true) return undefined;
  if (STANDALONE.has(from)) return `${from} stands on its own`;
  if (to === "core") return undefined;
  const more = (BUILDS_ON[from] ?? []).map((name) => `, ${name}`).join("");
  return `${from} builds on core${more} and nothing else; backends meet in the application`;
}

function isSource(file: string, { directory, published }: Workspace): boolean {
  return published && file.startsWith(`${directory}/src/`);
}

/** `core` for `@netloom/core`. */
function shortName({ name }: Workspace): string {
  return name.slice(name.indexOf("/") + 1);
}

/** The package of a specifier: `@netloom/core` for `@netloom/core/memory`. */
function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
