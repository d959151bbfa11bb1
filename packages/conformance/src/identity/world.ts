import { LabelTable, type IdentityAllocator, type LabelSet, type Runtime, type Store } from "@netloom/core";
import type { Check } from "../kit/check.ts";

/** What one allocator of a cluster is made of. */
export interface IdentityContext {
  /** The cluster's: its allocators share it, and nothing else. */
  readonly store: Store;
  /** Whose references it holds. */
  readonly node: string;
  /** First and last number that it may give. */
  readonly range: { readonly first: number; readonly last: number };
  readonly runtime: Runtime;
}

/** A cluster without a node yet. */
export interface IdentityWorld {
  readonly store: Store;
  readonly range: IdentityContext["range"];
  readonly patience: number;
  /** An allocator of this node, started; by another store, as another cluster. */
  readonly join: (node: string, store?: Store) => Promise<IdentityAllocator>;
  /** Reclaims what nobody uses, as often as it takes. */
  readonly collect: () => Promise<void>;
}

export type IdentityCheck = Check<IdentityWorld>;

/** Each in a table of its own, as if it came from another process. */
export function labels(...texts: readonly string[]): LabelSet {
  return new LabelTable().fromStrings(texts);
}

/** The number-th of many sets. */
export function numbered(number: number): LabelSet {
  return labels("k8s:app=web", `k8s:number=${number}`);
}

export function sizeOf({ range }: IdentityWorld): number {
  return range.last - range.first + 1;
}
