import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeKeepalive, encodeRouteRefresh, MessageReader } from "../../src/wire/index.ts";
import { hex, messageOf, refusedWith, toHex, updateOf } from "./support/build.ts";

const MARKER = "ff".repeat(16);

function readAll(reader: MessageReader, ...chunks: readonly Uint8Array[]): string[] {
  const messages: string[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let message = reader.next(); message !== undefined; message = reader.next())
      messages.push(`${message.type} ${toHex(message.bytes)}`);
  }
  return messages;
}

const keepalive = encodeKeepalive();
const refresh = encodeRouteRefresh("ipv6-unicast");
const update = updateOf({ withdrawn: "180a0000".repeat(900) });
const stream = Uint8Array.of(...keepalive, ...update, ...refresh, ...keepalive, ...update);

describe("MessageReader", () => {
  it("finds the same messages however the stream is cut", () => {
    const whole = readAll(new MessageReader(), stream);
    expect(whole.map((each) => each.split(" ")[0])).toEqual([
      "keepalive",
      "update",
      "route-refresh",
      "keepalive",
      "update",
    ]);
    const cuts = fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 60 });
    fc.assert(
      fc.property(cuts, (cuts) => {
        const at = [0, ...cuts.toSorted((left, right) => left - right), stream.length];
        const chunks = at.slice(1).map((end, index) => stream.slice(at[index], end));
        expect(readAll(new MessageReader(), ...chunks)).toEqual(whole);
      }),
    );
    expect(readAll(new MessageReader(), ...[...stream].map((byte) => Uint8Array.of(byte)))).toEqual(whole);
  });

  it("does not copy a message that lies whole in a chunk", () => {
    const reader = new MessageReader();
    reader.push(stream);
    expect(reader.next()?.bytes.buffer).toBe(stream.buffer);
    expect(reader.next()?.bytes.buffer).toBe(stream.buffer);
  });

  it("keeps no more than the message that is not yet whole", () => {
    const reader = new MessageReader();
    readAll(reader, stream.subarray(0, stream.length - 1));
    expect(reader.pendingBytes).toBe(update.length - 1);
    readAll(reader, stream.subarray(stream.length - 1));
    expect(reader.pendingBytes).toBe(0);
  });

  it("goes on later from a chunk that has been reused in the meantime", () => {
    const reader = new MessageReader();
    const chunk = stream.slice();
    reader.push(chunk);
    expect(reader.next()?.type).toBe("keepalive");
    reader.keep();
    chunk.fill(0);
    reader.push(stream);
    const rest = readAll(reader, new Uint8Array(0));
    expect(rest).toEqual([
      ...readAll(new MessageReader(), stream).slice(1),
      ...readAll(new MessageReader(), stream),
    ]);
  });

  it.each([
    ["a marker that is not all ones", `${"ff".repeat(15)}fe001304`, "0101"],
    ["a length below 19", `${MARKER}001204`, "01020012"],
    ["a length above 4096", `${MARKER}100102`, "01021001"],
    ["an OPEN of 28 bytes", `${MARKER}001c01`, "0102001c"],
    ["an UPDATE of 22 bytes", `${MARKER}001602`, "01020016"],
    ["a NOTIFICATION of 20 bytes", `${MARKER}001403`, "01020014"],
    ["a KEEPALIVE of 20 bytes", `${MARKER}001404`, "01020014"],
    ["a ROUTE-REFRESH of 22 bytes", `${MARKER}001605`, "01020016"],
    ["type 0", `${MARKER}001300`, "010300"],
    ["type 6", `${MARKER}001306`, "010306"],
  ])("refuses %s by its header alone, and from then on (RFC 4271 6.1)", (_, header, wanted) => {
    const bytes = hex(header);
    for (const chunks of [[bytes], [bytes.subarray(0, 7), bytes.subarray(7)]]) {
      const reader = new MessageReader();
      expect(refusedWith(() => readAll(reader, keepalive, ...chunks))).toBe(wanted);
      expect(refusedWith(() => readAll(reader, keepalive))).toBe(wanted);
    }
  });

  it("takes long messages once that was agreed on, but never an OPEN or a KEEPALIVE (RFC 8654)", () => {
    const long = updateOf({ withdrawn: "180a0000".repeat(16_000) });
    expect(refusedWith(() => readAll(new MessageReader(), long))).toBe(`0102${toHex(long.subarray(16, 18))}`);
    const reader = new MessageReader();
    reader.setMaximum(65535);
    const parts = [long.subarray(0, 5), long.subarray(5, 30_000), long.subarray(30_000)];
    expect(readAll(reader, ...parts, long)).toHaveLength(2);
    expect(refusedWith(() => readAll(reader, messageOf(1, "00".repeat(4078))))).toBe("01021001");
  });

  it("does not set memory aside for what a header only promises", () => {
    const reader = new MessageReader();
    reader.setMaximum(65535);
    readAll(reader, hex(`${MARKER}ffff02`));
    expect(reader.pendingBytes).toBe(19);
  });
});
