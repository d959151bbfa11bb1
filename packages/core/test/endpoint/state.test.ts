import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  ENDPOINT_EVENTS,
  ENDPOINT_STATES,
  ENDPOINT_TRANSITIONS,
  type EndpointEvent,
  type EndpointState,
  transition,
} from "../../src/endpoint/state.ts";

const states = Object.keys(ENDPOINT_STATES) as EndpointState[];
const events = Object.keys(ENDPOINT_EVENTS) as EndpointEvent[];
const initial = states.filter((state) => ENDPOINT_STATES[state].initial);
const terminal = states.filter((state) => ENDPOINT_STATES[state].terminal);

function reachableFrom(start: readonly EndpointState[]): Set<EndpointState> {
  const seen = new Set(start);
  for (const state of seen) for (const next of Object.values(ENDPOINT_TRANSITIONS[state])) seen.add(next);
  return seen;
}

const history = fc.tuple(
  fc.constantFrom(...initial),
  fc.array(fc.constantFrom(...events), { maxLength: 40, size: "max" }),
);

describe("the endpoint state machine", () => {
  it("reaches every state from the initial ones, and an end from every state", () => {
    expect(reachableFrom(initial)).toEqual(new Set(states));
    for (const state of states) expect(terminal.some((end) => reachableFrom([state]).has(end))).toBe(true);
  });

  it("never leaves a terminal state, and every other has a way out", () => {
    for (const state of states) {
      const leaves = Object.values(ENDPOINT_TRANSITIONS[state]).some((next) => next !== state);
      expect(leaves).toBe(!ENDPOINT_STATES[state].terminal);
      expect(Object.keys(ENDPOINT_TRANSITIONS[state]).length > 0).toBe(!ENDPOINT_STATES[state].terminal);
    }
  });

  it("can be asked to remove an endpoint at any time before its end, again and again", () => {
    for (const state of states) {
      expect(transition(state, "removal:requested").accepted).toBe(!ENDPOINT_STATES[state].terminal);
    }
  });

  it("never loses a change: after one, ready is reached only by a build that began later", () => {
    fc.assert(
      fc.property(history, ([first, list]) => {
        let state: EndpointState = first;
        let built = false; // by a build that began after the last change
        let building = false;
        for (const event of list) {
          const result = transition(state, event);
          if (!result.accepted) continue;
          state = result.state;
          if (event === "change:noticed" || event === "identity:resolved") [built, building] = [false, false];
          if (event === "build:started") building = true;
          if (event === "build:succeeded" && building) built = true;
          if (event === "build:succeeded" || event === "build:failed") building = false;
          expect(state !== "ready" || built).toBe(true);
        }
        expect(states).toContain(state);
      }),
      { numRuns: 2000 },
    );
  });

  it("never has two builds at once, and ends one that removal overtook", () => {
    fc.assert(
      fc.property(history, ([first, list]) => {
        let state: EndpointState = first;
        for (const event of list) {
          const before: EndpointState = state;
          const result = transition(state, event);
          state = result.state;
          const second = before.startsWith("regenerating") && event === "build:started" && result.accepted;
          const back = before === "disconnecting" && state !== "disconnecting" && state !== "disconnected";
          expect([second, back]).toEqual([false, false]);
        }
        expect(transition("disconnecting", "build:succeeded")).toEqual({
          accepted: true,
          state: "disconnecting",
        });
      }),
    );
  });

  it("gets a new endpoint ready, and back to ready after changes that came during a build", () => {
    let state: EndpointState = "waiting-for-identity";
    const visited: EndpointState[] = [];
    const script: EndpointEvent[] = [
      "change:noticed",
      "identity:resolved",
      "change:noticed",
      "build:started",
      "change:noticed",
      "change:noticed",
      "build:succeeded",
      "build:started",
      "build:failed",
      "build:started",
      "build:succeeded",
      "removal:requested",
      "removal:finished",
    ];
    for (const event of script) {
      const result = transition(state, event);
      expect(result.accepted).toBe(true);
      state = result.state;
      visited.push(state);
    }
    expect(visited).toEqual([
      "waiting-for-identity",
      "waiting-to-regenerate",
      "waiting-to-regenerate",
      "regenerating",
      "regenerating-stale",
      "regenerating-stale",
      "waiting-to-regenerate",
      "regenerating",
      "waiting-to-regenerate",
      "regenerating",
      "ready",
      "disconnecting",
      "disconnected",
    ]);
  });

  it("takes a restored endpoint down when it is refused, and forgets a new one", () => {
    expect(transition("restoring", "endpoint:refused")).toEqual({ accepted: true, state: "disconnecting" });
    expect(transition("waiting-for-identity", "endpoint:refused")).toEqual({
      accepted: true,
      state: "invalid",
    });
  });

  it("refuses what makes no sense, with a reason and the state unchanged", () => {
    expect(transition("ready", "build:succeeded")).toEqual({
      accepted: false,
      state: "ready",
      reason:
        "build:succeeded means nothing to an endpoint that is ready; expected identity:resolved, change:noticed, removal:requested",
    });
    expect(transition("disconnected", "removal:requested")).toMatchObject({
      accepted: false,
      reason: expect.stringContaining("it has ended"),
    });
  });
});
