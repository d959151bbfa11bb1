import type { Change, ChangeBatch, Session } from "@netloom/core";

/** What a watch tells, each batch changed on its way. */
export async function* each(
  batches: AsyncIterable<ChangeBatch>,
  change: (batch: ChangeBatch) => ChangeBatch,
): AsyncGenerator<ChangeBatch, void, undefined> {
  for await (const batch of batches) yield change(batch);
}

export function revisionOf(change: Change): number {
  return change.type === "put" ? change.entry.revision : change.revision;
}

/** A session whose holder is told by `lost`. */
export function withLost(
  session: Session,
  lost: AbortController,
  closing = (): unknown => undefined,
): Session {
  return {
    id: session.id,
    lost: lost.signal,
    [Symbol.asyncDispose]: () => {
      closing();
      return session[Symbol.asyncDispose]();
    },
  };
}
