import type { Outlet } from "./family-rib.ts";
import type { Source } from "./source.ts";
import type { Export } from "./export.ts";

/** What a peer is to be told of one family, and has been told. */
export interface AdjOut {
  /** Prefixes that wait to be looked at or sent; no fewer, perhaps more. */
  readonly pending: number;
  /** Of prefixes, those that the peer has. */
  readonly advertised: number;
  /** A large set of ours is coming: what waits for it is not all there is, and `onPending` is called when it has come. */
  readonly loading: boolean;
  /**
   * The next UPDATE to send, the caller's own; `undefined`: there is none. A call takes few milliseconds: where there is more
   * to look at first, it returns no bytes, and is to be called again.
   */
  next(): Uint8Array | undefined;
  /** All that the peer has is sent again: RFC 2918. */
  refresh(): void;
  /** Called when `pending` has become more than 0, or `loading` is over. Set by who sends. */
  onPending: () => void;
}

/** The same, as the RIB sees it. */
export interface PeerOut extends AdjOut, Outlet {
  readonly policy: Export;
  /** A source's index will mean another. */
  forget(source: Source): void;
  /** What the peer gets is decided by this from now on. */
  setExport(policy: Export): void;
  /** Of those that the peer has. Some may come and go meanwhile. */
  prefixes(): Iterable<number>;
  /**
   * Calls back with each path of a prefix that the peer has: the id of its attributes, and where it is from, `undefined`: from
   * where there is nothing any more.
   */
  paths(prefix: number, visit: (id: number, pathId: number, source: Source | undefined) => void): void;
  /** Why the session cannot carry the prefix with such attributes; `undefined`: it can. */
  uncarried(prefix: number, id: number): string | undefined;
  /** Attributes that the peer has; 0: it has not got the prefix. */
  sent(prefix: number): number;
  /** The session is over: nothing waits, and the peer has nothing. */
  close(): void;
}
