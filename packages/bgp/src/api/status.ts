import type { Notification } from "../errors.ts";
import type { PathAttributes } from "../wire/attributes.ts";
import type { Family } from "../wire/family.ts";

/** RFC 4271 section 8.2.2. */
export type PeerState = "idle" | "connect" | "active" | "open-sent" | "open-confirm" | "established";

/** A peer, at one moment. Plain data. */
export interface PeerStatus {
  readonly name: string;
  readonly remoteAddress: string;
  readonly remoteAsn: number | undefined;
  readonly remoteRouterId: string | undefined;
  readonly localAddress: string | undefined;
  readonly state: PeerState;
  /** Milliseconds since 1970, of the last time it became established. */
  readonly establishedAt: number | undefined;
  /** Times it was. */
  readonly established: number;
  /** Seconds, agreed on. */
  readonly holdTime: number | undefined;
  readonly keepalive: number | undefined;
  readonly families: readonly FamilyStatus[];
  /** Names of the capabilities that both have, e.g. `graceful-restart`. */
  readonly capabilities: readonly string[];
  readonly messages: { readonly received: number; readonly sent: number };
  /** Why it last went down. */
  readonly lastError:
    | { readonly message: string; readonly notification?: Notification; readonly at: number }
    | undefined;
}

export interface FamilyStatus {
  readonly family: Family;
  /** Prefixes that the peer has sent, and of them those the import policy let in. */
  readonly received: number;
  readonly accepted: number;
  readonly advertised: number;
  /** Of `received`, those kept from before its restart. */
  readonly stale: number;
  readonly endOfRib: boolean;
}

/** A route, for people and for whoever installs it. */
export interface RibRoute {
  readonly family: Family;
  readonly prefix: string;
  /** A name, or `undefined` for our own. */
  readonly peer: string | undefined;
  /** RFC 7911; 0: it has none. */
  readonly pathId: number;
  readonly attributes: PathAttributes;
  readonly best: boolean;
  readonly stale: boolean;
}

/**
 * The best route of a prefix is another one now, or (`undefined`) there is none. A route that goes stale is no other, nor is
 * one that the same peer tells with the same attributes under another path identifier.
 */
export interface BestChange {
  readonly family: Family;
  readonly prefix: string;
  readonly route: RibRoute | undefined;
}
