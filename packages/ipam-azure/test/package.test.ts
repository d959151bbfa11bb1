import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AZURE_THROTTLES } from "@netloom/ipam-azure";
import { arm } from "@netloom/sim-cloud/http";
import { describe, expect, it } from "vitest";

const sources = join(import.meta.dirname, "../src");

describe("the package", () => {
  it("loads the SDK when it is used, and not before", () => {
    const imports = readdirSync(sources).flatMap((file) =>
      [...readFileSync(join(sources, file), "utf8").matchAll(/^import (?!type\b)[^;]*"(@azure[^"]*)"/gm)].map(
        ([, name]) => `${file}: ${name}`,
      ),
    );
    expect(imports).toEqual([]);
  });

  it("asks in its README for a role that may make every request there is", () => {
    const [, json = ""] =
      /```json\n([^]*?)```/.exec(readFileSync(join(sources, "../README.md"), "utf8")) ?? [];
    const { Actions } = JSON.parse(json) as { readonly Actions: readonly string[] };
    const needed = AZURE_THROTTLES.flatMap(({ actions }) => actions).map(arm.permission);
    expect(Actions).toEqual(expect.arrayContaining(needed));
  });
});
