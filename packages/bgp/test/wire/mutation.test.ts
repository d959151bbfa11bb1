import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BgpError } from "../../src/errors.ts";
import {
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  describeNotification,
  type Message,
  MessageReader,
  negotiate,
  readNlri,
  UpdateDecoder,
  type WireContext,
} from "../../src/wire/index.ts";
import { contextOf } from "./support/build.ts";
import { sampleOpen, sampleOthers, sampleUpdates } from "./support/samples.ts";

const MUTATIONS = 100_000;

/** Numbers from 0 up to, not including, `below`: the same in every run (mulberry32). */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const contexts: readonly WireContext[] = [
  contextOf({ extendedNextHop: true }),
  contextOf({ internal: false, fourOctetAs: false }),
  contextOf({
    internal: false,
    addPathReceive: ["ipv4-unicast", "ipv6-unicast"],
    addPathSend: ["ipv4-unicast", "ipv6-unicast"],
    maxMessage: 65535,
  }),
];

const samples = contexts.map((context) => [...sampleUpdates(context), ...sampleOthers()]);

/** A few bytes of the body changed, taken out, put in or repeated; the length in the header is made right, mostly. */
function mutate(message: Uint8Array, below: (below: number) => number): Uint8Array {
  const bytes = [...message];
  for (let rounds = 1 + below(3); rounds > 0; rounds -= 1) {
    const at = 19 + below(Math.max(1, bytes.length - 19));
    const kind = below(10);
    if (kind === 0) bytes[at] = below(256);
    else if (kind === 1) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
    else if (kind === 2) bytes.splice(at, 1 + below(4));
    else if (kind === 3) bytes.splice(at, 0, ...Array.from({ length: 1 + below(4) }, () => below(256)));
    else if (kind === 4) bytes.splice(at, 0, ...bytes.slice(at, at + below(40)));
    else bytes[at] = [0, 1, 0x7f, 0x80, 0xff][below(5)] ?? 0;
  }
  if (below(20) !== 0) {
    bytes[16] = bytes.length >>> 8;
    bytes[17] = bytes.length & 0xff;
  } else {
    const at = 16 + below(3);
    bytes[at] = below(256);
  }
  return Uint8Array.from(bytes);
}

/** All that is done with a message, by what comes out of it. */
function handle({ type, bytes }: Message, decoder: UpdateDecoder): string {
  switch (type) {
    case "open":
      negotiate(decodeOpen(sampleOpen()), decodeOpen(bytes), { remoteAsn: "any" });
      return "open";
    case "update": {
      const { withdrawn, reach, endOfRib, faults } = decoder.decode(bytes);
      for (const run of [...withdrawn, ...reach.map((each) => each.run)])
        if ([...readNlri(run)].length !== run.count) throw new Error("a run has not as many as it says");
      for (const { attributes } of reach)
        if (attributes().nextHop === "") throw new Error("a route without a next hop");
      if (faults.some(({ action }) => action === "treat-as-withdraw"))
        return reach.length === 0 ? "withdraw" : "withdrawn, and reachable";
      if (endOfRib !== undefined) return "end of RIB";
      return faults.length > 0 ? "discard" : "update";
    }
    case "notification":
      return describeNotification(decodeNotification(bytes)) === "" ? "" : "notification";
    case "route-refresh":
      return decodeRouteRefresh(bytes).kind;
    case "keepalive":
      return "keepalive";
  }
}

function decide(bytes: Uint8Array, context: WireContext, decoder: UpdateDecoder): string {
  const reader = new MessageReader();
  reader.setMaximum(context.maxMessage);
  reader.push(bytes);
  try {
    const message = reader.next();
    return message === undefined ? "incomplete" : handle(message, decoder);
  } catch (error) {
    if (!(error instanceof BgpError) || error.notification === undefined) throw error;
    const { code, subcode } = error.notification;
    return `${code}/${subcode}`;
  }
}

describe("messages that something has happened to", () => {
  // Nobody reads these errors, and most of the time goes into their stacks.
  const limit = Error.stackTraceLimit;
  beforeAll(() => {
    Error.stackTraceLimit = 0;
  });
  afterAll(() => {
    Error.stackTraceLimit = limit;
  });

  it(`each of ${MUTATIONS} gets a decision`, () => {
    const below = chance(4271);
    const decoders = contexts.map((context) => new UpdateDecoder(context));
    const decisions = new Map<string, number>();
    for (let round = 0; round < MUTATIONS; round += 1) {
      const which = below(contexts.length);
      const kinds = samples[which] as Uint8Array[];
      const bytes = mutate(kinds[below(kinds.length)] as Uint8Array, below);
      const decision = decide(bytes, contexts[which] as WireContext, decoders[which] as UpdateDecoder);
      decisions.set(decision, (decisions.get(decision) ?? 0) + 1);
    }
    expect([...decisions.values()].reduce((sum, count) => sum + count)).toBe(MUTATIONS);
    expect(decisions.get("withdrawn, and reachable")).toBeUndefined();
    // All kinds of decisions come up: the mutations are worth something.
    for (const kind of ["update", "withdraw", "discard", "end of RIB", "open", "notification", "incomplete"])
      expect(decisions.get(kind) ?? 0, kind).toBeGreaterThan(20);
    for (const refusal of ["1/2", "1/3", "2/0", "2/2", "2/4", "2/11", "3/1", "3/2", "3/9", "3/10", "7/1"])
      expect(decisions.get(refusal) ?? 0, refusal).toBeGreaterThan(5);
  });

  it("noise behind a header gets a decision too", () => {
    const below = chance(7606);
    const decoder = new UpdateDecoder(contextOf());
    for (let round = 0; round < 20_000; round += 1) {
      const length = 23 + below(200);
      const bytes = Uint8Array.from({ length }, (_, at) =>
        at < 16 ? 0xff : below(below(2) === 0 ? 256 : 4),
      );
      bytes.set([length >>> 8, length & 0xff, 1 + below(5)], 16);
      expect(decide(bytes, contextOf(), decoder)).not.toBe("incomplete");
    }
  });

  it("any beginning of a message is incomplete, or refused", () => {
    for (const bytes of samples.flat())
      for (let end = 0; end < bytes.length; end += 1)
        expect(decide(bytes.subarray(0, end), contextOf(), new UpdateDecoder(contextOf()))).toBe(
          "incomplete",
        );
  });
});
