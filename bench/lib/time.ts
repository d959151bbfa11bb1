import { spawnSync } from "node:child_process";

/** Of a piece of work, in nanoseconds. */
export interface Cost {
  /** Of all threads, and the kernel's work for them. */
  readonly cpu: number;
  readonly wall: number;
}

export function costOf(work: () => void): Cost {
  const [cpu, wall] = [process.cpuUsage(), process.hrtime.bigint()];
  work();
  const took = Number(process.hrtime.bigint() - wall);
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) * 1000, wall: took };
}

/** CPU nanoseconds for each of `count` operations. */
export function cpu(count: number, work: () => void): number {
  return costOf(work).cpu / count;
}

/**
 * Of a shell script and all it starts, without the start of the shell itself; and what it wrote. The shell counts in
 * milliseconds.
 */
export function costOfScript(script: string, input = ""): Cost & { readonly output: string } {
  const timed = `TIMEFORMAT='%3R %3U %3S'\ntime {\n${script}\n}`;
  const options = { input, encoding: "utf8", maxBuffer: 1 << 28 } as const;
  const { status, stdout, stderr, error } = spawnSync("bash", ["-e", "-c", timed], options);
  const line = stderr?.trim().split("\n").at(-1) ?? "";
  const [wall = Number.NaN, user = Number.NaN, system = Number.NaN] = line.split(" ").map(Number);
  if (status !== 0 || Number.isNaN(system))
    throw new Error(`the script failed: ${stderr ?? ""}`, { cause: error });
  return { cpu: (user + system) * 1e9, wall: wall * 1e9, output: stdout };
}
