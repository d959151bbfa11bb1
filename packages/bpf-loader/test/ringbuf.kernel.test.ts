import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RingBuffer, load } from "@netloom/bpf-loader";
import type { Collection, RingReader } from "@netloom/bpf-loader";
import { privileged } from "./fixtures.ts";
import { DIRECTORY, objectSpec } from "./objects.ts";

interface Event {
  sequence: bigint;
  mark: number;
}

const decode = (view: DataView, offset: number): Event => ({
  sequence: view.getBigUint64(offset, true),
  mark: view.getUint32(offset + 8, true),
});

let collection: Collection;
let ring: RingBuffer;

beforeEach(async () => {
  if (!privileged) return;
  collection = await load(objectSpec("events"));
  const map = collection.map("events");
  if (!(map instanceof RingBuffer)) throw new TypeError("not a ring buffer");
  ring = map;
});

afterEach(() => collection?.close());

const produce = (count: number, mark = 1, quietly = false) =>
  void collection.program(quietly ? "produce_quietly" : "produce").run({ ctx: { mark }, repeat: count });

/** Records of 16 bytes and a header of 8, in 64 KiB. */
const CAPACITY = Math.floor(65_536 / 24);

describe.skipIf(!privileged)("a ring buffer", () => {
  it("is drained in order, over many times its size", () => {
    using reader = ring.reader(decode);
    const sequences: bigint[] = [];
    for (let round = 0; round < 20; round++) {
      produce(1000);
      sequences.push(...reader.drain().map((event) => event.sequence));
    }
    expect(sequences).toEqual(Array.from({ length: 20_000 }, (_, index) => BigInt(index)));
    expect(reader.delivered).toBe(20_000);
    expect(reader.drain()).toEqual([]);
    expect(reader.pending).toBe(0);
  });

  it("is taken in portions", () => {
    using reader = ring.reader(decode);
    produce(100);
    expect(reader.pending).toBe(2400);
    expect(reader.drain(30)).toHaveLength(30);
    expect(reader.drain(30)[0]?.sequence).toBe(30n);
    expect(reader.drain()).toHaveLength(40);
  });

  it("skips records that were discarded", () => {
    using reader = ring.reader(decode);
    produce(1, 1);
    produce(5, 13);
    produce(1, 2);
    expect(reader.drain().map((event) => event.mark)).toEqual([1, 2]);
    expect(reader.pending).toBe(0);
  });

  it("copies bytes unless told how to decode", () => {
    using reader = ring.reader();
    produce(2, 7);
    const [first, second] = reader.drain();
    produce(1, 9);
    expect(first).toHaveLength(16);
    expect(first?.[8]).toBe(7);
    expect(second?.[8]).toBe(7);
  });

  it("counts what found no room, as the program does", () => {
    const lost = collection.variable<bigint>("lost");
    lost.set(5n);
    using reader = ring.reader(decode, { lost: () => lost.get() });
    produce(CAPACITY + 100);
    const delivered = reader.drain().length;
    expect(delivered).toBeGreaterThan(2000);
    expect(BigInt(delivered) + reader.lost).toBe(BigInt(CAPACITY + 100));
    produce(10);
    expect(reader.drain()).toHaveLength(10);
  });

  it("wakes a for await", async () => {
    using reader = ring.reader(decode);
    const marks: number[] = [];
    setTimeout(() => produce(3, 4), 10);
    setTimeout(() => produce(3, 5), 30);
    for await (const batch of reader) {
      marks.push(...batch.map((event) => event.mark));
      if (marks.length === 6) break;
    }
    expect(marks).toEqual([4, 4, 4, 5, 5, 5]);
  });

  it("is polled for producers that do not wake", async () => {
    using reader = ring.reader(decode, { pollMs: 5 });
    setTimeout(() => produce(3, 4, true), 10);
    for await (const batch of reader) {
      expect(batch).toHaveLength(3);
      break;
    }
  });

  it("does not hear quiet producers unless it polls", async () => {
    using reader = ring.reader(decode);
    let heard = 0;
    // Started while there is nothing: the quiet records that come later are not announced.
    using _subscription = reader.on(() => heard++);
    await new Promise((resolve) => setTimeout(resolve, 20));
    produce(3, 4, true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(heard).toBe(0);
    // Nor is a loud one heard behind them: the kernel wakes a consumer only if it has read all that came before.
    produce(1, 4);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(heard).toBe(0);
    expect(reader.drain()).toHaveLength(4);
    produce(1, 4);
    await until(() => heard === 1);
  });

  it("ends a for await when it is closed, also while it waits", async () => {
    const reader = ring.reader(decode);
    setTimeout(() => reader.close(), 10);
    for await (const _ of reader) throw new Error("nothing was produced");
    expect(reader.closed).toBe(true);
    expect(() => reader.drain()).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
  });

  it("throws the reason out of a for await when it is aborted", async () => {
    const controller = new AbortController();
    const reader = ring.reader(decode, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 10);
    const reading = (async () => {
      for await (const _ of reader) throw new Error("nothing was produced");
    })();
    await expect(reading).rejects.toThrow("enough");
  });

  it("calls a handler within its budget, and lets other work run", async () => {
    using reader = ring.reader(decode);
    produce(2000);
    let most = 0;
    let before = 0;
    let heard = 0;
    using _subscription = reader.on(() => heard++, { budget: 100 });
    const timer = setInterval(() => {
      most = Math.max(most, heard - before);
      before = heard;
    }, 0);
    await until(() => heard === 2000);
    clearInterval(timer);
    expect(heard).toBe(2000);
  });

  it("polls on without pause while a budget is used up", async () => {
    using reader = ring.reader(decode, { pollMs: 20 });
    produce(2000, 1, true);
    let heard = 0;
    using _subscription = reader.on(() => heard++, { budget: 10 });
    const start = performance.now();
    await until(() => heard === 2000);
    // 200 budgets of one tick each would take four seconds.
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it("pauses and resumes", async () => {
    using reader = ring.reader(decode);
    let heard = 0;
    using subscription = reader.on(() => heard++);
    subscription.pause();
    produce(5);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(heard).toBe(0);
    subscription.resume();
    await until(() => heard === 5);
    subscription.close();
    subscription.resume();
    produce(5);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(heard).toBe(5);
  });

  it("releases what a handler has seen although it throws", () => {
    using reader = ring.reader(decode);
    produce(10);
    let seen = 0;
    const consume = () =>
      reader.consume(() => {
        if (++seen === 4) throw new Error("handler");
      });
    expect(consume).toThrow("handler");
    expect(reader.drain()[0]?.sequence).toBe(4n);
  });

  it("goes on after a handler that throws, which is an uncaught exception", async () => {
    // In a process of its own: the test runner counts uncaught exceptions as failures.
    const script = `
      process.on("uncaughtException", (error) => console.log(error.message));
      const { load, parseObject } = await import(process.argv[1]);
      const { readFileSync } = await import("node:fs");
      using events = await load(parseObject(readFileSync(process.argv[2])));
      using reader = events.map("events").reader();
      let heard = 0;
      using subscription = reader.on(() => {
        if (++heard === 2) throw new Error("boom");
      });
      events.program("produce").run({ repeat: 5 });
      await new Promise((resolve) => setTimeout(resolve, 100));
      console.log(heard);
    `;
    const source = fileURLToPath(new URL("../src/index.ts", import.meta.url));
    const args = ["--input-type=module", "-e", script, source, `${DIRECTORY}/events.bpf.o`];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
    expect(stdout).toBe("boom\n5\n");
  });

  it("may be closed by its handler", () => {
    const reader: RingReader<Event> = ring.reader(decode);
    produce(10);
    let seen = 0;
    reader.consume(() => {
      if (++seen === 3) reader.close();
    });
    expect(seen).toBe(3);
    using next = ring.reader(decode);
    expect(next.drain()[0]?.sequence).toBe(3n);
  });

  it.each([undefined, 5])("stops its readers when the collection is closed (pollMs %s)", async (pollMs) => {
    const reader = ring.reader(decode, pollMs === undefined ? {} : { pollMs });
    let heard = 0;
    const subscription = reader.on(() => heard++);
    subscription.close();
    const iteration = (async () => {
      for await (const _ of reader) heard++;
    })();
    expect(() => reader.on(() => {})).toThrow("is waiting already, elsewhere");
    collection.close();
    expect(reader.closed).toBe(true);
    await iteration;
    // Descriptors of the same numbers as those that were polled.
    using other = await load(objectSpec("events"));
    other.program("produce").run({ repeat: 10 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(heard).toBe(0);
  });

  it("has one reader at a time, whichever view it is asked through", () => {
    using _first = ring.reader(decode);
    const again = collection.map("events");
    if (!(again instanceof RingBuffer)) throw new TypeError("not a ring buffer");
    expect(() => again.reader()).toThrow("has a reader already");
  });

  it("has one reader at a time, which takes over where the last stopped", () => {
    const first = ring.reader(decode);
    produce(10);
    first.drain(4);
    expect(() => ring.reader(decode)).toThrow("has a reader already");
    first.close();
    using second = ring.reader(decode);
    expect(second.drain()[0]?.sequence).toBe(4n);
  });

  it("closes its reader, and memory that was seen reads as zero", () => {
    let seen: DataView | undefined;
    const reader = ring.reader((view) => {
      seen = view;
      return 1;
    });
    produce(1, 0x55);
    reader.drain();
    expect(seen?.getUint32(16, true)).toBe(0x55);
    ring.close();
    expect(reader.closed).toBe(true);
    expect(seen?.getUint32(16, true)).toBe(0);
    expect(() => ring.reader()).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
  });
});

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error("it never came true");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
