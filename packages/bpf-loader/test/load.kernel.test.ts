import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  ProgArray,
  VerifierError,
  codecs,
  createMap,
  defineMap,
  enableStats,
  load,
  openProgramById,
  parseObject,
} from "@netloom/bpf-loader";
import { corruptions } from "./mutate.ts";
import { openDescriptors, privileged } from "./fixtures.ts";
import { objectBytes, objectSpec } from "./objects.ts";

const { u32 } = codecs;

describe.skipIf(!privileged)("loading", () => {
  it("gives programs their configuration as constants", async () => {
    await using plain = await load(objectSpec("globals"));
    expect(plain.program("config").run().verdict).toBe(-1);
    const spec = objectSpec("globals").with({ config: { enabled: true, node_id: 100 } });
    await using changed = await load(spec);
    // node_id + ports[mark & 3] + offset + router_mac[5]
    expect(changed.program("config").run({ ctx: { mark: 2 } }).verdict).toBe(100 + 3 - 5 + 1);
    // The verifier drops what the configuration makes unreachable.
    const size = (collection: typeof plain) => collection.program("config").info().translatedSize;
    expect(size(plain)).not.toBe(size(changed));
    expect(changed.program("literals").run().verdict).toBe(1);
  });

  it("shares live variables with programs, in memory", async () => {
    await using collection = await load(objectSpec("globals"));
    const packets = collection.variable<bigint>("packets_total");
    const mark = collection.variable("last_mark", u32);
    const hidden = collection.variable({ name: "hidden", codec: u32 });
    expect([packets.get(), mark.get(), hidden.get()]).toEqual([0n, 42, 5]);
    collection.program("config").run({ ctx: { mark: 9 }, repeat: 3 });
    expect([packets.get(), mark.get(), hidden.get()]).toEqual([3n, 9, 8]);
    packets.set(1000n);
    collection.program("config").run();
    expect(packets.get()).toBe(1001n);
    expect(() => collection.variable("node_id")).toThrow("node_id is config");
    expect(() => collection.variable("nothing")).toThrow(TypeError);
    expect(() => collection.variable("last_mark", codecs.u64)).toThrow("last_mark has 4 bytes, the codec 8");
    collection.close();
    expect(() => packets.get()).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
  });

  it("links subprograms, callbacks, kernel functions and CO-RE accesses", async () => {
    await using collection = await load(objectSpec("calls"));
    expect(collection.program("subprograms").run({ ctx: { mark: 3 } }).verdict).toBe(15);
    expect(collection.variable("calls").get()).toBe(2);
    const table = collection.map(defineMap({ name: "table", type: "array", key: u32, value: u32 }));
    table.set(0, 5).set(3, 6);
    expect(collection.program("callbacks").run().verdict).toBe(10 + 11);
    // 1: rcu lock, 2: task, 8: bpf_key_put is in this kernel; not 4, for the missing one is weak.
    expect(collection.program("kfuncs").run<Uint8Array>().verdict & ~8).toBe(3);
    expect(collection.program("core").run<Uint8Array>().verdict).toBe(process.pid);
  });

  it("fills maps of maps and program arrays as the source says", async () => {
    await using collection = await load(objectSpec("nested"));
    const dispatch = collection.program("dispatch");
    const verdict = (mark: number) => dispatch.run({ ctx: { mark } }).verdict;
    expect([0, 1, 2, 3].map(verdict)).toEqual([100, 1, 100, 0]);
    collection.map(defineMap({ name: "second", type: "array", key: u32, value: u32 })).set(0, 33);
    expect(verdict(3)).toBe(33);
    const tails = collection.map("tails");
    if (!(tails instanceof ProgArray)) throw new TypeError("not a program array");
    expect([...tails]).toEqual([
      [1, collection.program("tail_one").id],
      [3, collection.program("tail_two").id],
    ]);
    tails.set(0, collection.program("tail_one"));
    expect(verdict(0)).toBe(1);
    expect(tails.delete(1)).toBe(true);
    expect(tails.delete(1)).toBe(false);
    expect(verdict(1)).toBe(100);
  });

  it("takes only the programs asked for, what they tail-call, and their maps", async () => {
    await using one = await load(objectSpec("nested"), { only: ["tail_one"] });
    expect(one.programNames).toEqual(["tail_one"]);
    expect(one.mapNames).toEqual([]);
    await using all = await load(objectSpec("nested"), { only: ["dispatch"] });
    expect([...all.programNames].sort()).toEqual(["dispatch", "tail_one", "tail_two"]);
    expect([...all.mapNames].sort()).toEqual(["first", "outer", "second", "tails"]);
    await using optional = await load(objectSpec("nested"), { only: ["optional"] });
    expect(optional.program("optional").run().verdict).toBe(9);
    await expect(load(objectSpec("nested"), { only: ["nothing"] })).rejects.toThrow(
      "nested has no program nothing",
    );
    expect(() => one.program("dispatch")).toThrow("or it was not loaded");
  });

  it("uses maps of the caller's, which stay the caller's", async () => {
    using table = createMap(
      { name: "table", type: "array", keySize: 4, valueSize: 4, maxEntries: 4 },
      defineMap({ name: "table", type: "array", key: u32, value: u32 }),
    );
    const collection = await load(objectSpec("calls"), { only: ["callbacks"], reuse: { table } });
    table.set(0, 9);
    expect(collection.program("callbacks").run().verdict).toBe(10 + 9);
    collection.close();
    expect(table.closed).toBe(false);
    using small = createMap({ name: "table", type: "array", keySize: 4, valueSize: 4, maxEntries: 3 });
    await expect(load(objectSpec("calls"), { reuse: { table: small } })).rejects.toThrow(
      expect.objectContaining({
        code: "ERR_PIN_LAYOUT",
        message: expect.stringContaining("maxEntries should be 4"),
      }),
    );
    await expect(load(objectSpec("calls"), { reuse: { nothing: table } })).rejects.toThrow(TypeError);
  });

  it("keeps the event loop alive while the verifier works", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    for (let round = 0; round < 5; round++) (await load(objectSpec("calls"))).close();
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });

  it("gives up when told, and leaves nothing open", async () => {
    await load(objectSpec("maps")).then((collection) => collection.close());
    const before = openDescriptors();
    await expect(load(objectSpec("maps"), { signal: AbortSignal.abort() })).rejects.toThrow("aborted");
    const controller = new AbortController();
    const loading = load(objectSpec("hooks"), { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(loading).rejects.toThrow("enough");
    expect(openDescriptors()).toBe(before);
  });
});

describe.skipIf(!privileged)("a program the verifier refuses", () => {
  it("fails with the log, the reason and the line of C", async () => {
    const error = await load(objectSpec("rejected"), { only: ["no_null_check"] }).catch(
      (error: unknown) => error,
    );
    if (!(error instanceof VerifierError)) throw error;
    expect(error).toMatchObject({
      name: "VerifierError",
      code: "ERR_BPF_VERIFIER",
      errno: 13,
      object: "no_null_check",
    });
    expect(error.log.length).toBeGreaterThan(5);
    expect(error.summary).toContain("invalid mem access 'map_value_or_null'");
    expect(error.source?.file).toMatch(/rejected\.bpf\.c$/);
    expect(error.source?.text).toBe("return *value; /* the line of the error */");
    const line = objectSource("rejected").findIndex((text) => text.includes("the line of the error")) + 1;
    expect(error.source?.line).toBe(line);
    expect(error.message).toContain("invalid mem access");
  });

  it("grows the buffer until the log fits", async () => {
    const options = { only: ["no_null_check"], verifierLogSize: 128 };
    const error = await load(objectSpec("rejected"), options).catch((error: unknown) => error);
    if (!(error instanceof VerifierError)) throw error;
    expect(error.log.join("\n").length).toBeGreaterThan(128);
    expect(error.summary).toContain("invalid mem access");
  });

  it("is told from a kernel that lacks a function", async () => {
    await expect(load(objectSpec("rejected"), { only: ["missing_kfunc"] })).rejects.toThrow(
      expect.objectContaining({ code: "ERR_UNSUPPORTED", feature: "kfunc:netloom_missing_kfunc" }),
    );
  });

  it("says how much work accepting it was, if asked", async () => {
    await using quiet = await load(objectSpec("calls"), { only: ["subprograms"] });
    expect(quiet.program("subprograms").verifierLog).toEqual([]);
    await using stats = await load(objectSpec("calls"), { only: ["subprograms"], verifierLog: "stats" });
    expect(stats.program("subprograms").verifierLog.join("\n")).toMatch(/processed \d+ insns/);
    await using full = await load(objectSpec("calls"), { only: ["subprograms"], verifierLog: "full" });
    expect(full.program("subprograms").verifierLog.length).toBeGreaterThan(20);
  });
});

function objectSource(name: string): string[] {
  return readFileSync(new URL(`objects/${name}.bpf.c`, import.meta.url), "utf8").split("\n");
}

describe.skipIf(!privileged)("running a program", () => {
  it("sets and reads the context and the packet", async () => {
    await using hooks = await load(objectSpec("hooks"), { only: ["echo_context"] });
    const packet = new Uint8Array(64).fill(1);
    const result = hooks
      .program("echo_context")
      .run({ packet, ctx: { mark: 41, cb: [0, 5, 6, 7, 8], ifindex: 1 } });
    expect(result.verdict).toBe(7);
    expect(result.ctx).toMatchObject({ mark: 42, priority: 3, cb: [6, 5, 6, 7, 8], ifindex: 1 });
    expect(result.packet).toEqual(new Uint8Array([0xee, ...packet.subarray(1)]));
    expect(packet[0]).toBe(1);
  });

  it("repeats and measures", async () => {
    await using hooks = await load(objectSpec("hooks"), { only: ["echo_context", "count"] });
    expect(hooks.program("echo_context").run({ repeat: 10_000 }).nsPerRun).toBeGreaterThanOrEqual(0);
    expect(hooks.program("count").run({ repeat: 100 }).verdict).toBe(2);
    expect(hooks.variable("xdp_packets").get()).toBe(100n);
  });

  it("gives syscall programs their bytes", async () => {
    await using hooks = await load(objectSpec("hooks"), { only: ["add"] });
    const ctx = new Uint8Array(new Uint32Array([30, 12]).buffer);
    const result = hooks.program("add").run<Uint8Array>({ ctx });
    expect(result.verdict).toBe(42);
    expect(new Uint32Array(result.ctx.buffer)[0]).toBe(42);
    expect(() => hooks.program("add").run({ ctx: { mark: 1 } })).toThrow("takes its context as bytes");
  });

  it("explains what it cannot do", async () => {
    await using hooks = await load(objectSpec("hooks"));
    expect(() => hooks.program("connect4").run()).toThrow(
      expect.objectContaining({ code: "ERR_UNSUPPORTED", feature: "test runs of cgroup_sock_addr" }),
    );
    const tc = hooks.program("echo_context");
    expect(() => tc.run({ packet: new Uint8Array(10) })).toThrow("a frame has at least 14 bytes");
    expect(() => tc.run({ ctx: { ifindex: 0x7ffffff } })).toThrow(
      "names an interface that this network namespace lacks",
    );
    tc.close();
    expect(() => tc.run()).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
  });

  it("is counted while statistics are on", async () => {
    await using hooks = await load(objectSpec("hooks"), { only: ["count"] });
    const program = hooks.program("count");
    expect(program.stats().runCount).toBe(0n);
    {
      using _stats = enableStats();
      program.run({ repeat: 10 });
    }
    // Test runs are counted by kernels that run programs through the common path.
    expect(program.stats().runCount === 0n || program.stats().runCount >= 10n).toBe(true);
    expect(program.info()).toMatchObject({ type: "xdp", name: "count" });
    expect(program.info().tag).toMatch(/^[0-9a-f]{16}$/);
    expect(program.info().verifiedInstructions).toBeGreaterThan(0);
    using same = openProgramById(program.id);
    expect(same.type).toBe("xdp");
    expect(same.run({ repeat: 1 }).verdict).toBe(2);
  });
});

describe.skipIf(!privileged)("failures", () => {
  it("leave no descriptor open, 200 of them, beside 60 successes", async () => {
    await load(objectSpec("calls")).then((collection) => collection.close());
    const before = openDescriptors();
    for (let round = 0; round < 200; round++) {
      const only = [round % 2 === 0 ? "no_null_check" : "missing_kfunc"];
      await expect(load(objectSpec("rejected"), { only })).rejects.toThrow(/rejected|lacks/);
      if (round % 10 < 3) (await load(objectSpec("calls"))).close();
    }
    expect(openDescriptors()).toBe(before);
  });

  it("of corrupt objects in the kernel are errors, and close what was opened", async () => {
    const names = new Set<string>();
    const warm = await load(objectSpec("hooks"));
    warm.close();
    const before = openDescriptors();
    let loaded = 0;
    let refused = 0;
    for (const [name, bytes] of corruptions(600)) {
      let spec;
      try {
        spec = parseObject(bytes, { name });
      } catch {
        continue;
      }
      // Mutated sizes are legal, and would only test how much memory the machine has.
      if ([...spec.maps.values()].some((map) => map.maxEntries * (map.keySize + map.valueSize) > 2 ** 22))
        continue;
      try {
        (await load(spec, { pinPath: false })).close();
        loaded++;
      } catch (error) {
        names.add(String((error as { code?: string }).code));
        refused++;
      }
    }
    expect(loaded + refused).toBeGreaterThan(50);
    expect([...names].filter((name) => !name.startsWith("ERR_"))).toEqual([]);
    expect(openDescriptors()).toBe(before);
  });

  it("include objects that need a pin directory and get none", async () => {
    await expect(load(objectSpec("pinned-v1"))).rejects.toThrow("pass pinPath: pinned-v1 pins counters");
    await using collection = await load(parseObject(objectBytes("pinned-v1")), { pinPath: false });
    expect(collection.mapNames).toEqual(["counters"]);
  });
});
