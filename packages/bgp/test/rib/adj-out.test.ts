import { describe, expect, it } from "vitest";
import type { AdjOut } from "../../src/rib/adj-out.ts";
import type { PeerPolicy } from "../../src/rib/peer-state.ts";
import type { RibPeer } from "../../src/rib/peer.ts";
import type { Policy } from "../../src/api/policy.ts";
import { Rib } from "../../src/rib/rib.ts";
import type { LocalRoute } from "../../src/api/local-route.ts";
import { Receiver } from "./support/receiver.ts";
import { announce, CONTEXT, via, withdraw } from "./support/updates.ts";

const ASN = 65000;
const ALL: Policy = { statements: [{ action: "accept" }] };

const peerNamed = (name: string, others: Partial<RibPeer> = {}): RibPeer => {
  const number = Number(name.slice(1));
  return {
    name,
    kind: name.startsWith("i") ? "internal" : "external",
    asn: name.startsWith("i") ? ASN : 65000 + number,
    localAsn: ASN,
    routerId: `192.0.2.${number}`,
    address: `192.0.2.${number}`,
    ...others,
  };
};

/** A RIB with peers by name: `p1` is external, of AS 65001; `i1` is internal. */
class World {
  readonly rib = new Rib({ asn: ASN, routerId: "192.0.2.250" });
  readonly ids = new Map<string, number>();

  add(name: string, policy: PeerPolicy = { import: ALL, export: ALL }, others: Partial<RibPeer> = {}): this {
    const policies = { "ipv4-unicast": policy, "ipv6-unicast": policy };
    this.ids.set(name, this.rib.addPeer(peerNamed(name, others), policies));
    return this;
  }

  id(name: string): number {
    return this.ids.get(name)!;
  }

  open(name: string, others: Partial<typeof CONTEXT> = {}): { out: AdjOut; receiver: Receiver } {
    const context = { ...CONTEXT, internal: name.startsWith("i"), ...others };
    const out = this.rib.openOut(this.id(name), "ipv4-unicast", context, { address: "198.51.100.1" });
    return { out, receiver: new Receiver(context) };
  }
}

const prefixesOf = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `10.${(index >>> 8) & 255}.${index & 255}.0/24`);

const routesOf = (count: number): LocalRoute[] => prefixesOf(count).map((prefix) => ({ prefix }));

describe("what a peer is told", () => {
  it("is nothing without an export policy", () => {
    const world = new World().add("p1", {});
    const { out, receiver } = world.open("p1");
    world.rib.advertise("set", routesOf(3));
    expect(receiver.listen(out).messages).toBe(0);
    expect(out.pending).toBe(0);
  });

  it("comes in as few messages as can be, though attributes alternate", () => {
    const world = new World().add("p1");
    const count = 20_000;
    world.rib.advertise(
      "set",
      routesOf(count).map((route, index) => ({ ...route, med: index % 10 })),
    );
    const { out, receiver } = world.open("p1");
    receiver.listen(out);
    expect(receiver.routes.size).toBe(count);
    // 2,000 prefixes of 4 bytes for each of ten sets: 8,000 bytes, so two messages each.
    expect(receiver.messages).toBe(20);
  });

  it("comes in as few messages as can be for more than is looked at in one call", () => {
    const world = new World().add("p1");
    const routes = Array.from({ length: 200_000 }, (_, index) => ({
      prefix: `${10 + (index >>> 16)}.${(index >>> 8) & 255}.${index & 255}.0/24`,
      med: index % 200,
    }));
    world.rib.advertise("set", routes);
    const { out, receiver } = world.open("p1");
    receiver.listen(out);
    expect(receiver.told).toBe(routes.length);
    // 1,000 prefixes for each of 200 sets fit one message.
    expect(receiver.messages).toBe(200);
  });

  it("is only what has changed", () => {
    const world = new World().add("p1");
    world.rib.advertise("set", routesOf(1000));
    const { out, receiver } = world.open("p1");
    receiver.listen(out);
    const { messages, told } = receiver;
    world.rib.advertise("set", [...routesOf(999), { prefix: "172.16.0.0/12" }]);
    receiver.listen(out);
    expect(receiver.messages - messages).toBe(2);
    expect(receiver.told - told).toBe(2);
    world.rib.advertise("set", [...routesOf(999), { prefix: "172.16.0.0/12" }]);
    expect(out.pending).toBe(0);
    expect(out.next()).toBeUndefined();
  });

  it("is nothing where a change ends where it started, and nothing of what came and went between", () => {
    const world = new World().add("p1").add("p2");
    world.rib.apply(world.id("p1"), announce(via([65001]), "10.0.0.0/8"));
    const { out, receiver } = world.open("p2");
    receiver.listen(out);
    const { messages } = receiver;
    world.rib.apply(world.id("p1"), withdraw("10.0.0.0/8"));
    world.rib.apply(world.id("p1"), announce(via([65001, 9]), "10.0.0.0/8", "11.0.0.0/8"));
    world.rib.apply(world.id("p1"), withdraw("11.0.0.0/8"));
    world.rib.apply(world.id("p1"), announce(via([65001]), "10.0.0.0/8"));
    expect(out.pending).toBe(2);
    expect(receiver.listen(out).messages).toBe(messages);
    expect(out.pending).toBe(0);
  });

  it("begins with withdrawals", () => {
    const world = new World().add("p1");
    world.rib.advertise("set", routesOf(10));
    const { out, receiver } = world.open("p1");
    receiver.listen(out);
    world.rib.advertise("set", [{ prefix: "172.16.0.0/12" }]);
    receiver.listen(out, 1);
    expect(receiver.routes.size).toBe(0);
    receiver.listen(out);
    expect([...receiver.routes.keys()]).toEqual(["172.16.0.0/12"]);
  });

  it("does not come back to who said it, though it be changed on the way", () => {
    const world = new World().add("p1").add("p2");
    const [first, second] = [world.open("p1"), world.open("p2")];
    world.rib.apply(world.id("p1"), announce(via([65001]), "10.0.0.0/8"));
    expect(first.receiver.listen(first.out).messages).toBe(0);
    expect(second.receiver.listen(second.out).routes.get("10.0.0.0/8")?.asPath).toEqual([
      { type: "sequence", asns: [ASN, 65001] },
    ]);
    // The best is another's now: the first gets that, the second loses what it had.
    world.rib.apply(world.id("p2"), announce(via([65002], { nextHop: "192.0.2.2" }), "10.0.0.0/8"));
    world.rib.apply(world.id("p1"), withdraw("10.0.0.0/8"));
    expect(first.receiver.listen(first.out).routes.size).toBe(1);
    expect(second.receiver.listen(second.out).routes.size).toBe(0);
  });

  it("is sent again when the peer asks for it", () => {
    const world = new World().add("p1");
    world.rib.advertise("set", routesOf(1000));
    const { out, receiver } = world.open("p1");
    receiver.listen(out);
    out.refresh();
    expect(out.pending).toBe(1000);
    receiver.listen(out);
    expect(receiver.told).toBe(2000);
    expect(receiver.routes.size).toBe(1000);
    expect(world.rib.counts(world.id("p1"), "ipv4-unicast").advertised).toBe(1000);
    world.rib.advertise("set", []);
    expect(receiver.listen(out).routes.size).toBe(0);
  });

  it("follows a changed export policy without being asked", () => {
    const world = new World().add("p1");
    world.rib.advertise("blue", [{ prefix: "10.0.0.0/8" }]);
    world.rib.advertise("red", [{ prefix: "11.0.0.0/8" }]);
    const { out, receiver } = world.open("p1");
    receiver.listen(out);
    const only = (set: string): Policy => ({ statements: [{ match: { sets: [set] }, action: "accept" }] });
    world.rib.setPolicies(world.id("p1"), { "ipv4-unicast": { export: only("red") } });
    expect([...receiver.listen(out).routes.keys()]).toEqual(["11.0.0.0/8"]);
    // The set is gone, and another has its place in the tables.
    world.rib.advertise("red", []);
    world.rib.advertise("green", [{ prefix: "11.0.0.0/8" }]);
    expect(receiver.listen(out).routes.size).toBe(0);
    world.rib.setPolicies(world.id("p1"), {});
    expect(receiver.listen(out).routes.size).toBe(0);
    world.rib.advertise("green", [{ prefix: "12.0.0.0/8" }]);
    expect(out.pending).toBe(0);
  });

  it("follows what becomes known of the peer that a route is from", () => {
    const from = (name: string): Policy => ({ statements: [{ match: { peers: [name] }, action: "accept" }] });
    const world = new World()
      .add("p1")
      .add("i8")
      .add("i9", { export: from("p1") });
    const ends = [world.open("i8"), world.open("i9")];
    const listen = () => ends.map(({ out, receiver }) => [...receiver.listen(out).routes.keys()]);
    world.rib.apply(world.id("p1"), announce(via([65001]), "10.0.0.0/8"));
    expect(listen()).toEqual([["10.0.0.0/8"], ["10.0.0.0/8"]]);
    world.rib.setPeer(world.id("p1"), peerNamed("p1", { kind: "internal", asn: ASN }));
    expect(listen()).toEqual([[], []]);
    world.rib.setPeer(world.id("p1"), peerNamed("p1"));
    expect(listen()).toEqual([["10.0.0.0/8"], ["10.0.0.0/8"]]);
    world.rib.setPeer(world.id("p1"), peerNamed("p1", { name: "p2" }));
    expect(listen()).toEqual([["10.0.0.0/8"], []]);
  });

  it("wakes the sender once, when something is pending", () => {
    const world = new World().add("p1");
    const { out, receiver } = world.open("p1");
    let woken = 0;
    out.onPending = () => (woken += 1);
    world.rib.advertise("set", routesOf(10));
    world.rib.advertise("set", routesOf(20));
    expect(woken).toBe(1);
    receiver.listen(out);
    world.rib.advertise("set", routesOf(30));
    expect(woken).toBe(2);
  });

  it("goes away rather than stay as it was where new attributes do not fit a message", () => {
    const world = new World().add("p1").add("p2");
    const { out, receiver } = world.open("p2");
    world.rib.apply(world.id("p1"), announce(via([65001]), "10.0.0.0/8", "11.0.0.0/8"));
    receiver.listen(out);
    const communities = Array.from({ length: 1100 }, (_, index) => index + 1);
    world.rib.apply(world.id("p1"), announce(via([65001], { communities }), "10.0.0.0/8"));
    expect([...receiver.listen(out).routes.keys()]).toEqual(["11.0.0.0/8"]);
    world.rib.apply(world.id("p1"), announce(via([65001]), "10.0.0.0/8"));
    expect(receiver.listen(out).routes.size).toBe(2);
  });

  it("goes on counting after the session was closed and opened again", () => {
    const world = new World().add("p1");
    world.rib.advertise("set", routesOf(10));
    const first = world.open("p1");
    first.receiver.listen(first.out, 1);
    world.rib.closeOut(world.id("p1"), "ipv4-unicast");
    expect(world.rib.counts(world.id("p1"), "ipv4-unicast").advertised).toBe(0);
    world.rib.advertise("set", routesOf(5));
    const second = world.open("p1");
    expect(second.receiver.listen(second.out).routes.size).toBe(5);
  });
});

describe("what a peer is told of a route", () => {
  const sentTo = (name: string, role?: RibPeer["role"]) => {
    const world = new World().add("p1").add("i1").add(name, undefined, { role });
    return { world, ...world.open(name) };
  };

  it("to another AS: our AS and next hop, but no MED of others, and nothing internal", () => {
    const { world, out, receiver } = sentTo("p9");
    const internal = { localPref: 300, med: 5, originatorId: "1.2.3.4", clusterList: ["5.6.7.8"] };
    world.rib.apply(world.id("i1"), announce(via([7], internal), "10.0.0.0/8"));
    world.rib.advertise("set", [{ prefix: "11.0.0.0/8", med: 6, localPref: 50, prepend: 2 }]);
    receiver.listen(out);
    expect(receiver.routes.get("10.0.0.0/8")).toEqual(via([ASN, 7], { nextHop: "198.51.100.1" }));
    expect(receiver.routes.get("11.0.0.0/8")).toEqual(
      via([ASN, ASN, ASN], { nextHop: "198.51.100.1", med: 6 }),
    );
  });

  it("to our own AS: the path as it is, with a local preference and MED, and nothing an internal peer said", () => {
    const { world, out, receiver } = sentTo("i9");
    world.rib.apply(world.id("p1"), announce(via([65001], { med: 5 }), "10.0.0.0/8"));
    world.rib.apply(world.id("i1"), announce(via([7]), "12.0.0.0/8"));
    world.rib.advertise("set", [{ prefix: "11.0.0.0/8", nextHop: "203.0.113.9", localPref: 50, prepend: 2 }]);
    receiver.listen(out);
    expect(receiver.routes.get("10.0.0.0/8")).toEqual(
      via([65001], { nextHop: "198.51.100.1", med: 5, localPref: 100 }),
    );
    expect(receiver.routes.get("11.0.0.0/8")).toEqual({
      origin: "igp",
      asPath: [],
      nextHop: "203.0.113.9",
      localPref: 50,
    });
    expect(receiver.routes.has("12.0.0.0/8")).toBe(false);
  });

  it("what the export policy has set: it comes last", () => {
    const world = new World().add("p1").add("p2", {
      export: {
        statements: [
          {
            action: "accept",
            set: { med: 3, nextHop: "203.0.113.1", prepend: 1, addCommunities: ["no-export"] },
          },
        ],
      },
    });
    const { out, receiver } = world.open("p2");
    world.rib.apply(world.id("p1"), announce(via([65001], { med: 5 }), "10.0.0.0/8"));
    expect(receiver.listen(out).routes.get("10.0.0.0/8")).toEqual(
      via([ASN, ASN, 65001], { nextHop: "203.0.113.1", med: 3, communities: [0xffffff01] }),
    );
  });

  it("respects the well-known communities of what was learned, not of what is ours to say", () => {
    const { world, out, receiver } = sentTo("p9");
    for (const [index, community] of [0xffffff01, 0xffffff02, 0xffffff03].entries()) {
      const route = via([65001], { communities: [community] });
      world.rib.apply(world.id("p1"), announce(route, `${10 + index}.0.0.0/8`));
    }
    world.rib.advertise("set", [{ prefix: "20.0.0.0/8", communities: ["no-export"] }]);
    expect([...receiver.listen(out).routes.keys()]).toEqual(["20.0.0.0/8"]);
    const internal = new World().add("p1").add("i9");
    const end = internal.open("i9");
    internal.rib.apply(
      internal.id("p1"),
      announce(via([65001], { communities: [0xffffff01] }), "10.0.0.0/8"),
    );
    internal.rib.apply(
      internal.id("p1"),
      announce(via([65001], { communities: [0xffffff02] }), "11.0.0.0/8"),
    );
    expect([...end.receiver.listen(end.out).routes.keys()]).toEqual(["10.0.0.0/8"]);
  });

  it("marks for customers what goes down, and holds back from above what is so marked (RFC 9234)", () => {
    const marked = via([65001], { onlyToCustomer: 65001 });
    for (const [role, upwards] of [
      ["provider", false],
      ["rs", false],
      ["customer", true],
      ["rs-client", true],
      ["peer", true],
    ] as const) {
      const { world, out, receiver } = sentTo("p9", role);
      world.rib.apply(world.id("p1"), announce(marked, "10.0.0.0/8"));
      world.rib.apply(world.id("p1"), announce(via([65001]), "11.0.0.0/8"));
      receiver.listen(out);
      expect(receiver.routes.get("10.0.0.0/8")?.onlyToCustomer).toBe(upwards ? undefined : 65001);
      expect(receiver.routes.has("10.0.0.0/8")).toBe(!upwards);
      const added = role === "provider" || role === "rs" || role === "peer";
      expect(receiver.routes.get("11.0.0.0/8")?.onlyToCustomer).toBe(added ? ASN : undefined);
    }
  });
});

describe("what a peer that takes several paths is told", () => {
  const several = { addPathSend: ["ipv4-unicast" as const] };

  it("is every usable path but its own, each under an identifier that stays", () => {
    const world = new World().add("p1").add("p2").add("p3").add("p9");
    const { out, receiver } = world.open("p9", several);
    for (const [index, name] of ["p1", "p2", "p3", "p9"].entries()) {
      const path = via([65001 + index], { nextHop: `192.0.2.${index + 1}` });
      world.rib.apply(world.id(name), announce(path, "10.0.0.0/8"));
    }
    receiver.listen(out);
    const before = new Map(receiver.routes);
    expect([...before.keys()].sort()).toEqual(["10.0.0.0/8#1", "10.0.0.0/8#2", "10.0.0.0/8#3"]);
    const { told } = receiver;
    world.rib.apply(world.id("p2"), withdraw("10.0.0.0/8"));
    receiver.listen(out);
    expect(receiver.told).toBe(told + 1);
    for (const [key, route] of receiver.routes) expect(before.get(key)).toEqual(route);
    expect(receiver.routes.size).toBe(2);
    out.refresh();
    receiver.listen(out);
    expect(receiver.told).toBe(told + 3);
    for (const name of ["p1", "p3", "p9"]) world.rib.drop(world.id(name));
    expect(receiver.listen(out).routes.size).toBe(0);
    expect(world.rib.sizes()).toMatchObject({ prefixes: { "ipv4-unicast": 0 }, attributes: 0 });
  });

  it("is each of several paths that one peer told", () => {
    const world = new World().add("p1").add("p9");
    const { out, receiver } = world.open("p9", several);
    world.rib.apply(world.id("p1"), announce(via([65001, 1]), ["10.0.0.0/8", 7]));
    world.rib.apply(world.id("p1"), announce(via([65001, 2]), ["10.0.0.0/8", 3]));
    receiver.listen(out);
    expect(
      [...receiver.routes.values()].map(({ asPath }) => asPath[0]?.asns[2] ?? 0).sort((a, b) => a - b),
    ).toEqual([1, 2]);
    expect([...world.rib.advertised(world.id("p9"))]).toHaveLength(2);
    world.rib.closeOut(world.id("p9"), "ipv4-unicast");
    world.rib.drop(world.id("p1"));
    expect(world.rib.sizes()).toMatchObject({ prefixes: { "ipv4-unicast": 0 }, attributes: 0 });
  });

  it("loses a path whose new attributes do not fit a message, and no other", () => {
    const world = new World().add("p1").add("p2").add("p9");
    const { out, receiver } = world.open("p9", several);
    world.rib.apply(world.id("p1"), announce(via([65001]), "10.0.0.0/8"));
    world.rib.apply(world.id("p2"), announce(via([65002]), "10.0.0.0/8"));
    expect(receiver.listen(out).routes.size).toBe(2);
    const communities = Array.from({ length: 1100 }, (_, index) => index + 1);
    world.rib.apply(world.id("p1"), announce(via([65001], { communities }), "10.0.0.0/8"));
    expect([...receiver.listen(out).routes.values()]).toEqual([
      via([ASN, 65002], { nextHop: "198.51.100.1" }),
    ]);
    world.rib.apply(world.id("p2"), withdraw("10.0.0.0/8"));
    expect(receiver.listen(out).routes.size).toBe(0);
    expect(out).toMatchObject({ advertised: 0, pending: 0 });
    world.rib.apply(world.id("p1"), announce(via([65001]), "10.0.0.0/8"));
    expect(receiver.listen(out).routes.size).toBe(1);
  });

  it("fits a message to the last byte, or is withdrawn", () => {
    const world = new World().add("p1").add("p9");
    const { out, receiver } = world.open("p9", several);
    const communities = Array.from({ length: 1000 }, (_, index) => index + 1);
    const told = (room: number) => {
      const unknown = [{ flags: 0xe0, type: 99, value: new Uint8Array(42 - room) }];
      const attributes = via([65001], { communities, unknown });
      world.rib.apply(world.id("p1"), announce(attributes, "10.0.0.0/8", "10.1.2.3/32"));
      return [...receiver.listen(out).routes.keys()];
    };
    expect(told(9)).toEqual(["10.0.0.0/8#1", "10.1.2.3/32#1"]);
    expect(told(8)).toEqual(["10.0.0.0/8#1"]);
    expect(told(6)).toEqual(["10.0.0.0/8#1"]);
    expect(told(5)).toEqual([]);
  });

  it("takes many calls to look at many prefixes, and is in as few messages as can be", () => {
    const world = new World().add("p9");
    const { out, receiver } = world.open("p9", several);
    world.rib.advertise("set", routesOf(10_000));
    expect(out.next()).toHaveLength(0);
    receiver.listen(out);
    expect(receiver.routes.size).toBe(10_000);
    // 8 bytes each.
    expect(receiver.messages).toBe(20);
    world.rib.setPolicies(world.id("p9"), {});
    expect(out.next()).toHaveLength(0);
    expect(receiver.listen(out).routes.size).toBe(0);
    world.rib.advertise("set", routesOf(9_000));
    expect(out.pending).toBe(0);
  });

  it("is what there is in the end, though it changes while it is looked at", () => {
    const world = new World().add("p1").add("p9");
    const { out, receiver } = world.open("p9", several);
    const prefixes = prefixesOf(3000);
    world.rib.apply(world.id("p1"), announce(via([65001]), ...prefixes));
    expect(out.next()).toHaveLength(0);
    world.rib.apply(world.id("p1"), withdraw(prefixes[0]!));
    world.rib.apply(world.id("p1"), announce(via([65001, 2]), prefixes[1]!, prefixes[2999]!));
    out.refresh();
    receiver.listen(out);
    expect(receiver.routes.size).toBe(2999);
    expect(receiver.routes.get(`${prefixes[1]}#1`)?.asPath[0]?.asns).toEqual([ASN, 65001, 2]);
    expect(receiver.routes.get(`${prefixes[2999]}#1`)?.asPath[0]?.asns).toEqual([ASN, 65001, 2]);
  });

  it("is listed by where each path is from", () => {
    const world = new World().add("p1").add("p2").add("p9");
    const { out, receiver } = world.open("p9", several);
    for (const name of ["p1", "p2"]) world.rib.apply(world.id(name), announce(via([1]), "10.0.0.0/8"));
    world.rib.advertise("set", [{ prefix: "10.0.0.0/8", localPref: 1 }]);
    receiver.listen(out);
    const peers = () => [...world.rib.advertised(world.id("p9"))].map(({ peer }) => peer);
    expect(new Set(peers())).toEqual(new Set(["p1", "p2", undefined]));
  });
});
