import type { Collected, MapEntry } from "./collect.ts";
import type { CustomType } from "./options.ts";
import type { Shape } from "./shape.ts";

/** Types that need no import. */
const BUILTIN = /^(string|number|bigint|boolean|Uint8Array|unknown)$|\W/;

/** Import lines for the custom types that something refers to: an unused import would not pass a linter. */
export function importLines(collected: Collected): string[] {
  const modules = new Map<string, { readonly values: Set<string>; readonly types: Set<string> }>();
  for (const custom of customsOf(collected)) {
    const names = modules.get(custom.from) ?? { values: new Set<string>(), types: new Set<string>() };
    modules.set(custom.from, names);
    names.values.add(custom.encode).add(custom.decode);
    if (!BUILTIN.test(custom.type)) names.types.add(custom.type);
  }
  const lines: string[] = [];
  for (const [from, { values, types }] of [...modules].sort(([a], [b]) => (a < b ? -1 : 1))) {
    lines.push(`import { ${[...values].sort().join(", ")} } from ${JSON.stringify(from)};`);
    if (types.size > 0)
      lines.push(`import type { ${[...types].sort().join(", ")} } from ${JSON.stringify(from)};`);
  }
  return lines;
}

function customsOf({ resolver, maps, config, vars }: Collected): Set<CustomType> {
  const found = new Set<CustomType>();
  const visit = (shape: Shape): void => {
    if (shape.kind === "custom") found.add(shape.custom);
    else if (shape.kind === "array") visit(shape.element);
    else if (shape.kind === "inline") for (const field of shape.fields) visit(field.shape);
  };
  const visitMap = ({ key, value, inner }: MapEntry): void => {
    visit(key);
    visit(value);
    if (inner !== undefined) visitMap(inner);
  };
  for (const struct of resolver.structs.values()) for (const field of struct.fields) visit(field.shape);
  for (const map of maps.values()) visitMap(map);
  for (const variable of [...config.values(), ...vars.values()]) visit(variable.shape);
  return found;
}
