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
  /**
   * Our AS number, so many times more than once, at most 64: towards external peers. Internal ones get an empty path, for one
   * with their own AS is a loop (RFC 4271 section 9.1.2). @defaultValue 0
   */
  readonly prepend?: number;
}
