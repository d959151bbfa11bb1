import type { DropReason } from "@netloom/core/backend";

/** What a tcx program returns (`include/uapi/linux/bpf.h`). */
export const TcxVerdict = { NEXT: -1, PASS: 0, DROP: 2, REDIRECT: 7 } as const;

/** Where a packet goes from here. */
export type Verdict =
  /** `next`: nothing to say about it; `pass`: on its way; `drop`. */
  | { readonly kind: "next" | "pass" | "drop" }
  /** Into the pod behind a device; out of a device; out of a device to the next hop that the node's routes name. */
  | { readonly kind: "peer" | "device"; readonly ifindex: number }
  | { readonly kind: "neighbour"; readonly ifindex: number; readonly nextHop?: number };

export const NOT_OURS: Verdict = { kind: "next" };
export const ACCEPT: Verdict = { kind: "pass" };
export const DISCARD: Verdict = { kind: "drop" };

/** The number that the kernel's program would have returned. */
export function verdictNumber({ kind }: Verdict): number {
  switch (kind) {
    case "next":
      return TcxVerdict.NEXT;
    case "pass":
      return TcxVerdict.PASS;
    case "drop":
      return TcxVerdict.DROP;
    default:
      return TcxVerdict.REDIRECT;
  }
}

/**
 * Ends a walk: thrown where it is decided, caught where the program began. No error, but what becomes of every other
 * packet: it takes no stack along.
 */
export class Drop {
  readonly reason: DropReason;
  /** What pods send by themselves and nobody should be told of: counted, no event. */
  readonly silent: boolean;

  constructor(reason: DropReason, { silent = false }: { readonly silent?: boolean } = {}) {
    this.reason = reason;
    this.silent = silent;
  }
}
