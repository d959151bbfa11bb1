import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Of the repository. */
export const ROOT: string = fileURLToPath(new URL("../../..", import.meta.url));

/** A fenced block of a Markdown file. */
export interface Block {
  /** From the root of the repository. */
  readonly file: string;
  /** Of its first line of code, from 1. */
  readonly line: number;
  readonly code: string;
  /** Why it cannot stand on its own: what an HTML comment before it says, `<!-- fragment: … -->`. */
  readonly fragment: string | undefined;
}

export interface Heading {
  readonly level: number;
  readonly text: string;
  /** Up to the next heading of any level. */
  readonly body: string;
}

export function readText(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

/** Everything that is written for users: the README, those of the packages, docs/. */
export function markdownFiles(): string[] {
  const under = (directory: string): string[] =>
    readdirSync(join(ROOT, directory), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => `${directory}/${name}`);
  const packages = readdirSync(join(ROOT, "packages")).map((name) => `packages/${name}/README.md`);
  return ["README.md", ...under("docs").sort(), ...packages.sort()].filter((file) =>
    existsSync(join(ROOT, file)),
  );
}

/** The blocks of a language, in their order. */
export function blocksOf(file: string, language: string): Block[] {
  const blocks: Block[] = [];
  let open: { readonly line: number; readonly fragment: string | undefined } | undefined;
  let comment: string | undefined;
  let code: string[] = [];
  for (const [index, text] of readText(file).split("\n").entries()) {
    if (open !== undefined) {
      if (text.startsWith("```")) {
        blocks.push({ file, ...open, code: `${code.join("\n")}\n` });
        open = undefined;
      } else code.push(text);
    } else if (text === `\`\`\`${language}`) {
      open = { line: index + 2, fragment: comment };
      code = [];
    } else if (text !== "") comment = /^<!-- fragment: (.+) -->$/.exec(text)?.[1];
  }
  return blocks;
}

export function headingsOf(text: string): Heading[] {
  const bare = text.replaceAll(/^```.*?^```/gms, "");
  return bare.split(/^(?=#+ )/m).flatMap((section) => {
    const [, marks = "", title = "", body = ""] = /^(#+) (.*)\n?([^]*)$/.exec(section) ?? [];
    return marks === "" ? [] : [{ level: marks.length, text: title, body: body.trim() }];
  });
}

/** Targets of links, code left out. */
export function linksOf(text: string): string[] {
  const bare = text.replaceAll(/^```.*?^```/gms, "").replaceAll(/`[^`]*`/g, "");
  return [...bare.matchAll(/\]\(([^)]+)\)/g)].map(([, target = ""]) => target);
}

/** The anchor that GitHub gives a heading. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}
