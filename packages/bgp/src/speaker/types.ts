import type { BgpError } from "../errors.ts";
import type { AttributeFault } from "../wire/update.ts";
import type { Family } from "../wire/family.ts";
import type { SpeakerConfig } from "../api/config.ts";
import type { LocalRoute } from "../api/local-route.ts";
import type { SessionMonitor } from "./monitor.ts";
import type { BestChange, PeerState, PeerStatus, RibRoute } from "../api/status.ts";

/** What a changed configuration does to whom, by the names of peers. */
export interface ConfigEffect {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Changed without anybody noticing but for routes that come or go. */
  readonly soft: readonly string[];
  /** The session has to be closed and opened again. */
  readonly reset: readonly { readonly peer: string; readonly because: string }[];
}

export interface SpeakerEvents {
  readonly "peer:changed": readonly [status: PeerStatus, before: PeerState, reason: BgpError | undefined];
  /** Learned routes only. */
  readonly "best:changed": readonly [changes: readonly BestChange[]];
  /** The peer has told all it has: after each start of a session, for each family. */
  readonly "rib:complete": readonly [peer: string, family: Family];
  readonly "update:malformed": readonly [peer: string, faults: readonly AttributeFault[]];
  readonly error: readonly [error: unknown];
}

/**
 * How the end of a speaker looks from outside:
 * - `preserve`: connections close without a word, so that peers with graceful restart keep the routes;
 * - `withdraw`: a Cease is sent (RFC 4486 subcode 2), past graceful restart's notification support (RFC 8538 section 3):
 *   routes go.
 */
export type CloseMode = "preserve" | "withdraw";

export interface StartOptions {
  /** This process takes the place of one whose routes the peers keep: sets the restart bit (RFC 4724 section 3). */
  readonly restarting?: boolean;
  /** End-of-RIB waits for it: everything of ours has been told. @defaultValue at once */
  readonly ready?: Promise<unknown>;
}

/** A BGP speaker: RFC 4271. */
export interface Speaker extends AsyncDisposable {
  start(options?: StartOptions): Promise<void>;
  /** What {@link apply} would do. @throws `ERR_BGP_CONFIG`. */
  plan(config: SpeakerConfig): ConfigEffect;
  /**
   * Calls of this, of {@link start} and of {@link close} take effect one after the other.
   *
   * @throws `ERR_BGP_CONFIG`, `ERR_BGP_TRANSPORT` where it cannot listen: nothing has changed. `ERR_BGP_CLOSED`.
   */
  apply(config: SpeakerConfig): Promise<ConfigEffect>;
  /**
   * A named set of our own prefixes becomes this; only what differs is sent. An empty set is gone. The first set by name
   * decides about a prefix that several have. The routes are read before it returns, and not kept: 100,000 take some 0.2 s;
   * what they change follows in slices where they are many.
   *
   * @throws `ERR_BGP_CONFIG`: nothing has changed.
   */
  advertise(set: string, routes: Iterable<LocalRoute>): void;
  /**
   * The same for very many routes: they are read in slices too, as they are made. Of calls for the same set, the last counts.
   *
   * @returns when they can be told, or the set has become something else meanwhile
   * @throws `ERR_BGP_CONFIG`, and what the iterable throws: nothing has changed.
   */
  load(set: string, routes: Iterable<LocalRoute>): Promise<void>;
  peers(): readonly PeerStatus[];
  /** Best routes, or all that one peer sent (`received`), or was sent (`advertised`). */
  routes(query?: {
    readonly peer: string;
    readonly direction: "received" | "advertised";
  }): Iterable<RibRoute>;
  /** Why a peer gets a prefix, or does not. */
  explain(peer: string, prefix: string): string;
  /** Asks the peer to send all again (RFC 2918), or sends it all again. */
  refresh(peer: string, direction: "in" | "out", family?: Family): void;
  /** Closes the session (RFC 4486 subcode 4) and opens it again. */
  reset(peer: string, message?: string): void;
  on<Name extends keyof SpeakerEvents>(
    event: Name,
    listener: (...parameters: SpeakerEvents[Name]) => void,
  ): () => void;
  /**
   * Hears of every session that is established, at once or later, and of what peers tell, as it came.
   *
   * @returns what ends it; may be called twice
   */
  monitor(monitor: SessionMonitor): () => void;
  close(mode?: CloseMode, message?: string): Promise<void>;
}
