/**
 * The suites in turn, each a process of its own: what is ours beside its peer in the same run, the ratio at the end.
 *
 * Run it by `npm run bench [-- suite… --rounds N]`; what else a suite takes is written in its `main.ts`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

interface Suite {
  readonly file: string;
  /** Changes the kernel's state, and has rounds. */
  readonly kernel: boolean;
  /** Options of its own. */
  readonly options?: readonly string[];
}

/** The engines' bench is in core, for it measures what core exports to nobody. */
const SUITES: Readonly<Record<string, Suite>> = {
  engines: { file: "../packages/core/bench/engines.ts", kernel: false },
  scale: { file: "../packages/core/bench/scale.ts", kernel: false },
  policy: { file: "../packages/core/bench/policy.ts", kernel: false },
  loader: { file: "loader/main.ts", kernel: true },
  netlink: { file: "netlink/main.ts", kernel: true },
  datapath: { file: "datapath/main.ts", kernel: true },
  cluster: { file: "cluster/main.ts", kernel: true },
  cloud: { file: "cloud/main.ts", kernel: false, options: ["nodes", "pods", "parts"] },
  bgp: { file: "bgp/main.ts", kernel: true, options: ["prefixes", "sets", "contenders", "parts"] },
};

type Wanted = Readonly<Record<string, string | undefined>>;

async function main(args: string[]): Promise<number> {
  const names = new Set(["rounds", ...Object.values(SUITES).flatMap(({ options = [] }) => options)]);
  const options = Object.fromEntries([...names].map((name) => [name, { type: "string" } as const]));
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const unknown = positionals.filter((name) => SUITES[name] === undefined);
  if (unknown.length > 0) {
    console.error(`no suite ${unknown.join(", ")}; there are ${Object.keys(SUITES).join(", ")}`);
    return 2;
  }
  let failed = 0;
  for (const name of positionals.length > 0 ? positionals : Object.keys(SUITES)) {
    const suite = SUITES[name]!;
    if (suite.kernel && process.getuid?.() !== 0) {
      console.error(`\n${name}: left out, for it needs root`);
      continue;
    }
    console.log(`\n━━ ${name}`);
    failed = Math.max(failed, await run(suite, values));
  }
  return failed;
}

/** A signal goes on to the suite, which tidies up; then nothing else is started. */
async function run({ file, kernel, options = [] }: Suite, values: Wanted): Promise<number> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  // The engines ask how much memory their tables take.
  const node = ["--conditions=@netloom/source", "--expose-gc"];
  const taken = kernel ? ["rounds", ...options] : options;
  const wanted = taken.flatMap((name) => (values[name] === undefined ? [] : [`--${name}`, values[name]]));
  const child = spawn(process.execPath, [...node, path, ...wanted], { stdio: "inherit" });
  let interrupted = false;
  const forward = (signal: NodeJS.Signals): void => {
    interrupted = true;
    child.kill(signal);
  };
  process.on("SIGINT", forward).on("SIGTERM", forward);
  const [code] = (await once(child, "exit")) as [number | null];
  process.off("SIGINT", forward).off("SIGTERM", forward);
  if (interrupted) process.exit(130);
  return code ?? 1;
}

process.exitCode = await main(process.argv.slice(2));
