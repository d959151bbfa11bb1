import { describe, expect, it } from "vitest";

import { type Emits, TypedEmitter } from "../src/events.ts";

interface LeaseEvents {
  "lease:added": [address: string, owner: string];
  "lease:released": [address: string];
}

function emitter(): { events: TypedEmitter<LeaseEvents>; errors: unknown[][] } {
  const errors: unknown[][] = [];
  return { events: new TypedEmitter<LeaseEvents>((error, event) => errors.push([event, error])), errors };
}

describe("a typed emitter", () => {
  it("calls listeners in the order they were added, with the event's parameters", () => {
    const { events } = emitter();
    const heard: string[] = [];
    events.on("lease:added", (address, owner) => heard.push(`first ${address} ${owner}`));
    events.on("lease:added", (address) => heard.push(`second ${address}`));
    expect(events.emit("lease:added", "10.0.0.1", "web-0")).toBe(true);
    expect(events.emit("lease:released", "10.0.0.1")).toBe(false);
    expect(heard).toEqual(["first 10.0.0.1 web-0", "second 10.0.0.1"]);
  });

  it("keeps going when a listener throws, and tells the hook", () => {
    const { events, errors } = emitter();
    const heard: string[] = [];
    const error = new Error("bad listener");
    events.on("lease:released", () => {
      throw error;
    });
    events.on("lease:released", (address) => heard.push(address));
    events.emit("lease:released", "10.0.0.1");
    expect(heard).toEqual(["10.0.0.1"]);
    expect(errors).toEqual([["lease:released", error]]);
  });

  it("tells the hook of an asynchronous listener that rejects", async () => {
    const { events, errors } = emitter();
    const error = new Error("late");
    events.on("lease:released", () => Promise.reject(error));
    events.emit("lease:released", "10.0.0.1");
    await Promise.resolve();
    expect(errors).toEqual([["lease:released", error]]);
  });

  it("survives a hook that throws", () => {
    const events = new TypedEmitter<LeaseEvents>(() => {
      throw new Error("bad hook");
    });
    events.on("lease:released", () => {
      throw new Error("bad listener");
    });
    expect(events.emit("lease:released", "10.0.0.1")).toBe(true);
  });

  it("ends a subscription once, and only that one, even when a function is added twice", () => {
    const { events } = emitter();
    let calls = 0;
    const listener = (): number => calls++;
    const stop = events.on("lease:released", listener);
    events.on("lease:released", listener);
    stop();
    stop();
    events.emit("lease:released", "10.0.0.1");
    expect(calls).toBe(1);
    expect(events.listenerCount("lease:released")).toBe(1);
  });

  it("lets listeners come and go while it is emitting", () => {
    const { events } = emitter();
    const heard: string[] = [];
    const stop = events.on("lease:released", () => {
      stop();
      events.on("lease:released", (address) => heard.push(`late ${address}`));
      heard.push("first");
    });
    events.on("lease:released", () => heard.push("second"));
    events.emit("lease:released", "10.0.0.1");
    expect(heard).toEqual(["first", "second"]);
    events.emit("lease:released", "10.0.0.2");
    expect(heard).toEqual(["first", "second", "second", "late 10.0.0.2"]);
  });

  it("calls a once-listener once, or never when it was stopped before", () => {
    const { events } = emitter();
    const heard: string[] = [];
    events.once("lease:released", (address) => heard.push(address));
    events.once("lease:released", () => heard.push("never"))();
    events.emit("lease:released", "10.0.0.1");
    events.emit("lease:released", "10.0.0.2");
    expect(heard).toEqual(["10.0.0.1"]);
  });

  it("forgets everyone when cleared", () => {
    const { events } = emitter();
    events.on("lease:released", () => expect.unreachable());
    events.clear();
    expect(events.emit("lease:released", "10.0.0.1")).toBe(false);
  });

  it("can be given away for watching only", () => {
    const { events } = emitter();
    const watching: Emits<LeaseEvents> = events;
    const heard: string[] = [];
    watching.on("lease:released", (address) => heard.push(address));
    events.emit("lease:released", "10.0.0.1");
    expect(heard).toEqual(["10.0.0.1"]);
  });
});
