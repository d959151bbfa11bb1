import { describe, expect, it } from "vitest";
import { BpfError, isBpfError, parseObject } from "@netloom/bpf-loader";
import { Bpf2tsError, generate } from "@netloom/bpf-loader/bpf2ts";
import { OBJECTS, objectBytes } from "./objects.ts";
import { corruptions, structuredCorruptions } from "./mutate.ts";

describe("corrupt objects", () => {
  it("are refused with a typed error, 3,000 of them, quickly and in little memory", () => {
    let refused = 0;
    let parsed = 0;
    let slowest = 0;
    for (const [, bytes] of corruptions(3000)) {
      const start = performance.now();
      try {
        const spec = parseObject(bytes);
        // What parses must also survive being looked at.
        for (const name of [...spec.config.keys(), ...spec.vars.keys()]) spec.initial(name);
        parsed++;
      } catch (error) {
        if (!isBpfError(error, "ERR_OBJECT_CORRUPT") && !isBpfError(error, "ERR_UNSUPPORTED")) throw error;
        refused++;
      }
      slowest = Math.max(slowest, performance.now() - start);
    }
    expect(refused + parsed).toBe(3000);
    expect(refused).toBeGreaterThan(300);
    expect(slowest).toBeLessThan(2000);
    expect(process.memoryUsage().rss).toBeLessThan(2 ** 30);
  });

  it("whose sections are in place are refused, or can be looked at and generated from", () => {
    const seen = { refused: 0, generated: 0 };
    let slowest = 0;
    for (const [name, bytes] of structuredCorruptions(3000)) {
      const start = performance.now();
      try {
        const spec = parseObject(bytes, { name });
        for (const variable of [...spec.config.keys(), ...spec.vars.keys()]) spec.initial(variable);
        if (generate(spec).length < 2 ** 20) seen.generated++;
      } catch (error) {
        if (!isBpfError(error) && !(error instanceof Bpf2tsError)) throw error;
        seen.refused++;
      }
      slowest = Math.max(slowest, performance.now() - start);
    }
    expect(Math.min(seen.refused, seen.generated)).toBeGreaterThan(500);
    expect(slowest).toBeLessThan(2000);
  });

  it("are refused when cut anywhere", () => {
    const bytes = objectBytes("events");
    for (let length = 0; length < bytes.byteLength; length += 7) {
      expect(() => parseObject(bytes.subarray(0, length))).toThrow(BpfError);
    }
  });

  it("are named in the message", () => {
    expect(() => parseObject(new Uint8Array(3), { name: "x.o" })).toThrow(
      "x.o is not a usable BPF object: it is not an ELF file",
    );
  });

  it("may be of another machine, class or byte order, and are told apart", () => {
    const change = (offset: number, value: number): Uint8Array => {
      const bytes = objectBytes("events");
      bytes[offset] = value;
      return bytes;
    };
    expect(() => parseObject(change(18, 62))).toThrow("not a BPF object file");
    expect(() => parseObject(change(4, 1))).toThrow("not a 64-bit ELF file");
    expect(() => parseObject(change(5, 2))).toThrow(expect.objectContaining({ code: "ERR_UNSUPPORTED" }));
  });

  it("cannot make a section larger than the kernel would take", () => {
    const results: boolean[] = [];
    for (const name of OBJECTS) {
      const bytes = objectBytes(name);
      const view = new DataView(bytes.buffer);
      const headers = Number(view.getBigUint64(40, true));
      for (let index = 0; index < view.getUint16(60, true); index++) {
        const copy = bytes.slice();
        new DataView(copy.buffer).setBigUint64(headers + index * 64 + 32, 0x7fff_ffff_ffffn, true);
        // The first header stands for no section, and its fields are not looked at.
        results.push(index === 0 || codeOf(() => parseObject(copy)) === "ERR_OBJECT_CORRUPT");
      }
    }
    expect(results).not.toContain(false);
  });
});

function codeOf(parse: () => unknown): string | undefined {
  try {
    parse();
  } catch (error) {
    return isBpfError(error) ? error.code : String(error);
  }
}
