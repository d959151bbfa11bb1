import type { Runner } from "@netloom/conformance/store";

/** What became of a kit's checks, by their ids. */
export interface Record {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  /** Titles. */
  readonly skipped: readonly string[];
  /** What the failures said. */
  readonly messages: readonly string[];
}

/** Runs a kit's checks one after the other under a runner that writes down what becomes of them. */
export async function record(kit: (runner: Runner) => void): Promise<Record> {
  const tests: (readonly [string, () => Promise<void>])[] = [];
  const [passed, failed, skipped, messages] = [[], [], [], []] as [string[], string[], string[], string[]];
  const it = Object.assign(
    (title: string, body: () => Promise<void>) => {
      tests.push([title, body]);
    },
    { skip: (title: string) => skipped.push(title) },
  );
  kit({ describe: (_, body) => body(), it });
  for (const [title, body] of tests) {
    const id = idIn(title);
    try {
      await body();
      passed.push(id);
    } catch (error) {
      failed.push(id);
      messages.push(`${id}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { passed, failed, skipped, messages };
}

function idIn(title: string): string {
  const id = /\[([^\]]+)\]$/.exec(title)?.[1];
  if (id === undefined) throw new Error(`the title ${title} has no id`);
  return id;
}
