import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/** What a process has used since {@link startUsage}. */
export interface Usage {
  /** Seconds, of all its threads, in the kernel too. */
  readonly cpu: number;
  /** Megabytes: the most that was resident. */
  readonly peak: number;
}

/** @returns what to call at the end. */
export function startUsage(pid: number): () => Usage {
  // 5: the peak begins anew (proc(5)).
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  const before = cpuOf(pid);
  return () => ({ cpu: cpuOf(pid) - before, peak: memory(pid, "VmHWM") });
}

/** Megabytes that are resident now. */
export function residentOf(pid: number): number {
  return memory(pid, "VmRSS");
}

/** Seconds that all threads have run: the scheduler counts in nanoseconds, where stat(5) has ticks. */
export function cpuOf(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    } catch {
      // It has ended meanwhile.
    }
  }
  return sum / 1e9;
}

function memory(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)![1]) / 1024;
}
