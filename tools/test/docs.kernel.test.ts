import { whyNoLab } from "@netloom/lab";
import { describe, expect, it, onTestFinished } from "vitest";
import { Examples } from "./support/examples.ts";
import { blocksOf, type Block } from "./support/markdown.ts";

const skipped = whyNoLab("the examples of READMEs that need root") !== undefined;

describe.skipIf(skipped)("the example in the README", () => {
  it("of datapath-ebpf pings, denies, counts, and takes everything away", async () => {
    const [block] = blocksOf("packages/datapath-ebpf/README.md", "ts");
    const examples = new Examples();
    onTestFinished(() => examples[Symbol.dispose]());
    expect(await examples.run(block!)).toEqual({ code: 0, stdout: saidBy(block!), stderr: "" });
  });

  it("of bpf-loader loads, writes, runs and reads", async () => {
    // The first one attaches to eth0 and counts until it is interrupted.
    const [, block] = blocksOf("packages/bpf-loader/README.md", "ts");
    const examples = new Examples();
    onTestFinished(() => examples[Symbol.dispose]());
    expect(await examples.run(block!)).toEqual({ code: 0, stdout: saidBy(block!), stderr: "" });
  });
});

/** Behind each `console.log` stands what it prints. */
function saidBy({ code }: Block): string {
  return [...code.matchAll(/console\.log\(.*\); \/\/ (.+\n)/g)].map(([, text]) => text).join("");
}
