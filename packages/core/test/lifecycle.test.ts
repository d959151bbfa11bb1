import { describe, expect, it } from "vitest";
import { Lifecycle, type Part } from "@netloom/core";

function parts(log: string[], failing: { start?: string; stop?: string } = {}): Part[] {
  return ["a", "b", "c"].map((name) => ({
    name,
    start: () => {
      log.push(`+${name}`);
      if (failing.start === name) throw new Error(`${name} does not start`);
    },
    stop: () => {
      log.push(`-${name}`);
      if (failing.stop === name) throw new Error(`${name} does not stop`);
    },
  }));
}

describe("a lifecycle", () => {
  it("starts in order and stops in reverse, once", async () => {
    const log: string[] = [];
    const lifecycle = new Lifecycle("it", parts(log));
    await Promise.all([lifecycle.start(), lifecycle.start()]);
    expect(lifecycle.status).toBe("running");
    await Promise.all([lifecycle.stop(), lifecycle.stop()]);
    expect(log).toEqual(["+a", "+b", "+c", "-c", "-b", "-a"]);
    await expect(lifecycle.start()).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  it("stops what had started when a start fails, and rejects with that failure", async () => {
    const log: string[] = [];
    const lifecycle = new Lifecycle("it", parts(log, { start: "b" }));
    await expect(lifecycle.start()).rejects.toThrow("b does not start");
    expect(log).toEqual(["+a", "+b", "-b", "-a"]);
    expect(lifecycle.status).toBe("stopped");
  });

  it("stops everything although something does not stop, and says what", async () => {
    const log: string[] = [];
    const lifecycle = new Lifecycle("it", parts(log, { stop: "b" }));
    await lifecycle.start();
    await expect(lifecycle.stop()).rejects.toThrow("it did not stop cleanly: b does not stop");
    expect(log.slice(3)).toEqual(["-c", "-b", "-a"]);
  });

  it("lets a part that is still starting come back before it stops it", async () => {
    const log: string[] = [];
    const slow: Part = {
      name: "slow",
      start: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            log.push("aborted");
            reject(signal.reason as Error);
          });
        }),
      stop: () => void log.push("-slow"),
    };
    const lifecycle = new Lifecycle("it", [slow]);
    const starting = lifecycle.start();
    await lifecycle.stop();
    await expect(starting).rejects.toMatchObject({ code: "ERR_CLOSED" });
    expect(log).toEqual(["aborted", "-slow"]);
  });
});
