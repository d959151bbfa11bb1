import { describe, expect, it } from "vitest";
import type { PeerState } from "../../src/api/status.ts";
import { TABLE, type FsmAction, type FsmEventKind } from "../../src/session/fsm.ts";

/**
 * RFC 4271 section 8.2.2, said again: events by their numbers in section 8.1 (29: RFC 9687, R: ROUTE-REFRESH; U: nobody to
 * call), the next state, what is done. A line for `other` stands for the events that the state does not name.
 */
const RFC = `
Idle
  1      Connect      clear-retries, arm connect-retry, connect
  3      Connect      arm connect-retry, connect
  4      Active       clear-retries, arm connect-retry
  5      Active       arm connect-retry
  other  Idle
Connect
  1,3,4,5 Connect
  U      Idle         disarm connect-retry, clear-retries, restart
  2      Idle         drop, clear-retries, disarm connect-retry
  9      Connect      drop, arm connect-retry, connect
  16,17  OpenSent     disarm connect-retry, send-open, arm large hold
  other  Idle         disarm connect-retry, drop, count-retry, restart
Active
  1,3,4,5 Active
  2      Idle         drop, clear-retries, disarm connect-retry
  9      Connect      arm connect-retry, connect
  16,17  OpenSent     disarm connect-retry, send-open, arm large hold
  other  Idle         disarm connect-retry, drop, count-retry, restart
OpenSent
  1,3,4,5 OpenSent
  2      Idle         notify, drop, clear-retries, disarm connect-retry
  8      Idle         disarm connect-retry, notify, drop, count-retry, restart
  10     Idle         disarm connect-retry, notify 4/0, drop, count-retry, restart
  29     Idle         disarm connect-retry, notify 8/0, drop, count-retry, restart
  18     Active       drop, arm connect-retry, disarm hold
  19     OpenConfirm  disarm connect-retry, send-keepalive, arm keepalive, arm hold
  21,22  Idle         disarm connect-retry, notify, drop, count-retry, restart
  23     Idle         disarm connect-retry, notify 6/7, drop, count-retry, restart
  24     Idle         disarm connect-retry, drop, restart
  25     Idle         disarm connect-retry, drop, count-retry, restart
  other  Idle         disarm connect-retry, notify 5/1, drop, count-retry, restart
OpenConfirm
  1,3,4,5 OpenConfirm
  2      Idle         notify, drop, clear-retries, disarm connect-retry
  8      Idle         disarm connect-retry, notify, drop, count-retry, restart
  10     Idle         disarm connect-retry, notify 4/0, drop, count-retry, restart
  29     Idle         disarm connect-retry, notify 8/0, drop, count-retry, restart
  11     OpenConfirm  send-keepalive, arm keepalive
  18,25  Idle         disarm connect-retry, drop, count-retry, restart
  24     Idle         disarm connect-retry, drop, restart
  21     Idle         disarm connect-retry, notify, drop, count-retry, restart
  23     Idle         disarm connect-retry, notify 6/7, drop, count-retry, restart
  26     Established  arm hold, arm send-hold
  other  Idle         disarm connect-retry, notify 5/2, drop, count-retry, restart
Established
  1,3,4,5 Established
  2      Idle         notify, drop, clear-retries, disarm connect-retry
  8      Idle         disarm connect-retry, notify, drop, count-retry, restart
  10     Idle         disarm connect-retry, notify 4/0, drop, count-retry, restart
  29     Idle         disarm connect-retry, notify 8/0, drop, count-retry, restart
  11     Established  send-keepalive, arm keepalive
  18,25  Idle         disarm connect-retry, drop, count-retry, restart
  24     Idle         disarm connect-retry, drop, restart
  21,28  Idle         disarm connect-retry, notify, drop, count-retry, restart
  23     Idle         disarm connect-retry, notify 6/7, drop, count-retry, restart
  26     Established  arm hold
  27,R   Established  deliver, arm hold
  other  Idle         disarm connect-retry, notify 5/3, drop, count-retry, restart
`;

const EVENTS: Readonly<Record<string, FsmEventKind>> = {
  1: "manual-start",
  2: "manual-stop",
  3: "automatic-start",
  4: "manual-start-passive",
  5: "automatic-start-passive",
  8: "automatic-stop",
  9: "connect-retry-expires",
  10: "hold-expires",
  11: "keepalive-expires",
  16: "tcp-acked",
  17: "tcp-confirmed",
  18: "tcp-fails",
  19: "open",
  21: "header-error",
  22: "open-error",
  23: "collision-dump",
  24: "notification-version-error",
  25: "notification",
  26: "keepalive",
  27: "update",
  28: "update-error",
  29: "send-hold-expires",
  R: "route-refresh",
  U: "peer-unknown",
};

const STATES: Readonly<Record<string, PeerState>> = {
  Idle: "idle",
  Connect: "connect",
  Active: "active",
  OpenSent: "open-sent",
  OpenConfirm: "open-confirm",
  Established: "established",
};

function words(action: FsmAction): string {
  switch (action.do) {
    case "arm":
      return `arm ${action.large === true ? "large " : ""}${action.timer}`;
    case "disarm":
      return `disarm ${action.timer}`;
    case "notify":
      return action.notification === "of-event"
        ? "notify"
        : `notify ${action.notification.code}/${action.notification.subcode}`;
    default:
      return action.do;
  }
}

interface Line {
  readonly state: string;
  readonly event: string;
  readonly next: string;
  readonly actions: string;
}

function lines(): Line[] {
  const all: Line[] = [];
  for (const block of RFC.trim().split(/\n(?=\S)/)) {
    const [state = "", ...rows] = block.split("\n");
    const named = new Map<string, { next: string; actions: string }>();
    for (const row of rows) {
      const [events = "", next = "", ...actions] = row.trim().split(/\s+/);
      for (const event of events.split(",")) named.set(event, { next, actions: actions.join(" ") });
    }
    for (const event of Object.keys(EVENTS)) {
      const found = named.get(event) ?? named.get("other");
      if (found !== undefined) all.push({ state, event, ...found });
    }
  }
  return all;
}

describe("the state machine", () => {
  it.each(lines())("in $state, on event $event, is as RFC 4271 says", ({ state, event, next, actions }) => {
    const transition = TABLE[STATES[state] ?? "idle"][EVENTS[event] ?? "open"];
    expect(transition.to).toBe(STATES[next]);
    expect(transition.actions.map(words).join(", ")).toBe(actions);
  });

  it("has an answer to every event in every state", () => {
    expect(lines()).toHaveLength(6 * 24);
    for (const row of Object.values(TABLE))
      expect(Object.keys(row).sort()).toEqual(Object.values(EVENTS).sort());
  });

  it("sends nothing where there is no connection, and nothing in answer to a NOTIFICATION", () => {
    const notifies = (state: PeerState, event: FsmEventKind): boolean =>
      TABLE[state][event].actions.some((action) => action.do === "notify");
    for (const event of Object.values(EVENTS))
      for (const state of ["idle", "connect", "active"] as const) expect(notifies(state, event)).toBe(false);
    for (const state of Object.values(STATES)) {
      expect(notifies(state, "notification")).toBe(false);
      expect(notifies(state, "notification-version-error")).toBe(false);
    }
  });
});
