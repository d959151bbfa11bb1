import type { Runtime, Store } from "@netloom/core";
import type { AdvertisedFacts } from "./advertise.ts";
import type { BgpNode } from "./resources/index.ts";

/** What the backend sees of the agent that it serves: plain values, asked for when something has changed. */
export interface BackendContext {
  readonly node: () => BgpNode;
  /** What the node could tell of. A pool or a service that has not changed is the same object as before. */
  readonly facts: () => AdvertisedFacts;
  /** Calls back whenever either is different. @returns what ends it */
  readonly onChange: (listener: () => void) => () => void;
  readonly store: Store;
  /** The backend's own part of the store: a key prefix that ends in `/`. */
  readonly prefix: string;
  readonly runtime: Runtime;
  /** What goes wrong in a loop does not vanish. */
  readonly report: (error: unknown) => void;
}
