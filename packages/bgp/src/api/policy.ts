import type { Origin } from "../wire/attributes.ts";

/**
 * What passes, and how it is changed on the way: the first statement that matches decides, and what none matches is
 * refused. Plain data.
 */
export interface Policy {
  readonly statements: readonly Statement[];
}

export interface Statement {
  /** All that is named must hold; nothing named: everything matches. */
  readonly match?: Match;
  readonly action: "accept" | "reject";
  /** Of accepted ones. */
  readonly set?: RouteChange;
}

export interface PrefixMatch {
  /** A prefix, and which lie in it: itself only, unless a length says more. */
  readonly prefix: string;
  readonly minLength?: number;
  readonly maxLength?: number;
}

export interface Match {
  readonly prefixes?: readonly PrefixMatch[];
  /** Has one of them: `65000:1`, `no-export`. */
  readonly communities?: readonly string[];
  readonly largeCommunities?: readonly string[];
  /** An AS number that the path has anywhere, that it begins with (the neighbour), or ends with (the origin). */
  readonly asPath?: {
    readonly contains?: number;
    readonly from?: number;
    readonly origin?: number;
    readonly maxLength?: number;
  };
  /** Routes of ours from one of these sets: exports only. */
  readonly sets?: readonly string[];
  /** Learned from one of these peers: exports only. */
  readonly peers?: readonly string[];
}

/** Changes to a route's attributes; what is not named stays. */
export interface RouteChange {
  readonly nextHop?: string;
  readonly localPref?: number;
  /** `null` removes it. */
  readonly med?: number | null;
  readonly origin?: Origin;
  /**
   * Our own AS number, so many times more, at most 64. Not when exported to internal peers: they take a path with their own
   * AS for a loop (RFC 4271 section 9.1.2), and so they do what was imported with it. @defaultValue 0
   */
  readonly prepend?: number;
  readonly addCommunities?: readonly string[];
  readonly removeCommunities?: readonly string[];
  readonly addLargeCommunities?: readonly string[];
  readonly removeLargeCommunities?: readonly string[];
}
