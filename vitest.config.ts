import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const conditions = ["@netloom/source"];

const include = ["packages/*/test/**/*.test.ts", "examples/*/test/**/*.test.ts", "tools/test/**/*.test.ts"];
const kernel = include.map((pattern) => pattern.replace("*.test.ts", "*.kernel.test.ts"));

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  resolve: { conditions },
  test: {
    projects: [
      // What only computes shares the processors; what waits for packets has them for itself, one file at a time.
      { extends: true, test: { name: "pure", include, exclude: kernel, sequence: { groupOrder: 0 } } },
      {
        extends: true,
        test: { name: "kernel", include: kernel, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
    maxWorkers: availableParallelism(),
    reporters: ["default", "./tools/test-reporter.ts"],
    // Kernel tests change namespaces and wait for packets on shared, noisy machines.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // setns(2) is per thread and process-wide state matters: each file gets its own process.
    pool: "forks",
  },
});
