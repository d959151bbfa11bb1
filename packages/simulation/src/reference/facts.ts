import type { Entry, Revision } from "@netloom/core";
import { KEYS } from "../store/keys.ts";
import type { Timeline } from "../store/timeline.ts";

/** A pod's binding, as it stands in the store. */
export interface PodFact {
  readonly key: string;
  readonly node: string;
  readonly name: string;
  readonly identity: number;
  readonly labels: readonly string[];
  readonly addresses: readonly string[];
  readonly state: "live" | "retired";
  readonly created: Revision;
  readonly revision: Revision;
}

export interface NodeRecord {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly podCIDRs: readonly string[];
  readonly routers: readonly string[];
}

/** The facts as the store has, or had, them: read by nobody's code but this. */
export class Facts {
  readonly #timeline: Timeline;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** @param at - as of this revision. @defaultValue now */
  pods(at?: Revision): readonly PodFact[] {
    return this.#timeline.list(KEYS.endpoints, at).map(toPod);
  }

  pod(key: string): PodFact | undefined {
    const entry = this.#timeline.get(key);
    return entry === undefined ? undefined : toPod(entry);
  }

  livePods(at?: Revision): readonly PodFact[] {
    return this.pods(at).filter(({ state }) => state === "live");
  }

  nodes(at?: Revision): readonly NodeRecord[] {
    return this.#timeline.list(KEYS.nodes, at).map(({ value }) => value as unknown as NodeRecord);
  }

  /** Since when a node is registered. */
  joined(node: string): Revision {
    return this.#timeline.get(`${KEYS.nodes}${node}`)?.created ?? Number.POSITIVE_INFINITY;
  }

  /** What a number stands for, or stood for last. */
  meaning(identity: number): readonly string[] | undefined {
    return this.#timeline
      .history(`${KEYS.identities}${identity}`)
      .map(labelsOf)
      .findLast((labels) => labels !== undefined);
  }

  /** As of a revision; `undefined` where it stood for nothing. */
  meaningAt(identity: number, at: Revision): readonly string[] | undefined {
    const entry = this.#timeline.get(`${KEYS.identities}${identity}`, at);
    return entry === undefined ? undefined : labelsOf(entry);
  }

  /** Every identity that one life of a pod has had. */
  identitiesOf(pod: PodFact): ReadonlySet<number> {
    return new Set(this.#timeline.history(pod.key).map((entry) => toPod(entry).identity));
  }
}

function toPod({ key, value, created, revision }: Entry): PodFact {
  return { ...(value as unknown as Omit<PodFact, "key" | "created" | "revision">), key, created, revision };
}

/** A number means something from its first use until it is retired. */
function labelsOf({ value }: Entry): readonly string[] | undefined {
  const { labels, settled, retired } = value as {
    readonly labels?: readonly string[];
    readonly settled?: number;
    readonly retired?: boolean;
  };
  return settled === 0 || retired === true ? undefined : labels;
}
