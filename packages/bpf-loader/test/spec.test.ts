import { describe, expect, it } from "vitest";
import { codecs, parseObject } from "@netloom/bpf-loader";
import type { ProgramSpec } from "@netloom/bpf-loader";
import { sectionKind } from "../src/spec/sections.ts";
import { OBJECTS, objectBytes, objectSpec } from "./objects.ts";

function program(name: Parameters<typeof objectSpec>[0], which: string): ProgramSpec {
  const found = objectSpec(name).programs.get(which);
  if (found === undefined) throw new Error(`no program ${which}`);
  return found;
}

describe("parsing an object", () => {
  it("reads every map kind with sizes, flags and types", () => {
    const { maps } = objectSpec("maps");
    const found = [...maps.values()].map(({ name, type, keySize, valueSize }) => [
      name,
      type,
      keySize,
      valueSize,
    ]);
    expect(found.toSorted(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
      ["array", "array", 4, 4],
      ["by_endpoint", "hash_of_maps", 4, 4],
      ["hash", "hash", 8, 24],
      ["lpm", "lpm_trie", 8, 4],
      ["lru", "lru_hash", 8, 24],
      ["lru_percpu", "lru_percpu_hash", 4, 8],
      ["percpu_array", "percpu_array", 4, 8],
      ["percpu_hash", "percpu_hash", 4, 4],
    ]);
    expect(maps.get("hash")).toMatchObject({ maxEntries: 1024, flags: 1, pinning: "none" });
    expect(maps.get("array")).toMatchObject({ flags: 1 << 10 });
    expect(maps.get("by_endpoint")?.inner).toMatchObject({
      type: "hash",
      maxEntries: 32,
      keySize: 4,
      valueSize: 8,
    });
    expect(objectSpec("pinned-v1").maps.get("counters")?.pinning).toBe("by-name");
  });

  it("reads what the compiler put into maps of maps and programs", () => {
    const { maps } = objectSpec("nested");
    expect(maps.get("outer")?.initial).toEqual([
      { index: 0, name: "first" },
      { index: 2, name: "second" },
    ]);
    expect(maps.get("tails")?.initial).toEqual([
      { index: 1, name: "tail_one" },
      { index: 3, name: "tail_two" },
    ]);
  });

  it("reads globals with their initial values", () => {
    const spec = objectSpec("globals");
    expect(spec.initial("node_id")).toBe(1);
    expect(spec.initial("big")).toBe(0x1122334455667788n);
    expect(spec.initial("enabled")).toBe(false);
    expect(spec.initial("mode")).toBe(7);
    expect(spec.initial("offset")).toBe(-5);
    expect(spec.initial("router_mac")).toEqual(new Uint8Array([2, 0, 0, 0, 0, 1]));
    expect(spec.initial("gateway")).toEqual({ addr: 0x0a000001, port: 443, mac: new Uint8Array(6) });
    expect(spec.initial("ports")).toEqual([1, 2, 3, 4]);
    expect(spec.initial("last_mark")).toBe(42);
    expect([...spec.vars.keys()].sort()).toEqual(["hidden", "last_mark", "packets_total"]);
    expect([...spec.data.keys()].sort()).toEqual([".bss", ".data", ".rodata", ".rodata.str1.1"]);
  });

  it("links a program with the functions it reaches, and no others", () => {
    const plain = program("calls", "callbacks");
    expect(plain.maps).toEqual(["table"]);
    const calling = program("calls", "subprograms");
    // The entry, global_function, branch and leaf: one record of function info each.
    expect(calling.functionInfo.byteLength / 8).toBe(4);
    expect(calling.maps).toEqual([".bss"]);
    const calls = callsIn(calling);
    expect(calls.every(({ target }) => starts(calling).includes(target))).toBe(true);
    expect(calls).toHaveLength(4);
  });

  it("lists kernel functions, weak ones apart, and CO-RE records in bytes", () => {
    const spec = objectSpec("calls");
    expect(spec.externs.get("netloom_missing_kfunc")).toEqual({
      name: "netloom_missing_kfunc",
      kind: "func",
      weak: true,
    });
    expect(program("calls", "kfuncs").kfuncs).toContain("bpf_task_acquire");
    const core = program("calls", "core").coreRelocations;
    expect(core.byteLength / 16).toBe(3);
    expect(new DataView(core.buffer, core.byteOffset).getUint32(0, true) % 8).toBe(0);
  });

  it("says which kernel features an object needs", () => {
    const { needs } = objectSpec("calls");
    expect(needs).toEqual(
      expect.arrayContaining(["core", "kfunc:bpf_task_acquire", "map:array", "helper:181"]),
    );
    expect(needs).not.toContain("kfunc:netloom_missing_kfunc");
    expect(objectSpec("hooks").needs).toEqual(expect.arrayContaining(["tcx", "program:xdp"]));
  });

  it("keeps optional programs apart", () => {
    expect(program("nested", "optional")).toMatchObject({ autoload: false, section: "tc" });
    expect(program("nested", "dispatch").autoload).toBe(true);
  });

  it.each(OBJECTS)("parses %s without keeping the caller's bytes", (name) => {
    const bytes = objectBytes(name);
    const spec = parseObject(bytes, { name });
    const before = spec.loadableBtf?.slice();
    bytes.fill(0xff);
    expect(spec.btf?.types.length).toBeGreaterThan(1);
    expect(spec.loadableBtf).toEqual(before);
  });
});

/** Calls between functions of a linked program, as instruction indexes. */
function callsIn({ instructions }: ProgramSpec): { at: number; target: number }[] {
  const view = new DataView(instructions.buffer, instructions.byteOffset, instructions.byteLength);
  const found = [];
  for (let at = 0; at < instructions.byteLength / 8; at++) {
    const isCall = view.getUint8(at * 8) === 0x85 && view.getUint8(at * 8 + 1) >> 4 === 1;
    if (isCall) found.push({ at, target: at + 1 + view.getInt32(at * 8 + 4, true) });
  }
  return found;
}

function starts({ functionInfo }: ProgramSpec): number[] {
  const view = new DataView(functionInfo.buffer, functionInfo.byteOffset, functionInfo.byteLength);
  return Array.from({ length: functionInfo.byteLength / 8 }, (_, index) => view.getUint32(index * 8, true));
}

describe("section names", () => {
  it.each([
    ["tc", "sched_cls", undefined],
    ["tc/from_container", "sched_cls", undefined],
    ["tc/ingress", "sched_cls", "tcx_ingress"],
    ["tcx/egress/name", "sched_cls", "tcx_egress"],
    ["classifier", "sched_cls", undefined],
    ["xdp", "xdp", "xdp"],
    ["xdp.frags/name", "xdp", "xdp"],
    ["cgroup/connect4", "cgroup_sock_addr", "cgroup_inet4_connect"],
    ["cgroup/sendmsg6", "cgroup_sock_addr", "cgroup_udp6_sendmsg"],
    ["cgroup/getpeername4", "cgroup_sock_addr", "cgroup_inet4_getpeername"],
    ["cgroup/sock_create", "cgroup_sock", "cgroup_inet_sock_create"],
    ["syscall", "syscall", undefined],
    ["socket/filter", "socket_filter", undefined],
  ])("gives %s the type %s", (section, type, attachType) => {
    expect(sectionKind(section)).toMatchObject({ type, ...(attachType === undefined ? {} : { attachType }) });
  });

  it("does not know sections of other program types", () => {
    expect(sectionKind("kprobe/sys_open")).toBeUndefined();
    expect(sectionKind("toString")).toBeUndefined();
    expect(sectionKind("")).toBeUndefined();
  });
});

describe("changing a spec", () => {
  it("leaves the original alone", () => {
    const spec = objectSpec("globals");
    const changed = spec.with({
      config: { node_id: 7, big: 3, enabled: true, offset: -1, ports: [9, 8, 7, 6] },
    });
    expect(changed.initial("node_id")).toBe(7);
    expect(changed.initial("big")).toBe(3n);
    expect(changed.initial("enabled")).toBe(true);
    expect(changed.initial("ports")).toEqual([9, 8, 7, 6]);
    expect(spec.initial("node_id")).toBe(1);
    expect(changed.with({ config: { node_id: 8 } }).initial("big")).toBe(3n);
  });

  it("takes exact bytes for any variable", () => {
    const value = new Uint8Array(6).fill(9);
    expect(
      objectSpec("globals")
        .with({ config: { router_mac: value } })
        .initial("router_mac"),
    ).toEqual(value);
  });

  it("refuses what does not fit, by name", () => {
    const spec = objectSpec("globals");
    expect(() => spec.with({ config: { node_id: -1 } })).toThrow(RangeError);
    expect(() => spec.with({ config: { node_id: 2 ** 32 } })).toThrow(RangeError);
    expect(() => spec.with({ config: { router_mac: new Uint8Array(5) } })).toThrow(RangeError);
    expect(() => spec.with({ config: { ports: [1, 2] } })).toThrow(RangeError);
    expect(() => spec.with({ config: { last_mark: 1 } })).toThrow(TypeError);
    expect(() => spec.with({ config: { nothing: 1 } })).toThrow("globals has no config variable nothing");
  });

  it("resizes maps and the templates of inner maps", () => {
    const spec = objectSpec("maps").with({
      maxEntries: { hash: 9 },
      innerMaps: { by_endpoint: { maxEntries: 5 } },
    });
    expect(spec.maps.get("hash")?.maxEntries).toBe(9);
    expect(spec.maps.get("by_endpoint")?.inner?.maxEntries).toBe(5);
    expect(() => spec.with({ maxEntries: { hash: 0 } })).toThrow(RangeError);
    expect(() => spec.with({ maxEntries: { nothing: 1 } })).toThrow(TypeError);
    expect(() => spec.with({ innerMaps: { hash: {} } })).toThrow("map hash does not hold maps");
  });
});

describe("scalar codecs", () => {
  it("refuse what does not fit", () => {
    const view = new DataView(new ArrayBuffer(8));
    expect(() => codecs.u8.encode(256, view, 0)).toThrow(RangeError);
    expect(() => codecs.u16.encode(1.5, view, 0)).toThrow(RangeError);
    expect(() => codecs.s32.encode(2 ** 31, view, 0)).toThrow(RangeError);
    expect(() => codecs.u64.encode(-1n, view, 0)).toThrow(RangeError);
    expect(() => codecs.u64.encode(1 as unknown as bigint, view, 0)).toThrow(TypeError);
    expect(() => codecs.bytes(4).encode(new Uint8Array(5), view, 0)).toThrow(RangeError);
  });
});
