import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeLine, encodeLine, linesOf } from "../../src/process/wire.ts";

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}

async function* chunks(...parts: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* parts;
}

describe("a line between agent and process", () => {
  it("carries numbers of 64 bits and bytes, which JSON does not", () => {
    const attributes = {
      nextHop: "192.0.2.1",
      extendedCommunities: [0x0002_fde8_0000_0001n],
      unknown: [{ flags: 0xc0, type: 99, value: new Uint8Array([1, 2, 255]) }],
    };
    expect(decodeLine(encodeLine(attributes))).toEqual(attributes);
  });

  it("has no end within itself, whatever it carries", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(encodeLine({ text })).not.toContain("\n");
        expect(decodeLine(encodeLine({ text }))).toEqual({ text });
      }),
    );
  });

  it("is found again however the stream was cut, also within a character", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\n")),
          { maxLength: 5 },
        ),
        fc.array(fc.nat(40), { maxLength: 5 }),
        async (lines, cuts) => {
          const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
          const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort(
            (a, b) => a - b,
          );
          const parts = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
          expect(await collect(linesOf(chunks(...parts)))).toEqual(lines);
        },
      ),
    );
  });

  it("must not be longer than the limit, also where it never ends", async () => {
    const half = new TextEncoder().encode("x".repeat(60));
    await expect(collect(linesOf(chunks(half, half), 100))).rejects.toMatchObject({ code: "ERR_CAPACITY" });
    const short = new TextEncoder().encode(`${"x".repeat(90)}\n${"y".repeat(90)}\n`);
    expect(await collect(linesOf(chunks(short), 100))).toHaveLength(2);
  });
});
