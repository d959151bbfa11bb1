import {
  encodeAttributes,
  MessageReader,
  packReach,
  type PathAttributes,
  type PrefixSource,
  UpdateDecoder,
  type WireContext,
} from "../src/wire/index.ts";

/** Prints how long a million prefixes take from bytes to checked runs, and from attributes to bytes. */
const PREFIXES = 1_000_000;
const CHUNK = 65536;
const ROUNDS = 5;

const context: WireContext = {
  fourOctetAs: true,
  internal: false,
  families: ["ipv4-unicast", "ipv6-unicast"],
  addPathReceive: [],
  addPathSend: [],
  extendedNextHop: false,
  maxMessage: 4096,
};

/** A million different /24s. */
const source: PrefixSource = {
  write(index, buffer, at) {
    const address = index + 0x01_0000;
    buffer[at] = 24;
    buffer[at + 1] = address >>> 16;
    buffer[at + 2] = (address >>> 8) & 0xff;
    buffer[at + 3] = address & 0xff;
    return at + 4;
  },
};

for (const sets of [1, 1_000, 100_000]) {
  const encodeTimes: number[] = [];
  const decodeTimes: number[] = [];
  let messages = 0;
  let bytes = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    let before = performance.now();
    const stream = table(sets);
    encodeTimes.push(performance.now() - before);
    bytes = stream.reduce((sum, { length }) => sum + length, 0);
    const chunks = chunked(stream);
    before = performance.now();
    messages = decode(chunks);
    decodeTimes.push(performance.now() - before);
  }
  console.log(
    `${sets} sets, ${messages} messages, ${(bytes / 1e6).toFixed(1)} MB: ` +
      `decoded in ${median(decodeTimes).toFixed(1)} ms, encoded in ${median(encodeTimes).toFixed(1)} ms`,
  );
}

function table(sets: number): Uint8Array[] {
  const messages: Uint8Array[] = [];
  const each = PREFIXES / sets;
  for (let set = 0; set < sets; set += 1) {
    const encoded = encodeAttributes(attributesOf(set), context, "ipv4-unicast");
    for (let from = set * each; from < (set + 1) * each;) {
      const packed = packReach(context, "ipv4-unicast", encoded, source, from, (set + 1) * each);
      if (packed === undefined) throw new Error("the attributes leave no room");
      messages.push(packed.message);
      from += packed.taken;
    }
  }
  return messages;
}

function attributesOf(set: number): PathAttributes {
  return {
    origin: "igp",
    asPath: [{ type: "sequence", asns: [65001, 3320, 1299 + (set % 97), 4_200_000_000 + set] }],
    nextHop: "192.0.2.1",
    med: set % 10,
    communities: [65001 * 65536 + (set % 1000), 65001 * 65536 + 1],
  };
}

function chunked(messages: readonly Uint8Array[]): Uint8Array[] {
  const stream = Buffer.concat(messages);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < stream.length; at += CHUNK) chunks.push(stream.subarray(at, at + CHUNK));
  return chunks;
}

function decode(chunks: readonly Uint8Array[]): number {
  const reader = new MessageReader();
  const decoder = new UpdateDecoder(context);
  let messages = 0;
  let prefixes = 0;
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let message = reader.next(); message !== undefined; message = reader.next()) {
      const update = decoder.decode(message.bytes);
      for (const { run } of update.reach) prefixes += run.count;
      messages += 1;
    }
  }
  if (prefixes !== PREFIXES) throw new Error(`${prefixes} prefixes came out`);
  return messages;
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >>> 1] ?? Number.NaN;
}
