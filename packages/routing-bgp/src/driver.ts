import type {
  CloseMode,
  ConfigEffect,
  Family,
  LocalRoute,
  PeerState,
  PeerStatus,
  RibRoute,
  SpeakerConfig,
} from "@netloom/bgp";
import type { Emits } from "@netloom/core";
import type { KernelTableOptions } from "./sys/kernel-table.ts";

/** All that a speaker should be. Plain data. */
export interface SpeakerSettings {
  readonly config: SpeakerConfig;
  /** Where learned routes go; `false`: nowhere. Where that changes, they move. */
  readonly install: Pick<KernelTableOptions, "table" | "metric"> | false;
}

/** Sets of our own routes by name: see `Speaker.advertise`. */
export type RouteSets = ReadonlyMap<string, readonly LocalRoute[]>;

export interface RoutesQuery {
  readonly peer: string;
  readonly direction: "received" | "advertised";
}

/** An error as it passes between processes. */
export interface ErrorReport {
  readonly code: string | undefined;
  readonly message: string;
}

export interface DriverEvents {
  readonly "peer:changed": readonly [status: PeerStatus, before: PeerState, reason: ErrorReport | undefined];
  readonly "rib:complete": readonly [peer: string, family: Family];
  readonly error: readonly [error: unknown];
}

/** One speaker, wherever it runs. */
export interface SpeakerDriver {
  readonly events: Emits<DriverEvents>;
  /**
   * The speaker is to be so: it is started where it does not run. Resolves to what that did to its peers; `undefined`:
   * it has just been started.
   * @throws `ERR_BGP_CONFIG`: nothing has changed.
   */
  configure(settings: SpeakerSettings): Promise<ConfigEffect | undefined>;
  /** All that is advertised from now on; only differences are told. The first call lets End-of-RIB go out. */
  advertise(sets: RouteSets): Promise<void>;
  peers(): Promise<readonly PeerStatus[]>;
  /** Best routes, or all that one peer sent or was sent. */
  routes(query?: RoutesQuery): AsyncIterable<RibRoute>;
  explain(peer: string, prefix: string): Promise<string>;
  refresh(peer: string, direction: "in" | "out", family?: Family): Promise<void>;
  reset(peer: string, message?: string): Promise<void>;
  /** Ends the speaker, also one of another process. */
  close(mode: CloseMode, message?: string): Promise<void>;
  /**
   * Ends the speaker as `withdraw` does, if one runs, and removes what it or an earlier one has left where learned routes
   * go. Needs no settings before.
   * @throws what the kernel refuses to remove.
   */
  uninstall(install: SpeakerSettings["install"]): Promise<void>;
  /** Lets go of it: one of another process goes on, one of this process ends as if by `preserve`. */
  release(): Promise<void>;
}

export function reportOf(error: unknown): ErrorReport {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return {
    code: typeof code === "string" ? code : undefined,
    message: error instanceof Error ? error.message : String(error),
  };
}
