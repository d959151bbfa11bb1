import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { best, Fabric } from "./support/fabric.ts";
import type { Speaker } from "../../src/speaker/types.ts";

const A = "192.0.2.1";
const B = "192.0.2.2";
const ROUTE = `10.1.0.0/24 ${A} via ${A} [65001]`;

let fabric: Fabric;
beforeEach(() => {
  fabric = new Fabric();
});
afterEach(() => fabric.close());

/** A told B of two prefixes, and is about to go. */
async function told(): Promise<{ a: Speaker; b: Speaker; lost: string[] }> {
  const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002 }]);
  const b = fabric.speaker(B, 65_002, [{ at: A, asn: 65_001 }]);
  a.advertise("pods", [{ prefix: "10.1.0.0/24" }, { prefix: "10.2.0.0/24" }]);
  await fabric.seconds(5);
  const lost: string[] = [];
  b.on("best:changed", (changes) => {
    for (const { prefix, route } of changes) if (route === undefined) lost.push(prefix);
  });
  await fabric.seconds(1);
  return { a, b, lost };
}

async function closed(speaker: Speaker, mode: "preserve" | "withdraw"): Promise<void> {
  const closing = speaker.close(mode);
  await fabric.seconds(3);
  await closing;
}

describe("a restart", () => {
  it("loses no route that is told again, and at its end those that are not", async () => {
    const { a, b, lost } = await told();
    await closed(a, "preserve");
    expect(best(b)).toHaveLength(2);
    expect(b.peers()[0]?.families[0]).toMatchObject({ received: 2, stale: 2 });
    let ready!: (value?: unknown) => void;
    const again = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002 }], {
      restarting: true,
      ready: new Promise((resolve) => (ready = resolve)),
    });
    await fabric.seconds(20);
    expect(b.peers()[0]?.state).toBe("established");
    expect(best(b)).toHaveLength(2);
    again.advertise("pods", [{ prefix: "10.1.0.0/24" }]);
    await fabric.seconds(1);
    expect(best(b)).toHaveLength(2);
    ready();
    await fabric.seconds(1);
    expect(best(b)).toEqual([ROUTE]);
    expect(lost).toEqual(["10.2.0.0/24"]);
  });

  it("that nobody comes back from ends with the restart time", async () => {
    const { a, b, lost } = await told();
    await closed(a, "preserve");
    await fabric.seconds(115);
    expect(best(b)).toHaveLength(2);
    await fabric.seconds(10);
    expect(best(b)).toEqual([]);
    expect(lost.toSorted()).toEqual(["10.1.0.0/24", "10.2.0.0/24"]);
  });

  it("that is no restart takes the routes along", async () => {
    const { a, b } = await told();
    await closed(a, "withdraw");
    expect(best(b)).toEqual([]);
    expect(b.peers()[0]?.lastError?.message).toMatch(/hard reset/i);
  });

  it("keeps routes longer, as the last resort, where both agreed on it", async () => {
    const longer = { gracefulRestart: { restartTime: 10, longLived: 100 } };
    const a = fabric.speaker(A, 65_001, [{ at: B, asn: 65_002, ...longer }]);
    const b = fabric.speaker(B, 65_002, [{ at: A, asn: 65_001, ...longer }]);
    a.advertise("pods", [{ prefix: "10.1.0.0/24" }]);
    await fabric.seconds(5);
    await closed(a, "preserve");
    await fabric.seconds(20);
    const [route] = [...b.routes()];
    // LLGR_STALE: RFC 9494 section 4.2.
    expect(route?.attributes.communities).toContain(0xffff_0006);
    await fabric.seconds(100);
    expect(best(b)).toEqual([]);
  });

  it("sets the restart bit only when it was told that it is one", async () => {
    const { a, b } = await told();
    await closed(a, "preserve");
    // A first start: whatever the peer kept is not to be trusted.
    fabric.speaker(A, 65_001, [{ at: B, asn: 65_002, gracefulRestart: { forwardingPreserved: false } }]);
    await fabric.seconds(20);
    expect(b.peers()[0]?.state).toBe("established");
    expect(best(b)).toEqual([]);
  });
});
