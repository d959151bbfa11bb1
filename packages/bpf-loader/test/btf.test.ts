import { describe, expect, it } from "vitest";
import { btfCodec, compareLayouts, layoutHash, layoutOf, parseBtf } from "@netloom/bpf-loader";
import type { Btf } from "@netloom/bpf-loader";
import { KernelNames } from "../src/btf/kernel.ts";
import { isPadding } from "../src/btf/layout.ts";
import { KIND } from "../src/btf/types.ts";
import { summarize } from "../src/load/log.ts";
import { objectSpec } from "./objects.ts";

/** Hand-made BTF: each type is its words after the name, `$name` standing for a name's offset. */
function btfOf(types: readonly (readonly (number | string)[])[], stringBase = 0): Uint8Array {
  let strings = stringBase === 0 ? "\0" : "";
  const offset = (name: string): number => {
    const at = strings.length + stringBase;
    strings += `${name}\0`;
    return at;
  };
  const words = types.flat().map((word) => (typeof word === "string" ? offset(word) : word));
  const header = new DataView(new ArrayBuffer(24));
  header.setUint16(0, 0xeb9f, true);
  header.setUint8(2, 1);
  header.setUint32(4, 24, true);
  header.setUint32(12, words.length * 4, true);
  header.setUint32(16, words.length * 4, true);
  header.setUint32(20, strings.length, true);
  return Buffer.concat([
    Buffer.from(header.buffer),
    Buffer.from(new Uint32Array(words).buffer),
    Buffer.from(strings, "latin1"),
  ]);
}

const head = (kind: number, vlen = 0): number => ((kind << 24) | vlen) >>> 0;
const INT = (name: string, size: number): (number | string)[] => [name, head(KIND.INT), size, size * 8];
const parse = (types: readonly (readonly (number | string)[])[]): Btf =>
  parseBtf("made", new Uint8Array(btfOf(types)));

describe("BTF", () => {
  it("does not follow a cycle of typedefs", () => {
    const btf = parse([
      ["a", head(KIND.TYPEDEF), 2],
      ["b", head(KIND.TYPEDEF), 1],
    ]);
    expect(() => btf.resolve(1)).toThrow("a cycle of typedefs");
    expect(() => layoutOf(btf, 1)).toThrow(expect.objectContaining({ code: "ERR_OBJECT_CORRUPT" }));
  });

  it("does not descend into a struct that holds itself", () => {
    const btf = parse([["s", head(KIND.STRUCT, 1), 8, "self", 1, 0]]);
    expect(() => layoutOf(btf, 1)).toThrow("nested without end");
    expect(() => btfCodec(btf, 1)).toThrow("nested without end");
  });

  it("does not unfold types that double at each step", () => {
    // Each struct holds the one before it twice: 2^30 fields in 30 types.
    const types: (number | string)[][] = [INT("u32", 4)];
    for (let id = 2; id < 32; id++)
      types.push([`s${id}`, head(KIND.STRUCT, 2), 8, "a", id - 1, 0, "b", id - 1, 32]);
    const btf = parse(types);
    expect(() => layoutOf(btf, 31)).toThrow("too many fields");
    expect(() => btfCodec(btf, 31)).toThrow(expect.objectContaining({ code: "ERR_OBJECT_CORRUPT" }));
  });

  it("does not make arrays larger than memory", () => {
    const array = (element: number): (number | string)[] => [0, head(KIND.ARRAY), 0, element, 1, 0xffff_ffff];
    const btf = parse([INT("u32", 4), array(1), array(2), array(3)]);
    expect(() => btf.sizeOf(4)).toThrow(expect.objectContaining({ code: "ERR_OBJECT_CORRUPT" }));
  });

  it("does not count through an array of nothing", () => {
    const btf = parse([
      ["empty", head(KIND.STRUCT, 0), 0],
      [0, head(KIND.ARRAY), 0, 1, 1, 0x7fff_ffff],
    ]);
    expect(btf.sizeOf(2)).toBe(0);
    expect(btfCodec(btf, 2).decode(new DataView(new ArrayBuffer(0)), 0)).toEqual(new Uint8Array(0));
  });

  it("refuses kinds it does not know, and ids that are not there", () => {
    expect(() => parse([["x", head(30), 0]])).toThrow("unknown kind 30");
    expect(() => parse([["x", head(KIND.TYPEDEF), 99]]).resolve(1)).toThrow("no type 99");
  });

  it("reads enums of both widths and signs", () => {
    const btf = parse([
      ["e", (head(KIND.ENUM, 1) | 0x8000_0000) >>> 0, 4, "minus", 0xffff_ffff],
      ["f", head(KIND.ENUM64, 1), 8, "large", 1, 2],
    ]);
    expect(btf.type(1)).toMatchObject({ kind: "enum", signed: true, values: [{ name: "minus", value: -1 }] });
    expect(btf.type(2)).toMatchObject({
      kind: "enum",
      size: 8,
      values: [{ name: "large", value: 0x2_0000_0001n }],
    });
  });
});

describe("names of the kernel", () => {
  const FUNC = (name: string): (number | string)[] => [name, head(KIND.FUNC, 1), 1];
  const base = new KernelNames("vmlinux", btfOf([INT("int", 4), FUNC("alpha"), FUNC("alphabet")]));

  it("are found whole", () => {
    expect(base.id("func", "alpha")).toBe(2);
    expect(base.id("func", "alphabet")).toBe(3);
    expect(base.id("func", "alph")).toBeUndefined();
    expect(base.id("func", "int")).toBeUndefined();
    expect(base.id("var", "alpha")).toBeUndefined();
  });

  it("go on in a module where the kernel proper ends", () => {
    const module = new KernelNames("module", btfOf([FUNC("pad"), FUNC("beta")], base.stringsEnd), base);
    expect(module.id("func", "beta")).toBe(5);
    expect(module.id("func", "alpha")).toBeUndefined();
  });
});

describe("layouts", () => {
  it("read like the struct, without padding", () => {
    const spec = objectSpec("maps");
    const map = spec.maps.get("hash");
    expect(spec.btf && layoutOf(spec.btf, map?.valueType ?? 0)).toBe(
      "24;packets@0:u64;flags@8:u32;mac@12:[6]u8",
    );
  });

  it("differ by name, place, type and size", () => {
    expect(compareLayouts("4;a@0:u32", "4;a@0:u32")).toBeUndefined();
    expect(compareLayouts("4;a@0:u32", "4;b@0:u32")).toEqual({
      field: "a",
      want: "u32 a at byte 0",
      have: "u32 b at byte 0",
    });
    expect(compareLayouts("8;a@0:u32;b@4:u32", "8;a@0:u32")).toMatchObject({ field: "b", have: "nothing" });
    expect(compareLayouts("4;@0:be32", "4;@0:u32")).toEqual({
      field: "",
      want: "be32 at byte 0",
      have: "u32 at byte 0",
    });
    expect(compareLayouts("8;a@0:u32", "12;a@0:u32")).toEqual({
      field: "",
      want: "8 bytes",
      have: "12 bytes",
    });
  });

  it("have a hash that is stable", () => {
    expect(layoutHash("")).toBe("cbf29ce484222325");
    expect(layoutHash("a")).toBe("af63dc4c8601ec8c");
  });

  it.each(["pad", "_pad", "pad1", "pad_2", "__pad3", "padding", "PAD"])("leave out %s", (name) =>
    expect(isPadding(name)).toBe(true),
  );

  it.each(["padded", "pad_to", "keypad", "path", ""])("keep %j", (name) =>
    expect(isPadding(name)).toBe(false),
  );
});

describe("a verifier log", () => {
  it("is summarized by the line that says why", () => {
    const log = [
      "0: (b7) r0 = 0",
      "R1 !read_ok",
      "processed 1 insns (limit 1000000)",
      "verification time 3 usec",
      "",
    ];
    expect(summarize(log)).toBe("R1 !read_ok");
    expect(summarize([])).toBe("");
  });
});
