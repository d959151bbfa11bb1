import { createCluster, formatReport, shrink } from "@netloom/simulation";
import { describe, expect, it } from "vitest";
import { HISTORIC_BUGS } from "./bugs/index.ts";
import { standard } from "./support/standard.ts";

describe("mistakes that others made", () => {
  it.each(HISTORIC_BUGS)("$name: found", { timeout: 300_000 }, async ({ name, backends, more, seeds }) => {
    for (let seed = 0; seed < seeds; seed++) {
      const report = await createCluster(standard(seed, { backends, ...more })).run();
      if (report.violation === undefined) continue;
      const { invariant, message, step } = report.violation;
      console.log(`${name}: seed ${seed}, step ${step}, ${invariant}: ${message}`);
      return;
    }
    expect.fail(`${name}: not found in ${seeds} seeds`);
  });

  it("are all there is to find: without them nothing is", { timeout: 300_000 }, async () => {
    for (const { name, more } of HISTORIC_BUGS.filter(({ more }) => more !== undefined)) {
      for (let seed = 0; seed < 20; seed++) {
        const report = await createCluster(standard(seed, more)).run();
        expect(report.violation, `${name}: ${formatReport(report)}`).toBeUndefined();
      }
    }
  });

  it("are told with the least that brings them about", { timeout: 120_000 }, async () => {
    const { backends } = HISTORIC_BUGS.find(({ name }) => name.startsWith("leases forgotten"))!;
    for (let seed = 0; seed < 50; seed++) {
      const options = standard(seed, { backends });
      const report = await createCluster(options).run();
      if (report.violation === undefined) continue;
      const least = await shrink(options, report);
      expect(least.report.plan.length).toBeLessThan(12);
      expect(least.report.violation?.invariant).toBe(report.violation.invariant);
      const text = formatReport(least.report);
      expect(text).toContain(`seed ${seed}`);
      expect(text).toContain(`breaks ${report.violation.invariant}`);
      expect(text).toContain("what was done:\n  step ");
      return;
    }
    expect.fail("not found");
  });
});
