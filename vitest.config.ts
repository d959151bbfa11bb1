import { defineConfig } from "vitest/config";

const conditions = ["@netloom/source"];

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  resolve: { conditions },
  test: {
    include: ["packages/*/test/**/*.test.ts", "examples/*/test/**/*.test.ts", "tools/test/**/*.test.ts"],
    reporters: ["default", "./tools/test-reporter.ts"],
    // Kernel tests change namespaces and wait for packets on shared, noisy machines.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // setns(2) is per thread and process-wide state matters: each file gets its own process.
    pool: "forks",
  },
});
