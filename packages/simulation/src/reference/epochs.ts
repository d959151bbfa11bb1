import type { Change, NetworkPolicy, Revision } from "@netloom/core";
import { KEYS } from "../store/keys.ts";
import type { Timeline } from "../store/timeline.ts";
import { PolicyReference } from "./policy.ts";

interface Epoch {
  readonly from: Revision;
  readonly reference: PolicyReference;
}

/** Which policies there were, from when to when. */
export class PolicyEpochs {
  readonly #epochs: Epoch[] = [{ from: 0, reference: new PolicyReference([]) }];
  readonly #timeline: Timeline;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  changed(change: Change): void {
    const [key, from] =
      change.type === "put" ? [change.entry.key, change.entry.revision] : [change.key, change.revision];
    if (!key.startsWith(KEYS.policies)) return;
    const policies = this.#timeline.list(KEYS.policies).map(({ value }) => value as unknown as NetworkPolicy);
    this.#epochs.push({ from, reference: new PolicyReference(policies) });
  }

  at(revision: Revision): PolicyReference {
    return this.#epochs[this.#indexAt(revision)]!.reference;
  }

  /** Every set of policies that was in force at some time between two revisions. */
  between(first: Revision, last: Revision): readonly PolicyReference[] {
    return this.#epochs
      .slice(this.#indexAt(first), this.#indexAt(last) + 1)
      .map(({ reference }) => reference);
  }

  #indexAt(revision: Revision): number {
    let index = this.#epochs.length - 1;
    while (index > 0 && this.#epochs[index]!.from > revision) index--;
    return index;
  }
}
