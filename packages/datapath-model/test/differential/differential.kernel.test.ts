import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KernelSide } from "./kernel.ts";
import { ModelSide } from "./model.ts";
import { mustSkip } from "../../../datapath-ebpf/test/support/permitted.ts";
import { Duel, Paused } from "./play.ts";
import { generatedCase, type Case } from "./steps.ts";
import { smallest } from "./smallest.ts";
import { Tally } from "./tally.ts";

/** Sequences of packets; `NETLOOM_CASES` says how many, `NETLOOM_SEED` which. */
const CASES = Number(process.env["NETLOOM_CASES"] ?? 3000);
const SEED = Number(process.env["NETLOOM_SEED"] ?? 20_261_125);

describe.skipIf(mustSkip("the model beside the kernel"))("the model beside the kernel", () => {
  let kernel: KernelSide;
  let duel: Duel;
  const tally = new Tally();

  beforeAll(async () => {
    kernel = await KernelSide.open();
    duel = new Duel(kernel, await ModelSide.open(), tally);
  });
  afterAll(() => kernel?.[Symbol.asyncDispose]());

  it(`does the same with ${CASES} sequences of packets`, { timeout: 3_600_000 }, () => {
    const began = performance.now();
    const found = fc.check(fc.property(generatedCase, play), {
      numRuns: CASES,
      seed: SEED,
      interruptAfterTimeLimit: 3_000_000,
    });
    const difference = found.counterexample === null ? undefined : smallest(found.counterexample[0], play);
    expect(difference, "where they differ").toBeUndefined();
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${CASES} cases, ${tally.packets} packets, ${seconds} s, seed ${SEED}\n${tally.report()}`);
    expect(tally.packets).toBeGreaterThan(CASES);
  });

  /** Again where the machine stood still meanwhile. */
  function play(game: Case): void {
    for (let attempt = 0; ; attempt++) {
      try {
        duel.play(game);
        return;
      } catch (error) {
        if (!(error instanceof Paused) || attempt === 5) throw error;
      }
    }
  }
});
