import { globSync, readFileSync } from "node:fs";
import { dirname } from "node:path";

/** A package of the repository, as far as tools care. */
export interface Workspace {
  readonly name: string;
  readonly version: string;
  /** From the root, e.g. `packages/core`. */
  readonly directory: string;
  /** Published to the registry. */
  readonly published: boolean;
  /** What others may import: `@netloom/core/memory` and the file it names, from the package's directory. */
  readonly entries: readonly Entry[];
  /** What its commands run, e.g. `dist/bpf2ts/cli.js`. */
  readonly commands: readonly string[];
  /** Names its users get along with it: `dependencies` and `peerDependencies`. */
  readonly dependencies: readonly string[];
}

export interface Entry {
  readonly specifier: string;
  /** E.g. `src/memory/index.ts`. */
  readonly source: string;
  /** E.g. `dist/memory/index.js`; `undefined` where the source is all there is. */
  readonly built: string | undefined;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly workspaces?: readonly string[];
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** Every workspace of the repository in the current directory, in the order of their directories. */
export function readWorkspaces(): Workspace[] {
  const patterns = manifest("package.json").workspaces ?? [];
  const files = globSync(patterns.map((pattern) => `${pattern}/package.json`));
  return files.toSorted().map((file) => {
    const { name, version, exports = {}, bin = {}, dependencies, peerDependencies, ...rest } = manifest(file);
    return {
      name,
      version,
      directory: dirname(file),
      published: rest.private !== true,
      entries: Object.entries(exports).flatMap(([path, target]) => entry(`${name}${path.slice(1)}`, target)),
      commands: Object.values(bin).map((path) => path.slice(2)),
      dependencies: Object.keys({ ...dependencies, ...peerDependencies }),
    };
  });
}

function entry(specifier: string, target: string | Readonly<Record<string, string>>): Entry[] {
  const conditions = typeof target === "string" ? { default: target } : target;
  const main = conditions["default"];
  const source = conditions["@netloom/source"] ?? main;
  if (main === undefined || source === undefined || main.endsWith(".json")) return [];
  const built = main === source ? undefined : main.slice(2);
  return [{ specifier, source: source.slice(2), built }];
}

function manifest(file: string): Manifest {
  return JSON.parse(readFileSync(file, "utf8")) as Manifest;
}
