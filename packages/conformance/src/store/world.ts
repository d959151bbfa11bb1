import type { Change, ChangeBatch, Revision, Session, Store } from "@netloom/core";
import type { Check } from "../kit/check.ts";
import { within } from "../kit/wait.ts";

/** What goes wrong between a store and who calls it. */
export type StoreFault = "unavailable" | "ambiguous";

/** A store, and what can be done to it. */
export interface StoreWorld {
  readonly store: Store;
  /** Another client of the same data, or the same again. */
  readonly other: Store;
  /** All keys of this check begin with it. Ends in `/`. */
  readonly prefix: string;
  readonly patience: number;
  /** Of sessions, in milliseconds. */
  readonly ttl: number;
  readonly compact: ((store: Store) => Promise<void> | void) | undefined;
  readonly expire: ((store: Store, session: Session) => Promise<void> | void) | undefined;
  readonly fail: ((store: Store, fault: StoreFault) => void) | undefined;
}

export type StoreCheck = Check<StoreWorld>;

/** What a watch told, until `last` had been told. */
export async function told(
  { store, prefix, patience }: StoreWorld,
  from: Revision,
  last: (change: Change) => boolean,
  options: { readonly prefix?: string; readonly by?: Store } = {},
): Promise<readonly ChangeBatch[]> {
  const stop = new AbortController();
  const watch = (options.by ?? store).watch(options.prefix ?? prefix, { from, signal: stop.signal });
  const batches: ChangeBatch[] = [];
  const read = async (): Promise<void> => {
    for await (const batch of watch) {
      batches.push(batch);
      if (batch.changes.some(last)) return;
    }
    throw new Error("the watch ended before it told everything");
  };
  try {
    await within(patience, "a watch tells of every change", read());
  } finally {
    stop.abort();
  }
  return batches;
}

export function changesOf(batches: readonly ChangeBatch[]): readonly Change[] {
  return batches.flatMap(({ changes }) => changes);
}

export function keyOf(change: Change): string {
  return change.type === "put" ? change.entry.key : change.key;
}

export function revisionOf(change: Change): Revision {
  return change.type === "put" ? change.entry.revision : change.revision;
}

/** The change that made `key` what it is at `revision`. */
export function at(revision: Revision | undefined): (change: Change) => boolean {
  return (change) => revisionOf(change) === revision;
}
