import type { PolicyKey } from "@netloom/core/backend";
import type { Change, Revision } from "@netloom/core";
import type { Machine } from "../node/machine.ts";

/** What was broken, when, and how one sees it. */
export interface Violation {
  readonly invariant: string;
  readonly message: string;
  readonly step: number;
  /** Virtual milliseconds. */
  readonly time: number;
}

/**
 * A law of the cluster. Each hook is called when something that the law is about has happened, the instant it has; what a
 * hook returns is what is wrong.
 */
export interface Check {
  readonly name: string;
  /** The store has changed. */
  onChange?(change: Change): string | undefined;
  /** A datapath's table has changed: packets may pass from now on. */
  onEndpoint?(machine: Machine, address: string): string | undefined;
  onAddress?(machine: Machine, address: string): string | undefined;
  onPrefix?(machine: Machine): string | undefined;
  onPolicy?(machine: Machine, key: PolicyKey): string | undefined;
  /** An agent says that its datapath has everything up to here. */
  onApplied?(machine: Machine, before: Revision, revision: Revision): string | undefined;
  /** Somebody was told that every node has. */
  onSettled?(revision: Revision): string | undefined;
  /** A process of this machine has just done something. */
  onStep?(machine: Machine): string | undefined;
  /** Must come true some time after the last fault; asked again until it does. */
  eventually?(): string | undefined;
}
