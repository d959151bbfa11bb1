import { isNetloomError, messageOf, type Agent, type AgentStatus } from "@netloom/core";

/** Something went wrong in one of the agent's loops; the loop went on. */
export interface Incident {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly code: string | undefined;
  readonly message: string;
}

export interface Health extends Pick<AgentStatus, "lifecycle" | "revision"> {
  readonly healthy: boolean;
  /** Of late, the last one last. */
  readonly errors: readonly Incident[];
}

/** How long an incident counts, in milliseconds. */
const LATELY = 60_000;
const KEPT = 20;

/**
 * Not every error is an illness: an agent without its store goes on enforcing what it knows. It is unwell where it does
 * not run, or where it knows more than it enforces and errors say that this is no matter of moments.
 */
export function healthOf(status: AgentStatus, incidents: readonly Incident[], now: number): Health {
  const { lifecycle, revision } = status;
  const errors = incidents.filter(({ time }) => now - time < LATELY);
  const stuck = revision.applied < revision.seen && errors.length > 0;
  return { healthy: lifecycle === "running" && !stuck, lifecycle, revision, errors };
}

/** Remembers the last few errors of an agent. */
export class Incidents {
  #list: readonly Incident[] = [];

  constructor(events: Agent["events"]) {
    events.on("error", (error) => {
      const code = isNetloomError(error) ? error.code : undefined;
      this.#list = [...this.#list, { time: Date.now(), code, message: messageOf(error) }].slice(-KEPT);
    });
  }

  get list(): readonly Incident[] {
    return this.#list;
  }
}
