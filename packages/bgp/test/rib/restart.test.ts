import { describe, expect, it } from "vitest";
import type { RibPeer } from "../../src/rib/peer.ts";
import type { Policy } from "../../src/api/policy.ts";
import { Rib } from "../../src/rib/rib.ts";
import { Receiver } from "./support/receiver.ts";
import { announce, CONTEXT, via, withdraw } from "./support/updates.ts";

const ALL: Policy = { statements: [{ action: "accept" }] };
const V4 = "ipv4-unicast";
const NO_LLGR = 0xffff0007;
const LLGR_STALE = 0xffff0006;

const peer = (number: number): RibPeer => ({
  name: `p${number}`,
  kind: "external",
  asn: 65000 + number,
  localAsn: 65000,
  routerId: `192.0.2.${number}`,
  address: `192.0.2.${number}`,
});

function twoPeers() {
  const rib = new Rib({ asn: 65000, routerId: "192.0.2.250" });
  const [first, second] = [1, 2].map((number) =>
    rib.addPeer(peer(number), { [V4]: { import: ALL, export: ALL }, "ipv6-unicast": { import: ALL } }),
  );
  return { rib, first: first!, second: second! };
}

const bestOf = (rib: Rib) => Object.fromEntries([...rib.best()].map((route) => [route.prefix, route]));

describe("while a peer restarts", () => {
  it("its routes stay, marked, until it tells them again or they are swept", () => {
    const { rib, first, second } = twoPeers();
    const out = rib.openOut(second, V4, CONTEXT, { address: "198.51.100.1" });
    const receiver = new Receiver(CONTEXT);
    rib.apply(first, announce(via([65001]), "10.0.0.0/8", "11.0.0.0/8", "12.0.0.0/8", "13.0.0.0/8"));
    rib.apply(first, announce(via([65001]), "2001:db8::/32"));
    receiver.listen(out);
    rib.markStale(first, V4);
    expect(rib.counts(first, V4)).toMatchObject({ received: 4, accepted: 4, stale: 4 });
    expect(rib.counts(first, "ipv6-unicast").stale).toBe(0);
    expect(bestOf(rib)["10.0.0.0/8"]?.stale).toBe(true);
    rib.apply(first, announce(via([65001]), "10.0.0.0/8"));
    rib.apply(first, announce(via([65001, 7]), "11.0.0.0/8"));
    rib.apply(first, withdraw("12.0.0.0/8"));
    expect(rib.counts(first, V4)).toMatchObject({ received: 3, stale: 1 });
    expect(bestOf(rib)["10.0.0.0/8"]?.stale).toBe(false);
    const { told } = receiver;
    receiver.listen(out);
    // What was told again as it was is no news.
    expect(receiver.told - told).toBe(2);
    expect(rib.sweepStale(first, V4)).toBe(1);
    expect(rib.counts(first, V4)).toMatchObject({ received: 2, accepted: 2, stale: 0 });
    expect([...receiver.listen(out).routes.keys()].sort()).toEqual(["10.0.0.0/8", "11.0.0.0/8"]);
    expect(rib.sweepStale(first, V4)).toBe(0);
  });

  it("paths of one prefix go stale and are told again one by one", () => {
    const { rib, first } = twoPeers();
    rib.apply(first, announce(via([65001, 1]), ["10.0.0.0/8", 1], ["11.0.0.0/8", 1]));
    rib.apply(first, announce(via([65001, 2]), ["10.0.0.0/8", 2]));
    expect(rib.counts(first, V4)).toMatchObject({ received: 3, accepted: 3 });
    rib.markStale(first, V4);
    rib.apply(first, announce(via([65001, 2]), ["10.0.0.0/8", 2]));
    expect(rib.counts(first, V4)).toMatchObject({ received: 3, stale: 2 });
    expect(bestOf(rib)["10.0.0.0/8"]).toMatchObject({ pathId: 1, stale: true });
    expect(rib.sweepStale(first, V4)).toBe(2);
    expect([...rib.received(first)]).toMatchObject([
      { prefix: "10.0.0.0/8", pathId: 2, best: true, stale: false },
    ]);
    rib.apply(first, withdraw(["10.0.0.0/8", 1]));
    rib.apply(first, withdraw(["10.0.0.0/8", 2]));
    expect(rib.sizes()).toMatchObject({ prefixes: { [V4]: 0 }, attributes: 0 });
  });

  it("routes kept for long are the last resort, and go where they must not be kept (RFC 9494)", () => {
    const { rib, first, second } = twoPeers();
    rib.apply(first, announce(via([65001], { localPref: 500 }), "10.0.0.0/8", "11.0.0.0/8"));
    rib.apply(first, announce(via([65001], { communities: [NO_LLGR] }), "12.0.0.0/8"));
    rib.apply(second, announce(via([65002, 1, 2, 3]), "10.0.0.0/8"));
    expect(bestOf(rib)["10.0.0.0/8"]?.peer).toBe("p1");
    rib.markStale(first, V4);
    rib.markLongLivedStale(first, V4);
    const best = bestOf(rib);
    expect(best["10.0.0.0/8"]?.peer).toBe("p2");
    expect(best["11.0.0.0/8"]).toMatchObject({
      peer: "p1",
      stale: true,
      attributes: { communities: [LLGR_STALE] },
    });
    expect(best["12.0.0.0/8"]).toBeUndefined();
    expect(rib.counts(first, V4)).toMatchObject({ received: 2, accepted: 2, stale: 2 });
    rib.apply(first, announce(via([65001], { localPref: 500 }), "10.0.0.0/8"));
    expect(bestOf(rib)["10.0.0.0/8"]).toMatchObject({ peer: "p1", stale: false });
    expect(rib.sweepStale(first, V4)).toBe(1);
    expect(Object.keys(bestOf(rib))).toEqual(["10.0.0.0/8"]);
  });

  it("last resorts are told only to peers that know of them", () => {
    const { rib, first, second } = twoPeers();
    rib.apply(first, announce(via([65001]), "10.0.0.0/8"));
    rib.markStale(first, V4);
    rib.markLongLivedStale(first, V4);
    for (const longLived of [false, true]) {
      const out = rib.openOut(second, V4, CONTEXT, { address: "198.51.100.1", longLived });
      expect(new Receiver(CONTEXT).listen(out).routes.size).toBe(longLived ? 1 : 0);
    }
  });

  it("attributes written otherwise by the next session are read anew", () => {
    const { rib, first } = twoPeers();
    const update = announce(via([65001]), "10.0.0.0/8");
    rib.openOut(first, V4, CONTEXT, { address: "198.51.100.1" });
    rib.apply(first, update);
    rib.closeOut(first, V4);
    rib.openOut(first, V4, { ...CONTEXT, fourOctetAs: false }, { address: "198.51.100.1" });
    const reach = { ...update.reach[0]!, attributes: () => via([65001, 9]) };
    rib.apply(first, { ...update, reach: [reach] });
    expect(bestOf(rib)["10.0.0.0/8"]?.attributes).toEqual(via([65001, 9]));
  });
});

describe("a large table that is dropped", () => {
  const COUNT = 10_000;
  const prefixOf = (index: number) => `10.${index >>> 8}.${index & 255}.0/24`;
  const table = Array.from({ length: COUNT }, (_, index) => prefixOf(index));

  function sliced() {
    let called = 0;
    const rib = new Rib({ asn: 65000, routerId: "192.0.2.250", onWork: () => (called += 1) });
    const [first, second] = [1, 2].map((number) =>
      rib.addPeer(peer(number), { [V4]: { import: ALL, export: ALL } }),
    );
    rib.apply(first!, announce(via([65001]), ...table));
    rib.apply(second!, announce(via([65002, 7]), ...table.slice(0, 5000)));
    return { rib, first: first!, second: second!, calls: () => called };
  }

  it("goes in slices, while other updates come in", () => {
    const { rib, first, second, calls } = sliced();
    const out = rib.openOut(second, V4, CONTEXT, { address: "198.51.100.1" });
    const receiver = new Receiver(CONTEXT).listen(out);
    expect(receiver.routes.size).toBe(COUNT);
    rib.drop(first);
    expect(calls()).toBe(1);
    expect(rib.counts(first, V4)).toMatchObject({ received: 0, accepted: 0, stale: 0 });
    // The next session tells some of it again, before and behind what has been gone through.
    expect(rib.work()).toBe(true);
    rib.apply(first, announce(via([65001, 9]), table[0]!, table[COUNT - 1]!));
    rib.apply(second, withdraw(table[1]!, table[4999]!));
    rib.apply(second, announce(via([65002]), table[COUNT - 2]!));
    while (rib.work());
    expect(rib.work()).toBe(false);
    expect(calls()).toBe(1);
    const best = new Map([...rib.best()].map((route) => [route.prefix, route.peer]));
    expect(best.size).toBe(5000 - 2 + 2);
    expect([best.get(table[0]!), best.get(table[1]!), best.get(table[2]!)]).toEqual(["p1", undefined, "p2"]);
    expect([best.get(table[COUNT - 1]!), best.get(table[COUNT - 2]!)]).toEqual(["p1", "p2"]);
    receiver.listen(out);
    expect([...receiver.routes.keys()].sort()).toEqual([table[0]!, table[COUNT - 1]!].sort());
  });

  it("goes in slices too when the peer never came back, and when the peer itself goes", () => {
    const { rib, first, second, calls } = sliced();
    rib.markStale(first, V4);
    expect(rib.sweepStale(first, V4)).toBe(COUNT);
    expect(calls()).toBe(1);
    rib.work();
    rib.removePeer(first);
    expect(rib.work()).toBe(true);
    rib.drop(second);
    while (rib.work());
    expect(rib.sizes()).toEqual({ prefixes: { [V4]: 0, "ipv6-unicast": 0 }, attributes: 0 });
  });
});
