import { describe, it } from "vitest";
import { suites } from "../../datapath-ebpf/test/walk/index.ts";
import { ModelBench } from "./model-bench.ts";

/** The very walks that the kernel's programs are held to. */
describe("the packet walk in the model", () => {
  for (const suite of suites) suite({ describe, it }, (options) => ModelBench.open(options));
});
