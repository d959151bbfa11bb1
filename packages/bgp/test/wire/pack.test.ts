import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  encodeAttributes,
  type Family,
  MAX_PREFIX,
  packReach,
  packWithdraw,
  type PathAttributes,
  prefixSource,
  type PrefixSource,
  readNlri,
  type Update,
  UpdateDecoder,
  type WireContext,
} from "../../src/wire/index.ts";
import { contexts, pathAttributes } from "./support/arbitraries.ts";
import { contextOf, toHex } from "./support/build.ts";

const FAMILIES = ["ipv4-unicast", "ipv6-unicast"] as const;

/** As many different prefixes of a family as asked for, of different lengths. */
function prefixes(family: Family, count: number): { prefix: string; pathId: number }[] {
  return Array.from({ length: count }, (_, index) => ({
    prefix:
      family === "ipv4-unicast"
        ? `10.${index >>> 8}.${index & 255}.0/${24 + (index % 9)}`
        : `2001:db8:${(index + 1).toString(16)}::/${48 + (index % 81)}`,
    pathId: index,
  }));
}

function packAll(
  context: WireContext,
  count: number,
  pack: (from: number) => { message: Uint8Array; taken: number },
): Update[] {
  const decoder = new UpdateDecoder(context);
  const updates: Update[] = [];
  for (let from = 0; from < count;) {
    const { message, taken } = pack(from);
    expect(message.length).toBeLessThanOrEqual(context.maxMessage);
    expect(taken).toBeGreaterThan(0);
    from += taken;
    // Nothing is left that the next prefix would have fitted into.
    expect(from === count || context.maxMessage - message.length < MAX_PREFIX).toBe(true);
    updates.push(decoder.decode(message));
  }
  return updates;
}

const simple: PathAttributes = { origin: "igp", asPath: [], nextHop: "10.0.0.1" };

describe("packing", () => {
  it.each(FAMILIES)(
    "%s: attributes and prefixes come back as they were, in messages that are full",
    (family) => {
      fc.assert(
        fc.property(
          pathAttributes(family),
          fc.boolean(),
          fc.constantFrom(1, 2, 700, 3000),
          fc.constantFrom(4096, 65535),
          (attributes, addPath, count, maxMessage) => {
            const paths = addPath ? [family] : [];
            const context = contextOf({ addPathReceive: paths, addPathSend: paths, maxMessage });
            const routes = prefixes(family, count);
            const source = prefixSource(routes, addPath);
            const encoded = encodeAttributes(attributes, context, family);
            const updates = packAll(context, count, (from) => {
              const packed = packReach(context, family, encoded, source, from, count);
              if (packed === undefined) throw new Error("no room");
              return packed;
            });
            const runs = updates.flatMap(({ reach, faults, withdrawn }) => {
              expect({ faults, withdrawn, reach: reach.length }).toEqual({
                faults: [],
                withdrawn: [],
                reach: 1,
              });
              return reach.map(({ run, attributes: decode }) => {
                expect(decode()).toEqual(attributes);
                return run;
              });
            });
            expect(runs.flatMap((run) => [...readNlri(run)])).toEqual(
              addPath ? routes : routes.map(({ prefix }) => ({ prefix, pathId: 0 })),
            );
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  it.each(FAMILIES)("%s: withdrawals come back as they were", (family) => {
    fc.assert(
      fc.property(contexts, fc.constantFrom(1, 700, 3000), (context, count) => {
        const addPath = context.addPathSend.includes(family);
        const routes = prefixes(family, count);
        const source = prefixSource(routes, addPath);
        const updates = packAll(context, count, (from) => packWithdraw(context, family, source, from, count));
        const runs = updates.flatMap(({ withdrawn, reach, faults, endOfRib }) => {
          expect({ reach, faults, endOfRib }).toEqual({ reach: [], faults: [], endOfRib: undefined });
          return withdrawn;
        });
        expect(runs.flatMap((run) => [...readNlri(run)])).toEqual(
          addPath ? routes : routes.map(({ prefix }) => ({ prefix, pathId: 0 })),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("leaves room in a withdrawal for the length of the attributes that are not there", () => {
    const routes = Array.from({ length: 820 }, (_, index) => ({
      prefix: `10.0.${index >>> 8}.${index & 255}/32`,
    }));
    const { message, taken } = packWithdraw(contextOf(), "ipv4-unicast", prefixSource(routes, false), 0, 820);
    expect([message.length, taken]).toEqual([23 + 5 * 814, 814]);
  });

  it("takes a part of a source only", () => {
    const source = prefixSource(prefixes("ipv4-unicast", 10), false);
    const context = contextOf();
    const encoded = encodeAttributes(simple, context, "ipv4-unicast");
    const packed = packReach(context, "ipv4-unicast", encoded, source, 3, 5);
    expect(packed?.taken).toBe(2);
    const update = new UpdateDecoder(context).decode(packed?.message ?? new Uint8Array(0));
    expect(update.reach.flatMap(({ run }) => [...readNlri(run)].map(({ prefix }) => prefix))).toEqual([
      "10.0.3.0/27",
      "10.0.4.0/28",
    ]);
  });

  it("MP_REACH_NLRI goes first (RFC 7606 5.1)", () => {
    const context = contextOf();
    const attributes = { ...simple, nextHop: "2001:db8::1" };
    const encoded = encodeAttributes(attributes, context, "ipv6-unicast");
    const source = prefixSource([{ prefix: "2001:db8::/32" }], false);
    const packed = packReach(context, "ipv6-unicast", encoded, source, 0, 1);
    expect(toHex(packed?.message.subarray(19) ?? new Uint8Array(0))).toBe(
      "00000025900e001a0002011020010db8000000000000000000000001002020010db840010100400200",
    );
  });

  it("says so where attributes leave no room for a prefix, to a peer with short messages", () => {
    const communities = Array.from({ length: 1010 }, (_, index) => index);
    const source: PrefixSource = prefixSource(prefixes("ipv4-unicast", 1), false);
    const pack = (maxMessage: number): number | undefined => {
      const context = contextOf({ maxMessage });
      const encoded = encodeAttributes({ ...simple, communities }, context, "ipv4-unicast");
      return packReach(context, "ipv4-unicast", encoded, source, 0, 1)?.message.length;
    };
    const needed = pack(65535) ?? 0;
    expect(needed).toBeGreaterThan(4080);
    expect(pack(needed)).toBe(needed);
    expect(pack(needed - 1)).toBeUndefined();
    expect(pack(100)).toBeUndefined();
  });
});
