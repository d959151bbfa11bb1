import { readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bpf2tsError, generate } from "@netloom/bpf-loader/bpf2ts";
import { TemporaryDirectory } from "./fixtures.ts";
import { DIRECTORY, TYPES_OPTIONS, objectSpec } from "./objects.ts";
import {
  OBSERVED_HERE,
  Verdict,
  configDefaults,
  dropEventCodec,
  encodeConfig,
  flowKeyCodec,
  flowValueCodec,
  maps,
  verdictName,
} from "./objects/types.generated.ts";
import type { Codec, DropEvent, FlowKey, FlowValue } from "./objects/types.generated.ts";

const golden = `${DIRECTORY}/types.generated.ts`;

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const s64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const s32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const address = fc.oneof(
  fc.record({ family: fc.constant(4 as const), bytes: fc.uint8Array({ minLength: 4, maxLength: 4 }) }),
  fc.record({ family: fc.constant(6 as const), bytes: fc.uint8Array({ minLength: 16, maxLength: 16 }) }),
);
const mac = fc
  .array(u8, { minLength: 6, maxLength: 6 })
  .map((bytes) => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":"));
const flowKey: fc.Arbitrary<FlowKey> = fc.record({
  source: address,
  destination: address,
  sourcePort: u16,
  destinationPort: u16,
  protocol: u8,
});
const counters = fc.record({ packets: u64, bytes: u64 });
const flowValue: fc.Arbitrary<FlowValue> = fc.record({
  directions: fc.array(counters, { minLength: 2, maxLength: 2 }),
  lastVerdict: u32,
  balance: s32,
  offsetNs: s64,
  mac,
  established: fc.boolean(),
  name: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  history: fc.array(u16, { minLength: 3, maxLength: 3 }),
  nested: fc.record({ x: u32, y: u64 }),
  tail: u16,
});

/** Encodes over rubbish, so that a byte left out shows. */
function encoded<T>(codec: Codec<T>, value: T, rubbish: number, offset = 0): Uint8Array {
  const bytes = new Uint8Array(codec.size + offset + 4).fill(rubbish);
  codec.encode(value, new DataView(bytes.buffer), offset);
  expect(
    [...bytes.subarray(0, offset), ...bytes.subarray(offset + codec.size)].every((byte) => byte === rubbish),
  ).toBe(true);
  return bytes.slice(offset, offset + codec.size);
}

function roundTrips<T>(codec: Codec<T>, arbitrary: fc.Arbitrary<T>): void {
  fc.assert(
    fc.property(arbitrary, fc.integer({ min: 0, max: 9 }), (value, offset) => {
      const bytes = encoded(codec, value, 0xaa, offset);
      expect(bytes).toEqual(encoded(codec, value, 0x55));
      expect(codec.decode(new DataView(bytes.buffer, bytes.byteOffset), 0)).toEqual(value);
    }),
  );
}

describe("generated code", () => {
  it("is what the committed file holds", () => {
    // To renew: bpf2ts with TYPES_OPTIONS; the type checker reads the file like any other.
    expect(generate(objectSpec("types"), TYPES_OPTIONS)).toBe(readFileSync(golden, "utf8"));
  });

  it("does not depend on anything but its input", () => {
    expect(generate(objectSpec("maps"))).toBe(generate(objectSpec("maps")));
    expect(generate([objectSpec("types"), objectSpec("types")], { ...TYPES_OPTIONS, source: "types" })).toBe(
      generate(objectSpec("types"), TYPES_OPTIONS),
    );
  });

  it("imports nothing of this package", () => {
    const imports = generate(objectSpec("globals")).match(/^import/gm);
    expect(imports).toBeNull();
  });

  it("writes every byte and reads back what it wrote", () => {
    expect(() => roundTrips(flowKeyCodec, flowKey)).not.toThrow();
    expect(() => roundTrips(flowValueCodec, flowValue)).not.toThrow();
  });

  it("knows network byte order by the type of the field", () => {
    const any: FlowKey = {
      source: { family: 4, bytes: new Uint8Array([10, 0, 0, 1]) },
      destination: { family: 4, bytes: new Uint8Array([10, 0, 0, 2]) },
      sourcePort: 0x1234,
      destinationPort: 443,
      protocol: 6,
    };
    expect([...encoded(flowKeyCodec, any, 0xff).subarray(40)]).toEqual([0x12, 0x34, 1, 187, 6, 0, 0, 0]);
  });

  it("throws RangeError and names the field for what does not fit", () => {
    const event: DropEvent = {
      timestamp: 1n,
      reason: 1,
      direction: -1,
      flags: 0,
      length: 9,
      point: OBSERVED_HERE,
    };
    expect(() => encoded(dropEventCodec, { ...event, reason: 65_536 }, 0)).toThrow(
      "DropEvent.reason must be an integer from 0 to 65535, not 65536",
    );
    expect(() => encoded(dropEventCodec, { ...event, direction: 200 }, 0)).toThrow(RangeError);
    expect(() => encoded(dropEventCodec, { ...event, timestamp: -1n }, 0)).toThrow("DropEvent.timestamp");
    expect(() => encoded(dropEventCodec, { ...event, timestamp: 2n ** 64n }, 0)).toThrow(RangeError);
    expect(() => encoded(dropEventCodec, { ...event, length: Number.NaN }, 0)).toThrow(RangeError);
  });

  it("turns enums into constants with a way back", () => {
    expect(Verdict).toEqual({ VERDICT_DROP: 0, VERDICT_FORWARD: 1, VERDICT_REDIRECT: 7, VERDICT_ALIAS: 7 });
    expect(verdictName(7)).toBe("VERDICT_REDIRECT");
    expect(verdictName(99)).toBeUndefined();
  });

  it("describes maps and configuration", () => {
    expect(maps.flowTable).toMatchObject({
      name: "flow_table",
      type: "lru_hash",
      keySize: 48,
      valueSize: 104,
    });
    expect(maps.policies).toMatchObject({ pinning: "by-name", inner: { type: "lpm_trie", flags: 1 } });
    expect(configDefaults).toEqual({ backendCount: 64, routerMac: "02:00:00:00:00:01", strictMode: true });
    const config = encodeConfig({ routerMac: "02:00:00:00:00:09", strictMode: false });
    const spec = objectSpec("types").with({ config });
    expect(spec.initial("router_mac")).toEqual(new Uint8Array([2, 0, 0, 0, 0, 9]));
    expect(spec.initial("strict_mode")).toBe(false);
    expect(spec.initial("backend_count")).toBe(64);
  });
});

describe("types without a faithful form", () => {
  it.each([
    ["with_pointer", "struct with_pointer.next is a pointer"],
    ["with_bitfield", "struct with_bitfield.low is a bitfield"],
    ["with_union", "struct with_union.choice is a union (choice)"],
    ["with_anonymous_union", "struct with_anonymous_union.(anonymous) is a union"],
  ])("%s is refused by name", (struct, message) => {
    expect(() => generate(objectSpec("unsupported"), { structs: [struct] })).toThrow(message);
    expect(() => generate(objectSpec("unsupported"), { structs: [struct] })).toThrow(Bpf2tsError);
  });

  it("can be left as bytes", () => {
    const text = generate(objectSpec("unsupported"), { structs: ["with_union"], types: { choice: "bytes" } });
    expect(text).toContain("readonly choice: Uint8Array;");
  });

  it("are told from types that are not there", () => {
    expect(() => generate(objectSpec("maps"), { structs: ["nothing"] })).toThrow(
      "no object has struct nothing",
    );
    expect(() => generate(objectSpec("maps"), { enums: ["NOTHING"] })).toThrow("no object has enum NOTHING");
  });

  it("include maps of one name that differ between objects", () => {
    expect(() => generate([objectSpec("pinned-v1"), objectSpec("pinned-v2")])).toThrow(Bpf2tsError);
  });
});

describe("the command", () => {
  const cli = fileURLToPath(new URL("../src/bpf2ts/cli.ts", import.meta.url));
  const run = (...args: string[]) => spawnSync(process.execPath, [cli, ...args], { encoding: "utf8" });

  it("writes a file and checks that it is up to date", () => {
    using directory = new TemporaryDirectory();
    const output = `${directory.path}/maps.generated.ts`;
    const object = `${DIRECTORY}/maps.bpf.o`;
    expect(run(object, "-o", output).status).toBe(0);
    expect(readFileSync(output, "utf8")).toContain("export const maps");
    expect(run(object, "-o", output, "--check").status).toBe(0);
    expect(run(`${DIRECTORY}/globals.bpf.o`, "-o", output, "--check").status).toBe(1);
  });

  it("explains itself and its failures", () => {
    expect(run("--help").stdout).toContain("usage: bpf2ts");
    expect(run().status).toBe(2);
    const failed = run("-s", "with_pointer", `${DIRECTORY}/unsupported.bpf.o`);
    expect(failed.status).toBe(2);
    expect(failed.stderr).toContain("with_pointer.next is a pointer");
  });
});
