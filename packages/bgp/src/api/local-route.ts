/** A prefix of ours, and what it is told with. */
export interface LocalRoute {
  readonly prefix: string;
  /** @defaultValue our address of the session */
  readonly nextHop?: string;
  readonly localPref?: number;
  readonly med?: number;
  /** `65000:1` or a well-known name, e.g. `no-export`. */
  readonly communities?: readonly string[];
  readonly largeCommunities?: readonly string[];
  /** Our AS number, so many times more. */
  readonly prepend?: number;
}
