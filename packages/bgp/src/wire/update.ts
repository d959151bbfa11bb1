import type { PathAttributes } from "./attributes.ts";
import type { Family } from "./family.ts";
import type { NlriRun } from "./nlri.ts";

/** An attribute that was not as it should be, and what RFC 7606 has done about it. */
export interface AttributeFault {
  /** Its number; 0 where so little of it came that it has none. */
  readonly attribute: number;
  readonly action: "discard-attribute" | "treat-as-withdraw";
  /** For a log: what was wrong, and the section that says so. */
  readonly reason: string;
}

/** Prefixes that have become reachable, all with the same attributes. */
export interface Reach {
  readonly run: NlriRun;
  /**
   * Bytes that stand for the attributes: two runs of one session with equal keys have equal attributes. Borrowed: valid
   * until the next message is read.
   */
  readonly key: Uint8Array;
  /** Decodes them: asked only for a key that was not seen before, and before the next message is read. */
  readonly attributes: () => PathAttributes;
}

/** An UPDATE, read and checked (RFC 4271 section 4.3, RFC 4760, RFC 7606). */
export interface Update {
  /** Also what RFC 7606 treats as withdrawn. Applied before `reach`. */
  readonly withdrawn: readonly NlriRun[];
  readonly reach: readonly Reach[];
  /** RFC 4724 section 2. */
  readonly endOfRib: Family | undefined;
  readonly faults: readonly AttributeFault[];
}
