import { describe, expect, it } from "vitest";
import { explore } from "./explore.ts";
import type { Shape } from "./shapes.ts";

/** Schedules of two mishaps per cloud: `NETLOOM_CASES` says how many, `NETLOOM_SEED` which. */
const PAIRS = Number(process.env["NETLOOM_CASES"] ?? 150);
const SEED = Number(process.env["NETLOOM_SEED"] ?? 1);
const TIME = 60 * 60_000;

/** Registers the search of one cloud as a test, and prints how much was searched. */
export function search(shape: Shape): void {
  describe(`a cloud that is ${shape.name}`, () => {
    it(
      "leaks nothing, releases nothing in use and gives nothing to two, whatever befalls its processes",
      async () => {
        const began = performance.now();
        const { steps, single, double, findings } = await explore(shape, { pairs: PAIRS, seed: SEED });
        const seconds = ((performance.now() - began) / 1000).toFixed(1);
        console.log(
          `${shape.name}: ${single + double} schedules explored in ${seconds} s: each mishap at each of ${steps} steps (${single}), and ${double} of two mishaps`,
        );
        expect(findings).toEqual([]);
      },
      TIME,
    );
  });
}
