import { isNetloomError } from "../errors.ts";
import type { Runtime } from "../ports/runtime.ts";
import type { ChangeBatch, Listing, Store } from "../ports/store.ts";
import { Backoff } from "../time/backoff.ts";

export interface FollowOptions {
  readonly store: Store;
  readonly prefix: string;
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
  readonly onList: (listing: Listing) => void | Promise<void>;
  readonly onBatch: (batch: ChangeBatch) => void | Promise<void>;
  /** Losing the store stops changes, not traffic: told, and tried again. */
  readonly onError: (error: unknown) => void;
}

/**
 * Lists a prefix and follows it from there, for ever: through lost connections, and with a new list where the store has
 * forgotten the past. Resolves when aborted.
 */
export async function follow(options: FollowOptions): Promise<void> {
  const { store, prefix, runtime, signal } = options;
  const backoff = new Backoff(runtime);
  let from: number | undefined;
  while (!signal.aborted) {
    try {
      if (from === undefined) {
        const listing = await store.list(prefix, { signal });
        await options.onList(listing);
        from = listing.revision;
      }
      for await (const batch of store.watch(prefix, { from, signal })) {
        await options.onBatch(batch);
        from = batch.revision;
        backoff.reset();
      }
      if (!signal.aborted) await backoff.wait(signal);
    } catch (error) {
      if (signal.aborted) return;
      if (isNetloomError(error, "ERR_STORE_COMPACTED")) from = undefined;
      else options.onError(error);
      await backoff.wait(signal).catch(() => undefined);
    }
  }
}
