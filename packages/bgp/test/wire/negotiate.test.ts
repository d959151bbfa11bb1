import { describe, expect, it } from "vitest";
import { type Capability, negotiate, type Open, type Role, type SessionFacts } from "../../src/wire/index.ts";
import { refusedWith } from "./support/build.ts";

const IPV4: Capability = { kind: "multiprotocol", afi: 1, safi: 1 };
const IPV6: Capability = { kind: "multiprotocol", afi: 2, safi: 1 };
const any: SessionFacts = { remoteAsn: "any" };

function speaker(asn: number, capabilities: readonly Capability[] = [], changes: Partial<Open> = {}): Open {
  return { asn, holdTime: 90, routerId: `10.0.0.${asn % 256}`, capabilities, ...changes };
}

function agreed(ours: readonly Capability[], theirs: readonly Capability[]): ReturnType<typeof negotiate> {
  return negotiate(speaker(65001, ours), speaker(65002, theirs), any);
}

describe("what two OPENs come to", () => {
  it("a peer that says nothing carries IPv4, with two-byte AS numbers and short messages", () => {
    const ours: Capability[] = [
      IPV4,
      IPV6,
      { kind: "four-octet-as", asn: 65001 },
      { kind: "extended-message" },
      { kind: "route-refresh" },
    ];
    expect(agreed(ours, [])).toEqual({
      context: {
        fourOctetAs: false,
        internal: false,
        families: ["ipv4-unicast"],
        addPathReceive: [],
        addPathSend: [],
        extendedNextHop: false,
        maxMessage: 4096,
      },
      remoteAsn: 65002,
      remoteRouterId: "10.0.0.234",
      holdTime: 90,
      keepalive: 30,
      gracefulRestart: undefined,
      longLived: [],
      routeRefresh: false,
      enhancedRouteRefresh: false,
      remoteRole: undefined,
      capabilities: [],
    });
  });

  it("only what both have counts, and is named", () => {
    const all: Capability[] = [
      IPV6,
      { kind: "route-refresh" },
      { kind: "enhanced-route-refresh" },
      { kind: "extended-message" },
      { kind: "four-octet-as", asn: 65001 },
      { kind: "unknown", code: 200, value: new Uint8Array(0) },
    ];
    const result = agreed([IPV4, ...all], [...all, { kind: "fqdn", host: "a", domain: "b" }]);
    expect(result.context).toMatchObject({
      families: ["ipv6-unicast"],
      fourOctetAs: true,
      maxMessage: 65535,
    });
    expect(result).toMatchObject({ routeRefresh: true, enhancedRouteRefresh: true });
    expect(result.capabilities).toEqual([
      "multiprotocol",
      "route-refresh",
      "enhanced-route-refresh",
      "extended-message",
      "four-octet-as",
    ]);
  });

  it("without a common family there is no session, and the peer is told which we have (RFC 5492)", () => {
    expect(refusedWith(() => agreed([IPV6], [IPV4]))).toBe("0207010400020001");
    expect(refusedWith(() => agreed([IPV6], []))).toBe("0207010400020001");
    expect(refusedWith(() => agreed([IPV4], [{ kind: "multiprotocol", afi: 25, safi: 70 }]))).toBe(
      "0207010400010001",
    );
  });

  it.each([
    [90, 30, undefined, 30, 10],
    [90, 180, undefined, 90, 30],
    [90, 0, undefined, 0, 0],
    [0, 90, 10, 0, 0],
    [3, 90, undefined, 3, 1],
    [4, 90, undefined, 4, 1],
    [90, 90, 5, 90, 5],
    [90, 9, 30, 9, 3],
  ])("hold times of %i and %i, keepalive %s: %i and %i", (ours, theirs, keepalive, holdTime, expected) => {
    const result = negotiate(
      speaker(65001, [], { holdTime: ours }),
      speaker(65002, [], { holdTime: theirs }),
      { remoteAsn: "any", keepalive },
    );
    expect(result).toMatchObject({ holdTime, keepalive: expected });
  });

  it.each([
    [65002, "any", true],
    [65002, "external", true],
    [65002, "internal", false],
    [65002, 65002, true],
    [65002, 65003, false],
    [65001, "internal", true],
    [65001, "external", false],
    [65001, "any", true],
  ] as const)("a peer of AS %i where %s is expected: %s", (asn, remoteAsn, accepted) => {
    const theirs = speaker(asn, [], { routerId: "10.0.0.2" });
    const refused = refusedWith(() => negotiate(speaker(65001), theirs, { remoteAsn }));
    expect(refused).toBe(accepted ? undefined : "0202");
  });

  it("our own BGP identifier is refused within an AS, and only there (RFC 6286)", () => {
    const twin = { routerId: "10.0.0.7" };
    expect(refusedWith(() => negotiate(speaker(65001, [], twin), speaker(65001, [], twin), any))).toBe(
      "0203",
    );
    expect(negotiate(speaker(65001, [], twin), speaker(65002, [], twin), any).context.internal).toBe(false);
  });

  it("path identifiers: by family and direction (RFC 7911)", () => {
    const paths = (...modes: [afi: number, send: boolean, receive: boolean][]): Capability => ({
      kind: "add-path",
      families: modes.map(([afi, send, receive]) => ({ afi, safi: 1, send, receive })),
    });
    const both = [IPV4, IPV6];
    const ours = [...both, paths([1, true, true], [2, true, false])];
    expect(agreed(ours, [...both, paths([1, true, false], [2, true, true])]).context).toMatchObject({
      addPathReceive: ["ipv4-unicast"],
      addPathSend: ["ipv6-unicast"],
    });
    expect(agreed(ours, [IPV4, paths([2, true, true])]).context).toMatchObject({
      addPathReceive: [],
      addPathSend: [],
    });
  });

  it("IPv6 next hops for IPv4 need both, and the right numbers (RFC 8950)", () => {
    const hop = (afi: number, nextHopAfi: number): Capability => ({
      kind: "extended-next-hop",
      families: [{ afi, safi: 1, nextHopAfi }],
    });
    expect(agreed([hop(1, 2)], [hop(1, 2)]).context.extendedNextHop).toBe(true);
    expect(agreed([hop(1, 2)], [hop(2, 1)]).context.extendedNextHop).toBe(false);
    expect(agreed([hop(1, 2)], []).context.extendedNextHop).toBe(false);
  });

  it("graceful restart: what the peer says of families both carry (RFC 4724, 8538, 9494)", () => {
    const restart = (notification: boolean): Capability => ({
      kind: "graceful-restart",
      restarted: true,
      notification,
      restartTime: 120,
      families: [
        { afi: 1, safi: 1, forwarding: true },
        { afi: 2, safi: 1, forwarding: false },
      ],
    });
    const longLived: Capability = {
      kind: "long-lived-graceful-restart",
      families: [{ afi: 1, safi: 1, forwarding: true, staleTime: 3600 }],
    };
    expect(agreed([restart(true), longLived], [restart(true), longLived])).toMatchObject({
      gracefulRestart: {
        restartTime: 120,
        restarted: true,
        notification: true,
        families: [{ family: "ipv4-unicast", forwarding: true }],
      },
      longLived: [{ family: "ipv4-unicast", forwarding: true, staleTime: 3600 }],
    });
    expect(agreed([restart(true)], [restart(false)]).gracefulRestart?.notification).toBe(false);
    expect(agreed([], [restart(true)]).gracefulRestart).toBeUndefined();
    expect(agreed([longLived], [longLived]).longLived).toEqual([]);
  });

  describe("roles (RFC 9234 4.2)", () => {
    const roles = ["provider", "rs", "rs-client", "customer", "peer"] as const;
    const pairs = new Set([
      "provider customer",
      "customer provider",
      "rs rs-client",
      "rs-client rs",
      "peer peer",
    ]);
    const withRole = (asn: number, ...mine: (Role | number)[]): Open =>
      speaker(
        asn,
        mine.map((role) => ({ kind: "role", role })),
      );

    it.each(roles.flatMap((ours) => roles.map((theirs) => [ours, theirs] as const)))(
      "%s and %s",
      (ours, theirs) => {
        const refused = refusedWith(() => negotiate(withRole(65001, ours), withRole(65002, theirs), any));
        expect(refused).toBe(pairs.has(`${ours} ${theirs}`) ? undefined : "020b");
      },
    );

    it("a peer without one is refused only where we insist", () => {
      const strict = { remoteAsn: "any", strictRole: true } as const;
      expect(negotiate(withRole(65001, "peer"), speaker(65002), any).remoteRole).toBeUndefined();
      expect(refusedWith(() => negotiate(withRole(65001, "peer"), speaker(65002), strict))).toBe("020b");
    });

    it("the same twice is once, two different ones and unknown ones are refused", () => {
      expect(negotiate(withRole(65001, "peer"), withRole(65002, "peer", "peer"), any).remoteRole).toBe(
        "peer",
      );
      expect(refusedWith(() => negotiate(withRole(65001, "peer"), withRole(65002, "peer", "rs"), any))).toBe(
        "020b",
      );
      expect(refusedWith(() => negotiate(withRole(65001, "peer"), withRole(65002, 9), any))).toBe("020b");
    });

    it("nobody asks for them within an AS", () => {
      const theirs = { ...withRole(65001, "provider"), routerId: "10.0.0.9" };
      expect(negotiate(withRole(65001, "provider"), theirs, any).remoteRole).toBeUndefined();
    });
  });
});
