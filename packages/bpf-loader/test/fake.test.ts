import { describe, expect, it } from "vitest";
import { attachTcx, codecs, createMap, defineMap, load, mountBpffs, openMapById } from "@netloom/bpf-loader";
import type { BpfMap } from "@netloom/bpf-loader";
import { Features } from "../src/features.ts";
import { Program } from "../src/program/program.ts";
import { Fd } from "../src/sys/fd.ts";
import { countCpus } from "../src/sys/linux.ts";
import { TemporaryDirectory } from "./fixtures.ts";
import { FakeSys, mapInfo } from "./fake-sys.ts";
import type { FakeCall, Handler } from "./fake-sys.ts";
import { objectSpec } from "./objects.ts";

const { u32 } = codecs;
const ENOENT = -2;
const EAGAIN = -11;
const EINVAL = -22;
const ENOSPC = -28;
const ENOTSUPP = -524;

const TYPES = { hash: 1, lpm_trie: 11 } as const;

function openMap(
  handlers: Partial<Record<FakeCall["command"], Handler>>,
  type: keyof typeof TYPES = "hash",
): BpfMap<number, number> {
  const sys = new FakeSys({
    BPF_MAP_CREATE: () => 5,
    BPF_OBJ_GET_INFO_BY_FD: mapInfo(TYPES[type], 4, 4, 100),
    ...handlers,
  });
  const spec = { name: "fake", type, keySize: 4, valueSize: 4, maxEntries: 100 };
  return createMap(spec, defineMap({ name: "fake", type, key: u32, value: u32 }), { sys });
}

describe("reading in batches", () => {
  it("doubles the chunk when a bucket does not fit, and starts at the same place", () => {
    const sizes: number[] = [];
    const cursors: (number | "start")[] = [];
    using map = openMap({
      BPF_MAP_LOOKUP_BATCH: ({ attr, memory }) => {
        const size = attr.getUint32(32, true);
        const first = attr.getBigUint64(0, true) === 0n;
        sizes.push(size);
        cursors.push(first ? "start" : memory(0).getUint32(0, true));
        if (!first && size < 12) return ENOSPC;
        memory(8).setUint32(0, 7, true);
        attr.setUint32(32, 2, true);
        for (const index of [0, 1]) memory(16).setUint32(index * 4, index + (first ? 0 : 2), true);
        return first ? 0 : ENOENT;
      },
    });
    expect([...map.keys({ batch: 3 })]).toEqual([0, 1, 2, 3]);
    expect(sizes).toEqual([3, 3, 6, 12]);
    expect(cursors).toEqual(["start", 7, 7, 7]);
  });

  it("does not double for ever", () => {
    using map = openMap({ BPF_MAP_LOOKUP_BATCH: () => ENOSPC });
    expect(() => map.count()).toThrow(expect.objectContaining({ code: "ERR_SYSCALL", errno: 28 }));
  });

  it.each([ENOTSUPP, EINVAL])("falls back to single keys on errno %i", (errno) => {
    const stored = [3, 1, 2];
    using map = openMap({
      BPF_MAP_LOOKUP_BATCH: () => errno,
      BPF_MAP_GET_NEXT_KEY: ({ attr, memory }) => {
        const first = attr.getBigUint64(8, true) === 0n;
        const next = stored[first ? 0 : stored.indexOf(memory(8).getUint32(0, true)) + 1];
        if (next === undefined) return ENOENT;
        memory(16).setUint32(0, next, true);
        return 0;
      },
      BPF_MAP_LOOKUP_ELEM: ({ memory }) => {
        const key = memory(8).getUint32(0, true);
        if (key === 1) return ENOENT; // gone since its key was read
        memory(16).setUint32(0, key * 10, true);
        return 0;
      },
    });
    expect([...map]).toEqual([
      [3, 30],
      [2, 20],
    ]);
  });

  it("ends although the keys of a trie go round in circles", () => {
    using map = openMap(
      {
        BPF_MAP_LOOKUP_BATCH: () => ENOTSUPP,
        BPF_MAP_GET_NEXT_KEY: () => 0,
        BPF_MAP_LOOKUP_ELEM: () => 0,
      },
      "lpm_trie",
    );
    expect(map.count()).toBeLessThan(300);
  });
});

describe("writing in batches", () => {
  it("falls back to single elements", () => {
    const written = new Map<number, number>();
    using map = openMap({
      BPF_MAP_UPDATE_BATCH: () => ENOTSUPP,
      BPF_MAP_DELETE_BATCH: () => ENOTSUPP,
      BPF_MAP_UPDATE_ELEM: ({ memory }) => {
        written.set(memory(8).getUint32(0, true), memory(16).getUint32(0, true));
        return 0;
      },
      BPF_MAP_DELETE_ELEM: ({ memory, size }) => {
        expect(size).toBe(16);
        return written.delete(memory(8).getUint32(0, true)) ? 0 : ENOENT;
      },
    });
    expect(
      map.setMany([
        [1, 10],
        [2, 20],
      ]),
    ).toBe(2);
    expect([...written]).toEqual([
      [1, 10],
      [2, 20],
    ]);
    expect(map.deleteMany([1, 9])).toBe(1);
  });

  it("goes on where an interrupted batch stopped", () => {
    const seen: number[][] = [];
    using map = openMap({
      BPF_MAP_UPDATE_BATCH: ({ attr, memory }) => {
        const count = attr.getUint32(32, true);
        seen.push(Array.from({ length: count }, (_, index) => memory(16).getUint32(index * 4, true)));
        if (seen.length > 1) return 0;
        attr.setUint32(32, 2, true);
        return -4;
      },
    });
    expect(map.setMany([1, 2, 3].map((key) => [key, 0]))).toBe(3);
    expect(seen).toEqual([[1, 2, 3], [3]]);
  });
});

describe("errors", () => {
  it("name the capability that is missing, or say that none is", () => {
    const sys = new FakeSys({ BPF_MAP_CREATE: () => -1 });
    const create = () =>
      createMap({ name: "x", type: "hash", keySize: 4, valueSize: 4, maxEntries: 1 }, { sys });
    expect(create).toThrow(
      expect.objectContaining({
        code: "ERR_PERMISSION",
        op: "BPF_MAP_CREATE",
        syscall: "BPF_MAP_CREATE",
        errno: 1,
        hint: expect.stringContaining("CAP_BPF"),
      }),
    );
    using directory = new TemporaryDirectory();
    expect(() => mountBpffs(`${directory.path}/bpf`, { sys })).toThrow("CAP_SYS_ADMIN");
  });

  it("name the call and the errno", () => {
    const sys = new FakeSys({ BPF_MAP_GET_FD_BY_ID: () => ENOENT });
    expect(() => openMapById(4, { sys })).toThrow("BPF_MAP_GET_FD_BY_ID of map 4 failed with ENOENT");
  });

  it("say that a kernel is too old for tcx", () => {
    const sys = new FakeSys({ BPF_LINK_CREATE: () => EINVAL, BPF_PROG_QUERY: () => EINVAL });
    using program = new Program(new Fd(sys, 3, "program p"), { name: "p", type: "sched_cls" });
    expect(() => attachTcx(program, { dev: "eth0", direction: "ingress" })).toThrow(
      expect.objectContaining({ code: "ERR_UNSUPPORTED", feature: "tcx", minimum: "6.6" }),
    );
  });

  it("of opening leave no descriptor behind", () => {
    const sys = new FakeSys({ BPF_MAP_GET_FD_BY_ID: () => 9, BPF_OBJ_GET_INFO_BY_FD: mapInfo(1, 4, 8, 1) });
    const def = defineMap({ name: "x", type: "hash", key: u32, value: u32 });
    expect(() => openMapById(4, def, { sys })).toThrow(expect.objectContaining({ code: "ERR_PIN_LAYOUT" }));
    expect(sys.closed).toEqual([9]);
  });
});

describe("loading a program", () => {
  const base = {
    BPF_BTF_LOAD: () => 3,
    BPF_MAP_CREATE: () => 4,
    BPF_OBJ_GET_INFO_BY_FD: mapInfo(1, 4, 4, 4),
  } as const;
  const options = { only: ["fine"] };

  it("asks for a log only after a failure, grows its buffer, and stops growing", async () => {
    const sizes: number[] = [];
    const sys = new FakeSys({
      ...base,
      BPF_PROG_LOAD: ({ attr }) => {
        const size = attr.getUint32(28, true);
        if (size === 4096) return 50; // asking whether the program type exists
        sizes.push(size);
        return ENOSPC;
      },
    });
    await expect(load(objectSpec("rejected"), { sys, ...options })).rejects.toThrow("ENOSPC");
    expect(sizes).toEqual([0, 2 ** 16, 2 ** 18, 2 ** 20, 2 ** 22, 2 ** 24, 2 ** 26]);
    expect(sys.closed).toContain(3);
  });

  it("goes straight to the size that the kernel asks for", async () => {
    const sizes: number[] = [];
    const sys = new FakeSys({
      ...base,
      BPF_PROG_LOAD: ({ attr, memory }) => {
        const size = attr.getUint32(28, true);
        if (attr.getUint32(4, true) > 3) return EINVAL; // a probe of another feature
        sizes.push(size);
        if (size === 0) return -13;
        new Uint8Array(memory(32).buffer).set(
          new TextEncoder().encode("0: (b4) w0 = 0\nbecause\nprocessed 1 insns\n"),
        );
        attr.setUint32(140, 3_000_000, true);
        return size < 3_000_000 ? ENOSPC : -13;
      },
    });
    const error = await load(objectSpec("rejected"), { sys, ...options }).catch((error: unknown) => error);
    expect(error).toMatchObject({
      code: "ERR_BPF_VERIFIER",
      summary: "because",
      log: expect.arrayContaining(["because"]),
    });
    expect(sizes.slice(0, 3)).toEqual([0, 65_536, 3_000_000]);
  });

  it("tries again a few times when it is interrupted", async () => {
    let tries = 0;
    const sys = new FakeSys({ ...base, BPF_PROG_LOAD: () => (++tries < 4 ? EAGAIN : 8) });
    const collection = await load(objectSpec("rejected"), { sys, ...options });
    expect(tries).toBe(4);
    collection.close();
    expect(sys.closed).toEqual([3, 8]);
  });

  it("tells a missing capability from a bad program", async () => {
    const sys = new FakeSys({ ...base, BPF_PROG_LOAD: () => -1 });
    await expect(load(objectSpec("rejected"), { sys, ...options })).rejects.toThrow(
      expect.objectContaining({ code: "ERR_PERMISSION", hint: expect.stringContaining("CAP_BPF") }),
    );
  });

  it("passes attributes of the exact size", async () => {
    const sizes = new Map<string, number>();
    const note =
      (result: number): Handler =>
      ({ command, size }) => {
        sizes.set(command, size);
        return result;
      };
    const sys = new FakeSys({
      BPF_BTF_LOAD: note(3),
      BPF_MAP_CREATE: note(4),
      BPF_PROG_LOAD: note(5),
      BPF_OBJ_GET_INFO_BY_FD: base.BPF_OBJ_GET_INFO_BY_FD,
    });
    (await load(objectSpec("rejected"), { sys })).close();
    expect(Object.fromEntries(sizes)).toEqual({ BPF_BTF_LOAD: 32, BPF_MAP_CREATE: 72, BPF_PROG_LOAD: 144 });
  });
});

describe("features", () => {
  it("are absent from a kernel that refuses everything", () => {
    const features = new Features(new FakeSys({}));
    expect(features.has("ringbuf")).toBe(false);
    expect(features.has("tcx")).toBe(false);
    expect(features.has("core")).toBe(false);
    expect(features.has("helper:1")).toBe(false);
    expect(() => features.require("tcx")).toThrow("this kernel lacks tcx, which came with Linux 6.6");
  });

  it("cannot be known without permission", () => {
    const features = new Features(new FakeSys({ BPF_MAP_CREATE: () => -1, BPF_PROG_LOAD: () => -1 }));
    expect(() => features.has("ringbuf")).toThrow(expect.objectContaining({ code: "ERR_PERMISSION" }));
    expect(() => features.has("tcx")).toThrow(expect.objectContaining({ code: "ERR_PERMISSION" }));
  });
});

describe("the list of CPUs", () => {
  it.each([
    ["0\n", 1],
    ["0-3\n", 4],
    ["0-3,8-11\n", 12],
    ["0,2\n", 3],
  ])("%j has room for %i", (list, count) => expect(countCpus(list)).toBe(count));

  it("is refused if it makes no sense", () => {
    expect(() => countCpus("")).toThrow(TypeError);
    expect(() => countCpus("a-b")).toThrow(TypeError);
  });
});
