/** Timing and chance for the benchmarks of this folder. */

const ROUNDS = 7;

let state = 1;

/** Uniform below an integer up to 2^32, the same on every run (mulberry32). */
export function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
}

export const u32 = (): number => random(2 ** 32);
export const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
export const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

/** CPU nanoseconds for each of `count` operations: the best round. */
export function measure(count: number, run: () => void, rounds: number = ROUNDS): number {
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, ((user + system) * 1000) / count);
  }
  return best;
}

/** Megabytes of what `make` returns; needs `--expose-gc`. */
export function megabytes(make: () => unknown): string {
  if (globalThis.gc === undefined) return "-";
  const used = (): number => {
    for (let i = 0; i < 3; i++) globalThis.gc!(); // the memory of buffers goes one collection later
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  const kept = make();
  const after = used();
  return kept === undefined ? "-" : `${((after - before) / 1e6).toFixed(1)} MB`;
}

export function row(what: string, target: string, ours: string): void {
  console.log(`  ${what.padEnd(58)} ${target.padStart(16)} ${ours.padStart(16)}`);
}

export const ns = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ns`;
export const us = (value: number): string => `${(value / 1e3).toFixed(2)} us`;
export const ms = (value: number): string => `${(value / 1e6).toFixed(2)} ms`;
