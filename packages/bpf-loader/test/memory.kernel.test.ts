import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { codecs, createMap, defineMap, load, mapArray } from "@netloom/bpf-loader";
import { privileged, openDescriptors } from "./fixtures.ts";
import { FakeSys, mapInfo } from "./fake-sys.ts";
import { objectSpec } from "./objects.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Collects garbage until it has shown, or for two seconds. */
async function collected(shown: () => boolean): Promise<boolean> {
  for (let round = 0; round < 100 && !shown(); round++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return shown();
}

describe("a forgotten descriptor", () => {
  it("is closed, with a warning", async () => {
    const warnings: string[] = [];
    const listen = (warning: Error): void => void warnings.push(`${warning.name}: ${warning.message}`);
    process.on("warning", listen);
    const sys = new FakeSys({ BPF_MAP_CREATE: () => 1234, BPF_OBJ_GET_INFO_BY_FD: mapInfo(1, 4, 4, 1) });
    (() => createMap({ name: "lost", type: "hash", keySize: 4, valueSize: 4, maxEntries: 1 }, { sys }))();
    expect(await collected(() => sys.closed.length > 0)).toBe(true);
    await new Promise(setImmediate);
    process.off("warning", listen);
    expect(sys.closed).toEqual([1234]);
    expect(warnings).toEqual([
      expect.stringContaining("BpfLeakWarning: map lost was garbage collected without close()"),
    ]);
  });
});

describe.skipIf(!privileged)("memory shared with the kernel", () => {
  const mappings = () => readFileSync("/proc/self/maps", "utf8").match(/bpf-map/g)?.length ?? 0;
  const array = {
    name: "array",
    type: "array",
    keySize: 4,
    valueSize: 8,
    maxEntries: 512,
    flags: 1 << 10,
  } as const;
  const def = defineMap({ name: "array", type: "array", key: codecs.u32, value: codecs.u64 });

  it("is unmapped when nobody holds it any more", async () => {
    const before = mappings();
    (() => {
      for (let round = 0; round < 40; round++) {
        using map = createMap(array, def);
        mapArray(map, codecs.u64).set(0, 1n);
      }
    })();
    expect(mappings()).toBeGreaterThan(before);
    expect(await collected(() => mappings() === before)).toBe(true);
  });

  it("is let go by closing", () => {
    const before = mappings();
    using map = createMap(array, def);
    const mapped = mapArray(map, codecs.u64);
    expect(mappings()).toBe(before + 1);
    mapped.close();
    expect(mappings()).toBe(before);
  });

  it("keeps its address while garbage is collected", () => {
    using map = createMap({ ...array, type: "hash", flags: 0 }, { ...def, type: "hash" });
    for (let key = 0; key < 200; key++) {
      map.set(key, BigInt(key));
      if (key % 20 === 0) collect();
    }
    for (let key = 0; key < 200; key++) expect(map.get(key)).toBe(BigInt(key));
  });
});

describe.skipIf(!privileged)("a program that outlives its collection in JavaScript", () => {
  it("keeps its program array filled", async () => {
    const program = await (async () => (await load(objectSpec("nested"))).program("dispatch"))();
    const before = openDescriptors();
    for (let round = 0; round < 10; round++) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(openDescriptors()).toBe(before);
    expect(program.run({ ctx: { mark: 1 } }).verdict).toBe(1);
  });
});
