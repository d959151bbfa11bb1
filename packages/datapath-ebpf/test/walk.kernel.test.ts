import { afterAll, describe, it } from "vitest";
import { KernelBenches } from "./support/kernel-bench.ts";
import { mustSkip } from "./support/permitted.ts";
import { dropLines } from "./walk/drop-lines.ts";
import { suites } from "./walk/index.ts";

describe.skipIf(mustSkip("the packet walk in the kernel"))("the packet walk in the kernel", () => {
  const benches = new KernelBenches();
  afterAll(() => benches[Symbol.asyncDispose]());

  for (const suite of [...suites, dropLines]) suite({ describe, it }, benches.create);
});
