import { indent } from "./code.ts";
import type { EnumShape } from "./shape.ts";

/** A constant object with a type of its values and a lookup by value; plain constants for an enum without a name. */
export function enumCode({ name, cName, values }: EnumShape): string[] {
  if (name === undefined) {
    return [...values.map((value) => `export const ${value.name} = ${literal(value.value)};`), ""];
  }
  const seen = new Set<number | bigint>();
  const unique = values.filter(({ value }) => !seen.has(value) && seen.add(value));
  const type = values.some(({ value }) => typeof value === "bigint") ? "bigint" : "number";
  return [
    `/** \`enum ${cName}\`. */`,
    `export const ${name} = {`,
    ...values.map((value) => indent(`${value.name}: ${literal(value.value)},`)),
    "} as const;",
    "",
    `export type ${name} = (typeof ${name})[keyof typeof ${name}];`,
    "",
    `/** The name of a value of {@link ${name}}; undefined for a number that has none. */`,
    `export function ${name.charAt(0).toLowerCase()}${name.slice(1)}Name(value: ${type}): keyof typeof ${name} | undefined {`,
    "  switch (value) {",
    ...unique.map(
      (value) => `    case ${literal(value.value)}:\n      return ${JSON.stringify(value.name)};`,
    ),
    "    default:",
    "      return undefined;",
    "  }",
    "}",
    "",
  ];
}

function literal(value: number | bigint): string {
  return typeof value === "bigint" ? `${value}n` : String(value);
}
