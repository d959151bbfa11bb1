import { describe, expect, it } from "vitest";
import { Rib } from "../../src/rib/rib.ts";
import type { LocalRoute } from "../../src/api/local-route.ts";
import { announce, CONTEXT, via } from "./support/updates.ts";

const newRib = () => new Rib({ asn: 65000, routerId: "192.0.2.250" });
const PEER = {
  name: "p1",
  kind: "external",
  asn: 65001,
  localAsn: 65000,
  routerId: "192.0.2.1",
  address: "192.0.2.1",
} as const;

describe("sets of our own routes", () => {
  it("hold what they are given, in both families", () => {
    const rib = newRib();
    rib.advertise("set", [
      { prefix: "10.0.0.0/8" },
      { prefix: "2001:db8::/32", nextHop: "2001:DB8:0::1" },
      {
        prefix: "10.1.0.1",
        localPref: 5,
        med: 6,
        communities: ["65000:2", "no-export", "65000:2"],
        largeCommunities: ["1:2:3", "1:1:9", "1:2:3"],
        prepend: 2,
      },
    ]);
    expect([...rib.best()].map(({ prefix, peer, attributes }) => [prefix, peer, attributes])).toEqual([
      ["10.0.0.0/8", undefined, { origin: "igp", asPath: [], nextHop: "0.0.0.0" }],
      [
        "10.1.0.1/32",
        undefined,
        {
          origin: "igp",
          asPath: [{ type: "sequence", asns: [65000, 65000] }],
          nextHop: "0.0.0.0",
          localPref: 5,
          med: 6,
          communities: [65000 * 65536 + 2, 0xffffff01],
          largeCommunities: [
            [1, 1, 9],
            [1, 2, 3],
          ],
        },
      ],
      ["2001:db8::/32", undefined, { origin: "igp", asPath: [], nextHop: "2001:db8::1" }],
    ]);
  });

  it("replace what they held, and the first by name decides about a prefix", () => {
    const rib = newRib();
    const med = () => [...rib.best()].map((route) => [route.prefix, route.attributes.med]);
    rib.advertise("b", [
      { prefix: "10.0.0.0/8", med: 2, localPref: 999 },
      { prefix: "11.0.0.0/8", med: 2 },
    ]);
    rib.advertise("a", [{ prefix: "10.0.0.0/8", med: 1 }]);
    expect(med()).toEqual([
      ["10.0.0.0/8", 1],
      ["11.0.0.0/8", 2],
    ]);
    rib.advertise("a", []);
    expect(med()).toEqual([
      ["10.0.0.0/8", 2],
      ["11.0.0.0/8", 2],
    ]);
    rib.advertise("b", [
      { prefix: "10.0.0.0/8", med: 3 },
      { prefix: "10.0.0.0/8", med: 4 },
    ]);
    expect(med()).toEqual([["10.0.0.0/8", 4]]);
    rib.advertise("b", []);
    rib.advertise("never was", []);
    expect(rib.sizes().attributes).toBe(0);
  });

  it("change nothing where one route cannot be right, and say which", () => {
    const rib = newRib();
    rib.advertise("set", [{ prefix: "10.0.0.0/8" }]);
    const wrong: readonly (readonly [LocalRoute, RegExp])[] = [
      [{ prefix: "10.0.0.1/8" }, /set set\[1\]\.prefix: "10\.0\.0\.1\/8"/],
      [{ prefix: "10.0.0.0/8", nextHop: "x" }, /set set\[1\]\.nextHop: "x"/],
      [{ prefix: "10.0.0.0/8", med: -1 }, /med: -1/],
      [{ prefix: "10.0.0.0/8", localPref: 2 ** 32 }, /localPref: 4294967296/],
      [{ prefix: "10.0.0.0/8", communities: ["a:b"] }, /communities\[0\]: "a:b"/],
      [{ prefix: "10.0.0.0/8", largeCommunities: ["1:2"] }, /largeCommunities\[0\]: "1:2"/],
      [{ prefix: "10.0.0.0/8", prepend: 0.5 }, /prepend: 0\.5/],
    ];
    for (const [route, message] of wrong) {
      expect(() => rib.advertise("set", [{ prefix: "11.0.0.0/8" }, route])).toThrow(
        expect.objectContaining({
          code: "ERR_BGP_CONFIG",
          message: expect.stringMatching(message) as string,
        }),
      );
    }
    expect([...rib.best()].map(({ prefix }) => prefix)).toEqual(["10.0.0.0/8"]);
  });

  it("win against what is learned at the same preference, and watchers of learned routes then have none", () => {
    const rib = new Rib({ asn: 65000, routerId: "192.0.2.250", onBest: () => {} });
    const id = rib.addPeer(PEER, { "ipv4-unicast": { import: { statements: [{ action: "accept" }] } } });
    rib.advertise("set", [{ prefix: "11.0.0.0/8" }]);
    rib.apply(id, announce(via([65001]), "10.0.0.0/8"));
    expect(rib.takeBestChanges(10)).toMatchObject([{ prefix: "10.0.0.0/8", route: { peer: "p1" } }]);
    rib.advertise("set", [{ prefix: "10.0.0.0/8" }]);
    expect(rib.takeBestChanges(10)).toEqual([
      { family: "ipv4-unicast", prefix: "10.0.0.0/8", route: undefined },
    ]);
    rib.advertise("set", [{ prefix: "10.0.0.0/8", localPref: 99 }]);
    expect(rib.takeBestChanges(10)).toMatchObject([{ prefix: "10.0.0.0/8", route: { peer: "p1" } }]);
  });
});

describe("our AS number, changed while a set is on its way", () => {
  const inSlices = () => new Rib({ asn: 65000, routerId: "192.0.2.250", onWork: () => {}, slice: 2 });
  const next = { asn: 65009, routerId: "192.0.2.250" };
  const paths = (rib: Rib) => [...rib.best()].map(({ prefix, attributes }) => [prefix, attributes.asPath]);

  it("is nothing to a set that is gone when what was read of it arrives", () => {
    const rib = inSlices();
    rib.advertise("set", [{ prefix: "10.0.0.0/8" }]);
    const reader = rib.reader("set");
    rib.setIdentity(next);
    rib.replaceSet("set", reader);
    expect(rib.sizes().prefixes["ipv4-unicast"]).toBe(0);
  });

  it("is nothing to a set that goes before it has come", () => {
    const rib = inSlices();
    rib.advertise(
      "set",
      [1, 2, 3].map((number) => ({ prefix: `2001:db8:${number}::/48` })),
    );
    rib.setIdentity(next);
    rib.advertise("set", []);
    while (rib.work());
    expect(rib.sizes().prefixes["ipv6-unicast"]).toBe(0);
  });

  it("keeps nothing of what the set had before", () => {
    const rib = inSlices();
    rib.advertise("set", [{ prefix: "10.0.0.0/8", prepend: 1 }]);
    rib.advertise(
      "set",
      [11, 12, 13].map((number) => ({ prefix: `${number}.0.0.0/8`, prepend: 1 })),
    );
    rib.setIdentity(next);
    while (rib.work());
    const asPath = [{ type: "sequence", asns: [65009] }];
    expect(paths(rib)).toEqual([11, 12, 13].map((number) => [`${number}.0.0.0/8`, asPath]));
  });
});

describe("a set that has come", () => {
  it("is said to have come once, though another is sent after it at once", () => {
    const rib = new Rib({ asn: 65000, routerId: "192.0.2.250", onWork: () => {}, slice: 2 });
    const prefixes = ["10.0.0.0/8", "11.0.0.0/8", "12.0.0.0/8", "2001:db8::/32"];
    const readerOf = (med: number) => {
      const reader = rib.reader("set");
      for (const prefix of prefixes) reader.add({ prefix, med });
      return reader;
    };
    const came: number[] = [];
    rib.replaceSet("set", readerOf(1), () => {
      came.push(1);
      if (came.length < 9) rib.replaceSet("set", readerOf(2), () => void came.push(2));
    });
    while (rib.work());
    expect(came).toEqual([1, 2]);
    expect([...rib.best()].map(({ attributes }) => attributes.med)).toEqual([2, 2, 2, 2]);
    rib.advertise("set", []);
    while (rib.work());
    expect(rib.sizes()).toEqual({ prefixes: { "ipv4-unicast": 0, "ipv6-unicast": 0 }, attributes: 0 });
  });

  it("comes in slices of one prefix at least", () => {
    const slices = [0, -1, 0.5, Number.NaN];
    for (const slice of slices) {
      expect(() => new Rib({ asn: 65000, routerId: "192.0.2.250", slice })).toThrow(
        expect.objectContaining({
          code: "ERR_BGP_CONFIG",
          message: expect.stringMatching(/^slice: /) as string,
        }),
      );
    }
  });
});

describe("explain", () => {
  it("says why a peer gets a prefix or does not", () => {
    const rib = newRib();
    const accept = { statements: [{ action: "accept" }] } as const;
    const id = rib.addPeer(PEER, {
      "ipv4-unicast": {
        import: accept,
        export: { statements: [{ match: { prefixes: [{ prefix: "10.0.0.0/8" }] }, action: "accept" }] },
      },
    });
    const other = rib.addPeer(
      { ...PEER, name: "p2", address: "192.0.2.2" },
      { "ipv4-unicast": { import: accept } },
    );
    rib.advertise("set", [{ prefix: "10.0.0.0/8" }, { prefix: "11.0.0.0/8" }]);
    expect(rib.explain("p9", "10.0.0.0/8")).toBe("there is no peer p9");
    expect(rib.explain("p1", "nonsense")).toBe("nonsense is no prefix");
    expect(rib.explain("p1", "10.0.0.0/8")).toBe("p1 is not sent 10.0.0.0/8: the session is down");
    const out = rib.openOut(id, "ipv4-unicast", CONTEXT, { address: "198.51.100.1" });
    rib.openOut(other, "ipv4-unicast", CONTEXT, { address: "198.51.100.1" });
    while (out.next() !== undefined);
    expect(rib.explain("p1", "10.0.0.0/8")).toBe("p1 has been sent 10.0.0.0/8");
    expect(rib.explain("p1", "11.0.0.0/8")).toBe("p1 is not sent 11.0.0.0/8: the export policy refuses it");
    expect(rib.explain("p1", "12.0.0.0/8")).toBe("p1 is not sent 12.0.0.0/8: there is no route");
    expect(rib.explain("p2", "10.0.0.0/8")).toBe("p2 is not sent 10.0.0.0/8: it has no export policy");
    rib.apply(id, announce(via([65001]), "12.0.0.0/8", "10.0.0.0/8"));
    rib.apply(id, announce(via([65001, 65000]), "13.0.0.0/8"));
    expect(rib.explain("p1", "12.0.0.0/8")).toBe(
      "p1 is not sent 12.0.0.0/8: the best route is its own; its own route is the best",
    );
    expect(rib.explain("p1", "10.0.0.0/8")).toMatch(/; its own route is not the best: that is of set$/);
    expect(rib.explain("p1", "13.0.0.0/8")).toMatch(
      /no route; its own route is not used: our AS is in its path$/,
    );
    rib.apply(other, announce(via([65002], { communities: [0xffffff01] }), "14.0.0.0/8"));
    expect(rib.explain("p1", "14.0.0.0/8")).toBe("p1 is not sent 14.0.0.0/8: it has NO_EXPORT");
  });

  it.each([false, true])("says what the session cannot carry (several paths: %s)", (several) => {
    const rib = newRib();
    const accept = { statements: [{ action: "accept" }] } as const;
    const id = rib.addPeer(PEER, { "ipv4-unicast": { export: accept } });
    const context = { ...CONTEXT, addPathSend: several ? (["ipv4-unicast"] as const) : [] };
    const out = rib.openOut(id, "ipv4-unicast", context, { address: "198.51.100.1" });
    const communities = Array.from({ length: 1100 }, (_, index) => `65000:${index}`);
    rib.advertise("set", [
      { prefix: "10.0.0.0/8", communities },
      { prefix: "11.0.0.0/8", nextHop: "2001:db8::1" },
      { prefix: "12.0.0.0/8" },
    ]);
    expect(rib.explain("p1", "12.0.0.0/8")).toBe("p1 is not sent 12.0.0.0/8 yet: it waits to be sent");
    while (out.next() !== undefined);
    expect(rib.explain("p1", "12.0.0.0/8")).toBe("p1 has been sent 12.0.0.0/8");
    expect(rib.explain("p1", "10.0.0.0/8")).toBe(
      "p1 is not sent 10.0.0.0/8: its attributes leave no room for it in a message of 4096 bytes",
    );
    expect(rib.explain("p1", "11.0.0.0/8")).toBe(
      "p1 is not sent 11.0.0.0/8: the session cannot carry it: the peer takes no IPv6 next hop for IPv4 prefixes (2001:db8::1)",
    );
  });
});
