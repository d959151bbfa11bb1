import type { LabelSet } from "../labels/index.ts";
import type { AbortOptions, Revision } from "./store.ts";

/** A set of labels, and the number that stands for it in every packet. */
export interface Identity {
  readonly id: number;
  readonly labels: LabelSet;
  /** The store as of which the whole cluster can know it: who sees no more than that finds the same number. */
  readonly revision: Revision;
}

/**
 * Turns label sets into numbers, one to one, cluster-wide. Counts references: a number that someone holds is
 * never given to another set.
 */
export interface IdentityAllocator extends AsyncDisposable {
  readonly name: string;
  start(options?: AbortOptions): Promise<void>;
  /**
   * Takes a reference on the number of `labels`, allocating one where there is none.
   * @throws `ERR_IDENTITY_EXHAUSTED`, retryable, where no number is free.
   */
  allocate(labels: LabelSet, options?: AbortOptions): Promise<Identity>;
  /**
   * Gives one of this allocator's references back. Releasing what it does not hold is no error, and changes nothing. Where
   * this rejects it is given back all the same, and not to be given back again: what could not be told to others is told
   * to them later.
   */
  release(identity: Identity, options?: AbortOptions): Promise<void>;
}
