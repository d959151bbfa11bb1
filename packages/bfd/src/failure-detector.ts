import type { Bfd } from "./types.ts";
import type { Intervals } from "./session.ts";

/** What `@netloom/bgp` asks of a failure detector; others may like it too. */
export interface FailureDetector {
  /** @returns what ends it. */
  watch(
    path: { readonly local: string; readonly remote: string; readonly interface: string | undefined },
    options: Partial<Intervals>,
    onChange: (state: "up" | "down") => void,
  ): Disposable;
}

/**
 * Tells only whether a path works: `up`, and `down` where it was up and fails. A peer that ends BFD by its
 * administrator's will says nothing about the path (RFC 5882 section 4.2), so nothing is told then.
 */
export function failureDetector(bfd: Bfd): FailureDetector {
  return {
    watch(path, options, onChange) {
      let told: "up" | "down" = "down";
      return bfd.watch({ ...path, ...options }, (state, _diagnostic, { remoteState }) => {
        const next = state === "up" ? "up" : "down";
        if (next === told) return;
        told = next;
        if (next === "up" || remoteState !== "admin-down") onChange(next);
      });
    },
  };
}
