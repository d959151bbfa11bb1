import { describe, expect, it } from "vitest";
import type { RibPeer } from "../../src/rib/peer.ts";
import type { Policy } from "../../src/api/policy.ts";
import { Rib } from "../../src/rib/rib.ts";
import type { PathAttributes } from "../../src/wire/attributes.ts";
import { announce, CONTEXT, via, withdraw } from "./support/updates.ts";

const ALL: Policy = { statements: [{ action: "accept" }] };
const V4 = "ipv4-unicast";
const PEER: RibPeer = {
  name: "p1",
  kind: "external",
  asn: 65001,
  localAsn: 64999,
  routerId: "192.0.2.1",
  address: "192.0.2.1",
};

function ribWith(peer: Partial<RibPeer> = {}, policy: Policy | undefined = ALL) {
  const rib = new Rib({ asn: 65000, routerId: "192.0.2.250" });
  const id = rib.addPeer({ ...PEER, ...peer }, { [V4]: { import: policy } });
  return { rib, id };
}

/** What becomes of one route of a peer. */
function taken(attributes: PathAttributes, peer: Partial<RibPeer> = {}): PathAttributes | undefined {
  const { rib, id } = ribWith(peer);
  rib.apply(id, announce(attributes, "10.0.0.0/8"));
  expect(rib.counts(id, V4).received).toBe(1);
  return [...rib.best()][0]?.attributes;
}

describe("import", () => {
  it("takes nothing without a policy, and keeps what was told for one that comes", () => {
    const rib = new Rib({ asn: 65000, routerId: "192.0.2.250" });
    const id = rib.addPeer(PEER, {});
    rib.apply(id, announce(via([65001]), "10.0.0.0/8"));
    expect(rib.counts(id, V4)).toMatchObject({ received: 1, accepted: 0 });
    expect([...rib.best()]).toEqual([]);
    expect([...rib.received(id)]).toMatchObject([{ prefix: "10.0.0.0/8", best: false }]);
    rib.setPolicies(id, { [V4]: { import: ALL } });
    expect([...rib.best()]).toMatchObject([{ prefix: "10.0.0.0/8", peer: "p1" }]);
    rib.setPolicies(id, {});
    expect([...rib.best()]).toEqual([]);
    expect(rib.counts(id, V4)).toMatchObject({ received: 1, accepted: 0 });
  });

  it("leaves everything as it was where a policy cannot be right", () => {
    const { rib, id } = ribWith();
    rib.apply(id, announce(via([65001]), "10.0.0.0/8"));
    const wrong = { statements: [{ action: "accept", set: { med: -1 } }] } as const;
    expect(() => rib.setPolicies(id, { [V4]: {}, "ipv6-unicast": { export: wrong } })).toThrow(
      expect.objectContaining({ code: "ERR_BGP_CONFIG" }),
    );
    expect(rib.counts(id, V4).accepted).toBe(1);
    expect(() => rib.addPeer(PEER, { [V4]: { import: wrong } })).toThrow(/peer p1, ipv4-unicast, import/);
  });

  it("refuses loops: our AS in the path, ourselves as originator, our cluster", () => {
    expect(taken(via([65001, 65000, 7]))).toBeUndefined();
    expect(taken(via([65001, 64999]))).toBeUndefined();
    const internal = { kind: "internal", asn: 65000 } as const;
    expect(taken(via([7], { originatorId: "192.0.2.250" }), internal)).toBeUndefined();
    expect(taken(via([7], { clusterList: ["1.1.1.1", "192.0.2.250"] }), internal)).toBeUndefined();
    expect(taken(via([7], { originatorId: "192.0.2.251" }), internal)).toBeDefined();
  });

  it("refuses paths of external peers that do not begin with their AS, where that is asked for", () => {
    const strict = { enforceFirstAs: true } as const;
    const set = { type: "set", asns: [65001] } as const;
    expect(taken(via([65001, 7]), strict)).toBeDefined();
    expect(taken(via([7, 65001]), strict)).toBeUndefined();
    expect(taken(via([], { asPath: [] }), strict)).toBeUndefined();
    expect(taken(via([], { asPath: [set] }), strict)).toBeUndefined();
    expect(taken(via([7, 65001]))).toBeDefined();
    expect(taken(via([7]), { ...strict, kind: "internal", asn: 65000 })).toBeDefined();
    // As good as withdrawn: what was told before is not used either.
    const { rib, id } = ribWith(strict);
    rib.apply(id, announce(via([65001]), "10.0.0.0/8"));
    rib.apply(id, announce(via([7]), "10.0.0.0/8"));
    expect([...rib.best()]).toEqual([]);
    expect(rib.explain("p1", "10.0.0.0/8")).toMatch(/does not begin with the peer's AS/);
  });

  it("refuses routes that would lead to ourselves", () => {
    const { rib, id } = ribWith();
    rib.apply(id, announce(via([65001], { nextHop: "198.51.100.1" }), "10.0.0.0/8"));
    rib.openOut(id, V4, CONTEXT, { address: "198.51.100.1" });
    expect(rib.counts(id, V4)).toMatchObject({ received: 1, accepted: 0 });
    rib.apply(id, announce(via([65001], { nextHop: "198.51.100.2" }), "10.0.0.0/8"));
    expect(rib.counts(id, V4).accepted).toBe(1);
  });

  it("marks what is only for customers, and refuses leaks (RFC 9234)", () => {
    const marked = via([65001], { onlyToCustomer: 65001 });
    const foreign = via([65001, 3], { onlyToCustomer: 3 });
    for (const [role, expected] of [
      ["provider", [undefined, undefined, via([65001])]],
      ["rs", [undefined, undefined, via([65001])]],
      ["customer", [marked, foreign, marked]],
      ["rs-client", [marked, foreign, marked]],
      ["peer", [marked, undefined, marked]],
      [undefined, [marked, foreign, via([65001])]],
    ] as const) {
      expect([marked, foreign, via([65001])].map((each) => taken(each, { role }))).toEqual(expected);
    }
  });

  it("is what it has become, though all was withdrawn before it could be looked at again", () => {
    const rib = new Rib({ asn: 65000, routerId: "192.0.2.250", onWork: () => {}, slice: 2 });
    const id = rib.addPeer(PEER, { [V4]: { import: ALL } });
    const prefixes = ["10.0.0.0/8", "11.0.0.0/8", "12.0.0.0/8"];
    rib.apply(id, announce(via([65001]), ...prefixes));
    rib.setPolicies(id, { [V4]: { import: { statements: [] } } });
    rib.apply(id, withdraw(...prefixes));
    rib.drop(id);
    rib.apply(id, announce(via([65001]), ...prefixes));
    while (rib.work());
    expect(rib.counts(id, V4)).toMatchObject({ received: 3, accepted: 0 });
    expect([...rib.best()]).toEqual([]);
  });

  it("compares what is known of a peer later", () => {
    const rib = new Rib({ asn: 65000, routerId: "192.0.2.250" });
    const peers = ["1", "2"].map((number) => ({ ...PEER, name: `p${number}`, address: `192.0.2.${number}` }));
    const [first, second] = peers.map((peer) =>
      rib.addPeer({ ...peer, routerId: "9.9.9.9" }, { [V4]: { import: ALL } }),
    );
    rib.apply(first!, announce(via([65001]), "10.0.0.0/8"));
    rib.apply(second!, announce(via([65002]), "10.0.0.0/8"));
    expect([...rib.best()][0]?.peer).toBe("p1");
    rib.setPeer(second!, { ...peers[1]!, routerId: "1.1.1.1" });
    expect([...rib.best()][0]?.peer).toBe("p2");
  });

  it("counts a prefix once however often it is told, and both families on their own", () => {
    const { rib, id } = ribWith();
    rib.apply(id, announce(via([65001]), "10.0.0.0/8", "10.0.0.0/8"));
    rib.apply(id, announce(via([65001, 2]), "10.0.0.0/8"));
    rib.apply(id, announce(via([65001, 2]), "2001:db8::/32", "2001:db8::/48"));
    expect(rib.counts(id, V4)).toMatchObject({ received: 1, accepted: 1 });
    expect(rib.counts(id, "ipv6-unicast")).toMatchObject({ received: 2, accepted: 0 });
    rib.drop(id, "ipv6-unicast");
    expect(rib.counts(id, V4).received).toBe(1);
    rib.drop(id);
    expect(rib.sizes()).toEqual({ prefixes: { [V4]: 0, "ipv6-unicast": 0 }, attributes: 0 });
  });

  it("names the paths that may share a prefix's traffic", () => {
    const rib = new Rib({ asn: 65000, routerId: "192.0.2.250" });
    const ids = [1, 2, 3].map((number) => {
      const peer = {
        ...PEER,
        name: `p${number}`,
        address: `192.0.2.${number}`,
        routerId: `192.0.2.${number}`,
      };
      const id = rib.addPeer(peer, { [V4]: { import: ALL } });
      const path = Array.from({ length: number === 3 ? 2 : 1 }, () => 65000 + number);
      rib.apply(id, announce(via(path, { nextHop: `192.0.2.${number}` }), "10.0.0.0/8"));
      return id;
    });
    expect(rib.equals("10.0.0.0/8").map(({ peer, best }) => [peer, best])).toEqual([
      ["p1", true],
      ["p2", false],
    ]);
    expect(rib.equals("11.0.0.0/8")).toEqual([]);
    rib.markStale(ids[1]!, V4);
    expect(rib.equals("10.0.0.0/8").map(({ peer, stale }) => [peer, stale])).toEqual([
      ["p1", false],
      ["p2", true],
    ]);
  });
});
