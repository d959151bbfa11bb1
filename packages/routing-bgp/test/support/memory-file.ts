import type { StateFile } from "../../src/restart-state.ts";

/** A file in memory, which counts how often it was written. */
export function memoryFile(initial?: string): StateFile & { text: string | undefined; writes: number } {
  return {
    text: initial,
    writes: 0,
    async read() {
      return this.text;
    },
    async write(text) {
      this.text = text;
      this.writes += 1;
    },
  };
}
