/**
 * The life of an endpoint, as data. There is one writer: whatever happens, in the API, a watcher or the builder,
 * is an event, and {@link transition} alone says what it means. That several changes are served by one build is
 * written in the table, not left to chance: a change during a build is a state of its own, so the result of that
 * build can never pass for current.
 */

/** What each state means. */
export const ENDPOINT_STATES = {
  "waiting-for-identity": {
    description: "It has addresses and labels, and no identity yet. Nothing of it is in the datapath.",
    initial: true,
    terminal: false,
  },
  restoring: {
    description:
      "Found in the datapath after a restart, which enforces what was last built. Its identity is being confirmed.",
    initial: true,
    terminal: false,
  },
  "waiting-to-regenerate": {
    description:
      "Something it depends on has changed since the last build, or nothing was built yet. A build is due.",
    initial: false,
    terminal: false,
  },
  regenerating: {
    description: "A build runs, and everything known is in it.",
    initial: false,
    terminal: false,
  },
  "regenerating-stale": {
    description: "A build runs, and something has changed since it began: another one is due after it.",
    initial: false,
    terminal: false,
  },
  ready: {
    description: "The datapath enforces what is wanted.",
    initial: false,
    terminal: false,
  },
  disconnecting: {
    description: "It is being taken out of the datapath; its addresses are retired after that.",
    initial: false,
    terminal: false,
  },
  disconnected: {
    description: "Nothing of it is left.",
    initial: false,
    terminal: true,
  },
  invalid: {
    description: "It was refused before anything of it was in the datapath.",
    initial: false,
    terminal: true,
  },
} as const satisfies Readonly<Record<string, EndpointStateInfo>>;

export interface EndpointStateInfo {
  readonly description: string;
  /** An endpoint may begin here. */
  readonly initial: boolean;
  /** Nothing leads out. */
  readonly terminal: boolean;
}

export type EndpointState = keyof typeof ENDPOINT_STATES;

/** What each event says has happened. */
export const ENDPOINT_EVENTS = {
  "identity:resolved": "The identity of its labels is known, for the first time or after a change of labels.",
  "endpoint:refused": "It cannot be served as it is: its labels or addresses are not acceptable.",
  "change:noticed": "Policy, services or anything else that its build depends on has changed.",
  "build:started": "The builder has taken everything known and begun.",
  "build:succeeded": "The datapath has what the build made.",
  "build:failed": "The datapath has what it had before. The builder decides when to try again.",
  "removal:requested": "It is to go.",
  "removal:finished": "The datapath has nothing of it any more.",
} as const satisfies Readonly<Record<string, string>>;

export type EndpointEvent = keyof typeof ENDPOINT_EVENTS;

type Row = Readonly<Partial<Record<EndpointEvent, EndpointState>>>;

/** From each state, where each event leads. An event that is not listed is refused; one that changes nothing is listed. */
export const ENDPOINT_TRANSITIONS: Readonly<Record<EndpointState, Row>> = {
  "waiting-for-identity": {
    "identity:resolved": "waiting-to-regenerate",
    "endpoint:refused": "invalid",
    "change:noticed": "waiting-for-identity", // the first build will see it
    "removal:requested": "disconnecting",
  },
  restoring: {
    "identity:resolved": "waiting-to-regenerate",
    "endpoint:refused": "disconnecting", // unlike a new one it has something to take down
    "change:noticed": "restoring",
    "removal:requested": "disconnecting",
  },
  "waiting-to-regenerate": {
    "identity:resolved": "waiting-to-regenerate",
    "change:noticed": "waiting-to-regenerate", // coalesced: the build that is due will see it
    "build:started": "regenerating",
    "removal:requested": "disconnecting",
  },
  regenerating: {
    "identity:resolved": "regenerating-stale",
    "change:noticed": "regenerating-stale",
    "build:succeeded": "ready",
    "build:failed": "waiting-to-regenerate",
    "removal:requested": "disconnecting",
  },
  "regenerating-stale": {
    "identity:resolved": "regenerating-stale",
    "change:noticed": "regenerating-stale", // coalesced: one more build serves all of them
    "build:succeeded": "waiting-to-regenerate",
    "build:failed": "waiting-to-regenerate",
    "removal:requested": "disconnecting",
  },
  ready: {
    "identity:resolved": "waiting-to-regenerate",
    "change:noticed": "waiting-to-regenerate",
    "removal:requested": "disconnecting",
  },
  disconnecting: {
    "identity:resolved": "disconnecting", // asked for before
    "change:noticed": "disconnecting",
    "build:succeeded": "disconnecting", // begun before; taking down comes after it
    "build:failed": "disconnecting",
    "removal:requested": "disconnecting",
    "removal:finished": "disconnected",
  },
  disconnected: {},
  invalid: {},
};

export type EndpointTransition =
  | { readonly accepted: true; readonly state: EndpointState }
  | { readonly accepted: false; readonly state: EndpointState; readonly reason: string };

/**
 * What `event` makes of `state`. Pure.
 *
 * @returns the next state, which may be the same; or a refusal with the unchanged state and a reason for people. A
 *   refused event is a bug of whoever sent it or a message that came late: log it, nothing else.
 */
export function transition(state: EndpointState, event: EndpointEvent): EndpointTransition {
  const next = ENDPOINT_TRANSITIONS[state][event];
  if (next !== undefined) return { accepted: true, state: next };
  const known = Object.keys(ENDPOINT_TRANSITIONS[state]).join(", ");
  const reason = `${event} means nothing to an endpoint that is ${state}; ${known === "" ? "it has ended" : `expected ${known}`}`;
  return { accepted: false, state, reason };
}
