import type { Revision } from "@netloom/core";

/** What one call did to one key, as its caller saw it. */
export interface Operation {
  readonly began: number;
  readonly ended: number;
  readonly effect: Effect;
}

/**
 * `put` and `gone` changed the key at a revision, from the revision that was there before (0: nothing). `saw` changed
 * nothing: the key was in one of the states it may have seen.
 */
export type Effect =
  | { readonly type: "put" | "gone"; readonly revision: Revision; readonly from: Revision | undefined }
  | { readonly type: "saw"; readonly may: (state: Revision) => boolean; readonly what: string };

/**
 * Why no single order of these calls explains what each saw; `undefined` where one does.
 *
 * Revisions say in which order the changes happened, so there is no need to search: the states of the key are known, and
 * each call that saw one belongs to the earliest that is not before what had ended when it began.
 */
export function unexplained(operations: readonly Operation[]): string | undefined {
  const changes = operations
    .map(({ effect }) => effect)
    .filter((effect) => effect.type !== "saw")
    .toSorted((a, b) => a.revision - b.revision);
  /** The key after each change: its revision, 0 where it is gone. */
  const states = [0, ...changes.map(({ type, revision }) => (type === "put" ? revision : 0))];
  for (const [index, { revision, from }] of changes.entries()) {
    if (changes[index + 1]?.revision === revision) return `two changes have revision ${revision}`;
    if (from !== undefined && states[index] !== from)
      return `the change at ${revision} was of ${from}, and there was ${states[index]}`;
  }
  const placed: { readonly ended: number; readonly index: number }[] = [];
  for (const { began, ended, effect } of operations.toSorted((a, b) => a.began - b.began)) {
    const least = Math.max(0, ...placed.filter((other) => other.ended < began).map(({ index }) => index));
    if (effect.type === "saw") {
      const index = states.findIndex((state, at) => at >= least && effect.may(state));
      if (index < 0) return `${effect.what}, after the key had become ${states[least]}`;
      placed.push({ ended, index });
    } else {
      const index = 1 + changes.indexOf(effect);
      if (index <= least) return `the change at ${effect.revision} began after what came later had ended`;
      placed.push({ ended, index });
    }
  }
  return undefined;
}
