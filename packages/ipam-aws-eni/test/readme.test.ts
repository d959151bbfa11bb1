import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EC2_THROTTLES } from "@netloom/ipam-aws-eni";
import { expect, it } from "vitest";

const text = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");

interface Statement {
  readonly Action: string | readonly string[];
}

it("asks for the permissions of every request that is made, and no others", () => {
  const [, json = ""] = /```json\n([^]*?)```/.exec(text) ?? [];
  const policy = JSON.parse(json) as { readonly Statement: readonly Statement[] };
  const asked = policy.Statement.flatMap(({ Action }) => Action);
  // Tags in a request that creates something are a permission of their own.
  const made = [...EC2_THROTTLES.flatMap(({ actions }) => actions), "CreateTags"];
  expect(asked.toSorted()).toEqual(made.map((action) => `ec2:${action}`).toSorted());
});

it.each([
  ["aws-eni.ts", "AwsEniOptions"],
  ["options.ts", "AwsEniProviderOptions"],
  ["client.ts", "ClientOptions"],
])("has a row for each option in %s, %s", (file, name) => {
  const source = readFileSync(join(import.meta.dirname, "../src", file), "utf8");
  const [, body = ""] = new RegExp(`export interface ${name}[^{]*\\{\n([^]*?)^\\}`, "m").exec(source) ?? [];
  const options = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, option]) => option);
  const rows = [...text.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell = ""]) => [
    ...cell.matchAll(/`(\w+)`/g),
  ]);
  const told = new Set(rows.map(([, option]) => option));
  expect(options.length).toBeGreaterThan(0);
  expect(options.filter((option) => !told.has(option))).toEqual([]);
});
