import { relative } from "node:path";
import type { Reporter, TestModule } from "vitest/node";

/** A check of a conformance kit that does not concern a backend, which has said so itself: no machine is to blame. */
const UNDECLARED = /\(skipped: the backend does not declare [^()]+\)$/;

/**
 * Prints the closing line that CI reads: `N passed, N failed`. In CI a skipped test has failed: a machine that cannot
 * run a test must not pass for one on which it holds.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0;
    let failed = errors.length;
    let undeclared = 0;
    const skipped: string[] = [];
    for (const module of modules) {
      if (module.state() === "failed" && module.errors().length > 0) failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed++;
        else if (state === "failed") failed++;
        else if (UNDECLARED.test(test.name)) undeclared++;
        else skipped.push(`${relative(process.cwd(), module.moduleId)} > ${test.fullName}`);
      }
    }
    const strict = Boolean(process.env["CI"]);
    if (strict) failed += skipped.length;
    // Everybody else who prints at the end has done so when the process exits.
    process.once("exit", () => {
      if (skipped.length > 0)
        console.log(`\n${skipped.length} skipped${strict ? ", which fails in CI" : ""}:`);
      for (const name of skipped) console.log(`  ${name}`);
      if (undeclared > 0)
        console.log(`\n${undeclared} checks of kits do not concern the backends they were put to`);
      console.log(`\n${passed} passed, ${failed} failed`);
      if (failed > 0) process.exitCode = 1;
    });
  }
}
