import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";

/** Prints what is asked for of the SDK, in a process of its own. */
const PROGRAM = `
  import { registerHooks } from "node:module";
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier.startsWith("@aws-sdk/")) console.log(specifier);
      return next(specifier, context);
    },
  });
  const { awsEni, awsEniProvider } = await import("@netloom/ipam-aws-eni");
  awsEni({ cluster: "test" });
  const provider = awsEniProvider({ cluster: "test" });
  console.log("imported");
  const call = { signal: new AbortController().signal, intent: "", admit: async () => { throw new Error("enough"); } };
  await provider.readNode({ name: "node1", instance: "i-1" }, call).catch(() => {});
`;

it("loads the SDK when it is first used, and not before", async () => {
  const args = ["--conditions=@netloom/source", "--input-type=module", "--eval", PROGRAM];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname });
  expect(stdout.split("\n")[0]).toBe("imported");
  expect(stdout).toContain("@aws-sdk/client-ec2");
});
