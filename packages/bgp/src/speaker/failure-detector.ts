import type { FailureDetection } from "../api/config.ts";

export interface WatchedPath {
  readonly local: string;
  readonly remote: string;
  /** The device, where an address alone does not say. */
  readonly interface: string | undefined;
}

/** Watches the path to a peer faster than BGP's own timers do: BFD (RFC 5880), or something like it. */
export interface FailureDetector {
  /**
   * `down` is only told of a path that was `up` before.
   *
   * @returns what ends it
   */
  watch(path: WatchedPath, options: FailureDetection, onChange: (state: "up" | "down") => void): Disposable;
}
