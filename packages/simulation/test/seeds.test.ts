import { createCluster, formatReport, shrink } from "@netloom/simulation";
import { describe, expect, it } from "vitest";
import { standard } from "./support/standard.ts";

const SEEDS = Number(process.env["NETLOOM_SEEDS"] ?? 1000);
const STEPS = Number(process.env["NETLOOM_STEPS"] ?? 1000);
const FIRST = Number(process.env["NETLOOM_FIRST_SEED"] ?? 0);

describe("a whole cluster under faults", () => {
  it(`breaks no law in ${SEEDS} seeds of ${STEPS} steps`, { timeout: SEEDS * STEPS + 60_000 }, async () => {
    const begun = process.cpuUsage();
    let steps = 0;
    let time = 0;
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const options = standard(seed, { steps: STEPS });
      const report = await createCluster(options).run();
      steps += report.steps;
      time += report.time;
      if (report.violation === undefined) continue;
      const least = await shrink(options, report);
      expect.fail(`${formatReport(least.report)}\n(the least of ${least.attempts} histories)`);
    }
    const { user, system } = process.cpuUsage(begun);
    const seconds = (user + system) / 1e6;
    console.log(
      `simulation: ${SEEDS} seeds, ${steps} steps, ${(time / 3_600_000).toFixed(1)} virtual hours, ` +
        `${seconds.toFixed(1)} s CPU, ${Math.round(steps / seconds)} steps/s, 0 violations`,
    );
    expect(steps).toBeGreaterThan(SEEDS * STEPS);
  });

  it("does the same again from the same seed, to the last step", async () => {
    for (let seed = 0; seed < 25; seed++) {
      const one = await createCluster(standard(seed, { steps: 600 })).run();
      const other = await createCluster(standard(seed, { steps: 600 })).run();
      expect(other.hash).toBe(one.hash);
      expect(other.steps).toBe(one.steps);
    }
  });

  it("does something else from another seed", async () => {
    const hashes = new Set<string>();
    for (let seed = 0; seed < 10; seed++)
      hashes.add((await createCluster(standard(seed, { steps: 300 })).run()).hash);
    expect(hashes.size).toBe(10);
  });

  it("comes right without faults, whatever people do", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const report = await createCluster(standard(seed, { faults: false, steps: 600 })).run();
      expect(report.violation, formatReport(report)).toBeUndefined();
      expect(report.errors.filter(({ process }) => process.startsWith("node"))).toEqual([]);
    }
  });

  it("holds with one operator, with one node, and with many nodes and operators", async () => {
    for (const [nodes, operators] of [
      [1, 1],
      [2, 3],
      [8, 3],
    ] as const) {
      for (let seed = 0; seed < 10; seed++) {
        const report = await createCluster(standard(seed, { nodes, operators, steps: 800 })).run();
        expect(report.violation, formatReport(report)).toBeUndefined();
      }
    }
  });
});
