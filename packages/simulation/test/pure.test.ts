import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("core and the backends reach for no time, no chance and no outside of their own", () => {
  const program = fileURLToPath(new URL("programs/pure.mjs", import.meta.url));
  const said = execFileSync(process.execPath, ["--conditions=@netloom/source", program], {
    encoding: "utf8",
  });
  expect(said).toBe("pure");
});
