import type { Reporter, TestModule } from "vitest/node";

/** Prints the one closing line that CI reads: `N passed, N failed`. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0;
    let failed = errors.length;
    let skipped = 0;
    for (const module of modules) {
      if (module.state() === "failed" && module.errors().length > 0) failed++;
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        if (state === "passed") passed++;
        else if (state === "failed") failed++;
        else skipped++;
      }
    }
    const tail = skipped > 0 ? `, ${skipped} skipped` : "";
    // After vitest's own summary, which is printed in the same tick.
    process.once("beforeExit", () => {});
    setImmediate(() => console.log(`\n${passed} passed, ${failed} failed${tail}`));
  }
}
