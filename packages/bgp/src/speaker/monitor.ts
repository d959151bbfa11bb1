import type { Down } from "../session/handler.ts";
import type { Opens } from "../session/machine.ts";
import type { WireContext } from "../wire/context.ts";
import type { Family } from "../wire/family.ts";
import type { Update } from "../wire/update.ts";

/** A session from when it is established to its end. The same object throughout. */
export interface MonitoredSession {
  /** Name of the peer. */
  readonly peer: string;
  readonly local: { readonly address: string; readonly port: number };
  readonly remote: { readonly address: string; readonly port: number };
  readonly remoteAsn: number;
  readonly remoteRouterId: string;
  /** How its UPDATEs are to be read. */
  readonly context: WireContext;
  /** As they were on the wire. */
  readonly opens: Opens;
  /** Milliseconds since 1970. */
  readonly establishedAt: number;
  /** Paths that the peer has told, and of them those the import policy let in. */
  counts(family: Family): { readonly received: number; readonly accepted: number };
  /**
   * What the peer has told, before any policy, in UPDATEs as it could have sent them; some with each step, which is of one
   * moment: with what {@link SessionMonitor.update} brings between steps it adds up. Without what is left from before the
   * peer's restart.
   */
  replay(family: Family): Iterator<readonly Uint8Array[], void, undefined>;
}

/**
 * Hears all that peers say, in the middle of things: it must be quick. What it throws is reported as an `error` event of the
 * speaker.
 */
export interface SessionMonitor {
  up(session: MonitoredSession): void;
  /** A whole UPDATE as it came, and read. Both are borrowed during the call. */
  update(session: MonitoredSession, message: Uint8Array, update: Update): void;
  /** A whole UPDATE that never came: the peer has left out routes when it told all again (RFC 7313). */
  withdrawn(session: MonitoredSession, message: Uint8Array): void;
  /** Once for each `up`. */
  down(session: MonitoredSession, how: Down): void;
}

/** All monitors of a speaker. Costs nothing while there is none. */
export class Monitors {
  readonly #monitors = new Set<SessionMonitor>();
  readonly #report: (error: unknown) => void;

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  get any(): boolean {
    return this.#monitors.size > 0;
  }

  /** @param standing - sessions that it is told of at once */
  add(monitor: SessionMonitor, standing: Iterable<MonitoredSession>): () => void {
    this.#monitors.add(monitor);
    for (const session of standing) this.#guard(() => monitor.up(session));
    return () => void this.#monitors.delete(monitor);
  }

  up(session: MonitoredSession): void {
    for (const monitor of this.#monitors) this.#guard(() => monitor.up(session));
  }

  update(session: MonitoredSession, message: Uint8Array, update: Update): void {
    for (const monitor of this.#monitors) this.#guard(() => monitor.update(session, message, update));
  }

  withdrawn(session: MonitoredSession, message: Uint8Array): void {
    for (const monitor of this.#monitors) this.#guard(() => monitor.withdrawn(session, message));
  }

  down(session: MonitoredSession, how: Down): void {
    for (const monitor of this.#monitors) this.#guard(() => monitor.down(session, how));
  }

  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#report(error);
    }
  }
}
