import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../../src/clock.ts";
import type { LocalRoute } from "../../src/api/local-route.ts";
import { best, Fabric } from "./support/fabric.ts";

const A = "192.0.2.1";
const B = "192.0.2.2";
const COUNT = 10_000;
const prefixOf = (index: number) => `10.${index >>> 8}.${index & 255}.0/24`;

/** Made as they are asked for. */
function* many(communities = 1): Generator<LocalRoute> {
  for (let index = 0; index < COUNT; index += 1)
    yield { prefix: prefixOf(index), communities: [`65001:${index % communities}`] };
}

let fabric: Fabric;
beforeEach(() => {
  fabric = new Fabric();
});
afterEach(() => fabric.close());

/** Time passes while the first of them works. */
function pair() {
  const { clock } = fabric;
  let passed = 0;
  const hasty: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic() + (passed += 0.01),
    after: (milliseconds, callback) => clock.after(milliseconds, callback),
  };
  const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002 }], { dependencies: { clock: hasty } });
  return [a, fabric.speaker(B, 65_002, [{ at: A, asn: "external" }])] as const;
}

describe("a large set of our own", () => {
  it("is read as it is made, and told when it has been read", async () => {
    const [a, b] = pair();
    await fabric.seconds(5);
    const loaded = a.load("many", many(2000));
    await fabric.seconds(5);
    await loaded;
    expect([...b.routes()].length).toBe(COUNT);
    // Prefixes with the same attributes are far apart, and still go together.
    expect(a.peers()[0]!.messages.sent).toBeLessThan(2100);
    a.advertise("many", []);
    await fabric.seconds(5);
    expect([...b.routes()]).toEqual([]);
  });

  it("comes before End-of-RIB, though the session was up first", async () => {
    const [a, b] = pair();
    const complete: number[] = [];
    b.on("rib:complete", () => complete.push([...b.routes()].length));
    a.advertise("many", many());
    await fabric.seconds(5);
    expect(complete).toEqual([COUNT]);
  });

  it("changes nothing where a route of it cannot be right, or its making fails", async () => {
    const [a, b] = pair();
    a.advertise("set", [{ prefix: "11.0.0.0/8" }]);
    await fabric.seconds(5);
    const wrong = function* (last: () => LocalRoute): Generator<LocalRoute> {
      yield* many();
      yield last();
    };
    const bad = wrong(() => ({ prefix: "10.0.0.1/8" }));
    const refused = a.load("set", bad).catch((error: unknown) => error);
    await fabric.seconds(1);
    expect(await refused).toMatchObject({ code: "ERR_BGP_CONFIG" });
    const failing = wrong(() => {
      throw new Error("no more");
    });
    const failed = a.load("set", failing).catch((error: unknown) => error);
    await fabric.seconds(5);
    expect(await failed).toMatchObject({ message: "no more" });
    expect([...b.routes()].map(({ prefix }) => prefix)).toEqual(["11.0.0.0/8"]);
  });

  it("gives way to a set of the same name that is told later", async () => {
    const [a, b] = pair();
    const first = a.load("set", many());
    a.advertise("set", [{ prefix: "11.0.0.0/8" }]);
    await fabric.seconds(5);
    await first;
    expect([...b.routes()].map(({ prefix }) => prefix)).toEqual(["11.0.0.0/8"]);
    a.advertise("set", many());
    a.advertise("set", [{ prefix: "12.0.0.0/8" }]);
    await fabric.seconds(5);
    expect([...b.routes()].map(({ prefix }) => prefix)).toEqual(["12.0.0.0/8"]);
  });

  it("that fails takes nothing from one that is under way", async () => {
    const [a, b] = pair();
    const good = a.load("set", many());
    const bad = a.load("set", [{ prefix: "10.0.0.0/33" }]).catch((error: unknown) => error);
    expect(await fabric.until(bad)).toMatchObject({ code: "ERR_BGP_CONFIG" });
    await fabric.until(good);
    await fabric.seconds(5);
    expect([...b.routes()]).toHaveLength([...many()].length);
  });

  it("stays when we become somebody else, who prepends another number", async () => {
    const [a, b] = pair();
    a.advertise("set", [{ prefix: "10.1.0.0/24", prepend: 1 }, { prefix: "10.2.0.0/24" }]);
    await fabric.seconds(5);
    const applied = a.apply(fabric.config(A, 65_009, [{ at: B, asn: 65_002 }]));
    await fabric.seconds(60);
    await applied;
    expect(best(b)).toEqual([`10.1.0.0/24 ${A} via ${A} [65009 65009]`, `10.2.0.0/24 ${A} via ${A} [65009]`]);
  });
});
