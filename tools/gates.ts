import { spawn } from "node:child_process";
import { once } from "node:events";

/** Something that must hold before a change goes in. */
export interface Gate {
  readonly name: string;
  /** Resolves to what was found wrong: nothing, if all is well. */
  readonly run: () => Promise<Finding>;
}

/** `undefined`: all is well. A text: what is wrong. `skipped`: could not look, and why. */
export type Finding = string | undefined | { readonly skipped: string };

/** Runs every gate, prints a line for each in their order, and what was wrong below it. Returns how many failed. */
export async function runGates(gates: readonly Gate[]): Promise<number> {
  const runs = gates.map(({ name, run }) => ({ name, outcome: timed(run) }));
  const width = Math.max(...gates.map(({ name }) => name.length));
  let failed = 0;
  for (const { name, outcome } of runs) {
    const { finding, seconds } = await outcome;
    const line = (word: string): string => `${word.padEnd(7)} ${name.padEnd(width)} ${seconds.padStart(5)} s`;
    if (finding === undefined) console.log(line("ok"));
    else if (typeof finding === "object" && !process.env["CI"]) {
      console.log(`${line("SKIPPED")}   ${finding.skipped}`);
    } else {
      failed++;
      console.log(line("FAILED"));
      console.log(`\n${typeof finding === "object" ? finding.skipped : finding.trimEnd()}\n`);
    }
  }
  return failed;
}

async function timed(run: Gate["run"]): Promise<{ readonly finding: Finding; readonly seconds: string }> {
  const began = performance.now();
  const finding = await run().catch((error: unknown) =>
    error instanceof Error ? (error.stack ?? error.message) : String(error),
  );
  return { finding, seconds: ((performance.now() - began) / 1000).toFixed(1) };
}

/** A gate that is a command of node_modules: it holds where the command exits with 0. */
export function tool(name: string, ...args: readonly string[]): Gate["run"] {
  return () => node([`node_modules/.bin/${name}`, ...args]);
}

/** Runs this Node with `args`. */
export function node(args: readonly string[], cwd = "."): Promise<string | undefined> {
  return command(process.execPath, args, cwd);
}

/** Runs a command. Resolves to what it printed where it failed, else to `undefined`. */
export async function command(
  name: string,
  args: readonly string[],
  cwd: string,
): Promise<string | undefined> {
  const child = spawn(name, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [status] = (await once(child, "close")) as [number | null];
  return status === 0
    ? undefined
    : `${output}\n${[name, ...args].join(" ")} exited with ${status ?? "a signal"}`;
}
