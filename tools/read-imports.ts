import { globSync, readFileSync } from "node:fs";
import { parseSync, Visitor } from "oxc-parser";
import type { ImportingFile } from "./import-directions.ts";

const SOURCES = "{packages,examples,bench,tools}/**/*.{ts,mjs}";

/** Every source file of the repository in the current directory, with what it imports. */
export function readImports(): ImportingFile[] {
  const exclude = (path: string): boolean => /(^|\/)(node_modules|dist)$/.test(path);
  return globSync(SOURCES, { exclude }).map((file) => ({
    file,
    imports: importsOf(file, readFileSync(file, "utf8")),
  }));
}

/** The specifiers of a module, of types too, in any of the ways to write an import. */
export function importsOf(file: string, text: string): string[] {
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new SyntaxError(`${file}: ${errors[0]!.message}`);
  const found = new Set<string>();
  const add = ({ source }: { readonly source: unknown }): void => {
    const literal = source as { readonly type?: string; readonly value?: unknown } | null;
    if (literal?.type === "Literal" && typeof literal.value === "string") found.add(literal.value);
  };
  new Visitor({
    ImportDeclaration: add,
    ExportNamedDeclaration: add,
    ExportAllDeclaration: add,
    ImportExpression: add,
    TSImportType: add,
  }).visit(program);
  return [...found];
}
