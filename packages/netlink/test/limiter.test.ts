import { describe, expect, it } from "vitest";
import { Limiter } from "../src/limiter.ts";

/** Jobs that run until they are told to end. */
class Jobs {
  readonly started: string[] = [];
  readonly #ends = new Map<string, () => void>();

  start(name: string): () => Promise<string> {
    return () => {
      this.started.push(name);
      return new Promise((resolve) => {
        this.#ends.set(name, () => {
          resolve(name);
        });
      });
    };
  }

  end(name: string): void {
    this.#ends.get(name)?.();
  }
}

describe("a limiter", () => {
  it("starts what there is room for at once, and the rest in order", async () => {
    const limiter = new Limiter(2);
    const jobs = new Jobs();
    const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => limiter.run(jobs.start(name)));
    expect(jobs.started).toEqual(["a", "b"]);
    jobs.end("b");
    expect(await b).toBe("b");
    await Promise.resolve();
    expect(jobs.started).toEqual(["a", "b", "c"]);
    jobs.end("a");
    jobs.end("c");
    await Promise.all([a, c]);
    await Promise.resolve();
    jobs.end("d");
    expect(await d).toBe("d");
    const last = limiter.run(jobs.start("e"));
    expect(jobs.started).toEqual(["a", "b", "c", "d", "e"]);
    jobs.end("e");
    await last;
  });

  it("makes room when a job fails", async () => {
    const limiter = new Limiter(1);
    const failed = limiter.run(() => Promise.reject(new Error("no")));
    const next = limiter.run(() => Promise.resolve("yes"));
    await expect(failed).rejects.toThrow("no");
    expect(await next).toBe("yes");
  });

  it("lets who waits be called off, and nobody lose a turn by it", async () => {
    const limiter = new Limiter(1);
    const jobs = new Jobs();
    const abort = new AbortController();
    const first = limiter.run(jobs.start("a"));
    const second = limiter.run(jobs.start("b"), abort.signal);
    const third = limiter.run(jobs.start("c"));
    abort.abort(new Error("called off"));
    await expect(second).rejects.toThrow("called off");
    await expect(limiter.run(jobs.start("d"), abort.signal)).rejects.toThrow("called off");
    jobs.end("a");
    await first;
    await Promise.resolve();
    expect(jobs.started).toEqual(["a", "c"]);
    jobs.end("c");
    expect(await third).toBe("c");
  });
});
