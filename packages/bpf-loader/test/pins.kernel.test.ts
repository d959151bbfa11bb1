import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  codecs,
  createMap,
  defineMap,
  isBpffs,
  load,
  mountBpffs,
  openPinnedMap,
  openPinnedProgram,
  unmountBpffs,
} from "@netloom/bpf-loader";
import type { MapMismatch } from "@netloom/bpf-loader";
import { TemporaryBpffs, TemporaryDirectory, openDescriptors, privileged, uniqueName } from "./fixtures.ts";
import { objectSpec } from "./objects.ts";

const { u32, bytes } = codecs;
const counters = defineMap({ name: "counters", type: "hash", key: u32, value: bytes(16) });

describe.skipIf(!privileged)("pinning", () => {
  let bpffs: TemporaryBpffs;
  let pinPath: string;
  beforeAll(() => void (bpffs = new TemporaryBpffs()));
  beforeEach(() => void (pinPath = join(bpffs.path, uniqueName())));
  afterAll(() => bpffs?.[Symbol.dispose]());

  it("keeps a map across loads", async () => {
    const value = new Uint8Array(16).fill(3);
    {
      await using first = await load(objectSpec("pinned-v1"), { pinPath });
      first.map(counters).set(1, value);
    }
    expect(readdirSync(pinPath)).toEqual(["counters"]);
    await using second = await load(objectSpec("pinned-v1"), { pinPath });
    expect(second.map(counters).get(1)).toEqual(value);
  });

  it("refuses fields that changed places although sizes agree, and says what to do", async () => {
    (await load(objectSpec("pinned-v1"), { pinPath })).close();
    const before = openDescriptors();
    await expect(load(objectSpec("pinned-v2"), { pinPath })).rejects.toThrow(
      expect.objectContaining({
        code: "ERR_PIN_LAYOUT",
        object: "counters",
        message:
          `map counters pinned at ${pinPath}/counters is incompatible: value.dropped should be u32 dropped at byte 0 ` +
          `and is u32 accepted at byte 0; remove the pin, or load with onIncompatiblePin: "replace" to start it empty`,
      }),
    );
    expect(openDescriptors()).toBe(before);
    expect(readdirSync(pinPath)).toEqual(["counters"]);
  });

  it("refuses another size", async () => {
    (await load(objectSpec("pinned-v1"), { pinPath })).close();
    await expect(load(objectSpec("pinned-v3"), { pinPath })).rejects.toThrow(
      "maxEntries should be 128 and is 64",
    );
  });

  it("replaces an incompatible map if told so, and the old one lives on with its users", async () => {
    const old = await load(objectSpec("pinned-v1"), { pinPath });
    old.map(counters).set(1, new Uint8Array(16));
    const seen: MapMismatch[] = [];
    const onIncompatiblePin = (mismatch: MapMismatch) => {
      seen.push(mismatch);
      return "replace" as const;
    };
    await using replaced = await load(objectSpec("pinned-v2"), { pinPath, onIncompatiblePin });
    expect(seen).toEqual([expect.objectContaining({ map: "counters", field: "value.dropped" })]);
    expect(replaced.map(counters).count()).toBe(0);
    expect(old.map(counters).count()).toBe(1);
    expect(readdirSync(pinPath)).toEqual(["counters"]);
    using pinned = openPinnedMap(join(pinPath, "counters"), counters);
    expect(pinned.id).toBe(replaced.map(counters).id);
    old.close();
  });

  it("leaves no pin behind when a load fails", async () => {
    const spec = objectSpec("pinned-v1").with({ maxEntries: { counters: 0xffff_ffff } });
    await expect(load(spec, { pinPath })).rejects.toThrow(expect.objectContaining({ code: "ERR_SYSCALL" }));
    expect(existsSync(pinPath)).toBe(false);
  });

  it("leaves the old pin alone when replacing fails", async () => {
    (await load(objectSpec("pinned-v1"), { pinPath })).close();
    const controller = new AbortController();
    const loading = load(objectSpec("pinned-v2"), {
      pinPath,
      onIncompatiblePin: "replace",
      signal: controller.signal,
    });
    controller.abort();
    await expect(loading).rejects.toThrow("aborted");
    (await load(objectSpec("pinned-v1"), { pinPath })).close();
  });

  it("opens pins with their types checked", async () => {
    (await load(objectSpec("pinned-v1"), { pinPath })).close();
    const path = join(pinPath, "counters");
    using plain = openPinnedMap(path);
    expect(plain.info()).toMatchObject({
      type: "hash",
      name: "counters",
      keySize: 4,
      valueSize: 16,
      maxEntries: 64,
    });
    const layout = { key: "4;id@0:u32", value: "16;accepted@0:u32;dropped@4:u32;bytes@8:u64" };
    using typed = openPinnedMap(path, { ...counters, layout });
    expect(typed.id).toBe(plain.id);
    const before = openDescriptors();
    const wrong = { ...layout, value: "16;accepted@0:u32;dropped@4:u64;bytes@8:u64" };
    expect(() => openPinnedMap(path, { ...counters, layout: wrong })).toThrow("value.dropped should be u64");
    expect(() => openPinnedMap(path, { ...counters, value: bytes(15) })).toThrow(
      "valueSize should be 15 and is 16",
    );
    expect(() => openPinnedMap(join(pinPath, "nothing"))).toThrow(
      expect.objectContaining({ code: "ERR_SYSCALL", errno: 2, hint: "nothing is pinned there" }),
    );
    expect(openDescriptors()).toBe(before);
  });

  it("works on maps and programs by hand", async () => {
    const path = join(pinPath, "deep", "map");
    using map = createMap({ name: "map", type: "array", keySize: 4, valueSize: 4, maxEntries: 1 });
    map.pin(path);
    expect(() => map.pin(path)).toThrow(expect.objectContaining({ errno: 17 }));
    using again = openPinnedMap(path);
    expect(again.id).toBe(map.id);
    map.unpin(path);
    map.unpin(path);
    expect(existsSync(path)).toBe(false);
    await using hooks = await load(objectSpec("hooks"), { only: ["count"] });
    hooks.program("count").pin(path);
    hooks.close();
    using program = openPinnedProgram(path);
    expect(program.type).toBe("xdp");
    expect(program.run().verdict).toBe(2);
    program.unpin(path);
  });

  it("says when a path is not on a bpf file system", () => {
    using directory = new TemporaryDirectory();
    using map = createMap({ name: "map", type: "array", keySize: 4, valueSize: 4, maxEntries: 1 });
    expect(() => map.pin(join(directory.path, "map"))).toThrow(
      expect.objectContaining({ code: "ERR_SYSCALL", hint: expect.stringContaining("see mountBpffs") }),
    );
    expect(() => map.pin(join(bpffs.path, "a.b"))).toThrow("names on a bpf file system contain no dot");
  });
});

describe.skipIf(!privileged)("a bpf file system", () => {
  it("is mounted once, found, and unmounted", () => {
    using directory = new TemporaryDirectory();
    const path = join(directory.path, "bpf");
    expect(isBpffs(path)).toBe(false);
    expect(mountBpffs(path)).toBe(true);
    try {
      expect(isBpffs(path)).toBe(true);
      expect(mountBpffs(path)).toBe(false);
    } finally {
      unmountBpffs(path);
    }
    expect(isBpffs(path)).toBe(false);
    unmountBpffs(path);
    unmountBpffs(join(directory.path, "nothing"));
  });
});
