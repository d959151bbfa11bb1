/** What a router is told about a neighbour arrives in its configuration, and a session comes up with it. */
import { Lab, makeSegment, whyNoLab } from "@netloom/lab";
import {
  type NeighbourOptions,
  type RouterOptions,
  startBird,
  startFrr,
  startGobgp,
  waitFor,
} from "@netloom/lab/routers";
import { describe, expect, it } from "vitest";

const STARTS = { BIRD: startBird, FRR: startFrr, GoBGP: startGobgp };

type Kind = keyof typeof STARTS;
type Options = Partial<NeighbourOptions>;

/** Between AS 65001 and AS 65002; the second may be told something else than the first. */
interface Session {
  readonly what: string;
  readonly between: readonly [Kind, Kind];
  readonly mine: Options;
  readonly theirs?: Options;
  /** What both then have. */
  readonly capability?: string;
  readonly ipv6?: boolean;
}

const SESSIONS: readonly Session[] = [
  { what: "TTL security", between: ["BIRD", "FRR"], mine: { ttlSecurity: 1 } },
  { what: "TTL security", between: ["FRR", "GoBGP"], mine: { ttlSecurity: 1 } },
  { what: "more than one hop", between: ["GoBGP", "BIRD"], mine: { multihop: 3 } },
  {
    what: "roles",
    between: ["BIRD", "FRR"],
    mine: { role: "provider", strictRole: true },
    theirs: { role: "customer", strictRole: true },
    capability: "role",
  },
  { what: "no hold time", between: ["BIRD", "FRR"], mine: { hold: 0 } },
  {
    what: "long-lived graceful restart",
    between: ["BIRD", "FRR"],
    mine: { gracefulRestart: { restartTime: 30, longLived: 60 } },
    capability: "long-lived-graceful-restart",
  },
  {
    what: "IPv4 with IPv6 next hops",
    between: ["FRR", "BIRD"],
    mine: { extendedNextHop: true },
    capability: "extended-next-hop",
    ipv6: true,
  },
  {
    what: "extended messages",
    between: ["BIRD", "FRR"],
    mine: { extendedMessages: true },
    capability: "extended-messages",
  },
  { what: "one that waits", between: ["FRR", "BIRD"], mine: { passive: true }, theirs: {} },
  { what: "a limit of prefixes", between: ["GoBGP", "FRR"], mine: { maxPrefixes: 10 } },
  {
    what: "an AS number of its own",
    between: ["FRR", "BIRD"],
    mine: { localAsn: 65009 },
    theirs: { asn: 65009 },
  },
];

describe.skipIf(whyNoLab("options of BGP daemons") !== undefined)("options of peers", () => {
  it.each(SESSIONS)("$what: $between.0 and $between.1", async (session) => {
    const { between, mine, theirs = mine, capability = "four-octet-as", ipv6 = false } = session;
    await using lab = new Lab("bgp");
    makeSegment(lab, [
      { name: "one", addresses: ["10.9.0.1/24", "fd09::1/64"] },
      { name: "other", addresses: ["10.9.0.2/24", "fd09::2/64"] },
    ]);
    const one = await STARTS[between[0]](lab, "one", options(1, mine, ipv6));
    const other = await STARTS[between[1]](lab, "other", options(2, theirs, ipv6));
    const [neighbour] = await waitFor(
      "the session is established",
      async () => {
        const [all, others] = [await one.neighbours(), await other.neighbours()];
        return all[0]?.state === "established" && others[0]?.state === "established" && all;
      },
      { routers: [one, other] },
    );
    expect(neighbour!.asn).toBe(65002);
    expect(neighbour!.hold ?? 0).toBe(mine.hold ?? 90);
    expect(neighbour!.capabilities).toContain(capability);
  });

  it("say which of them a daemon does not have", async () => {
    await using lab = new Lab("bgp");
    await expect(startGobgp(lab, "one", options(1, { role: "peer" }))).rejects.toThrow(
      "GoBGP 3.10 has no role",
    );
    await expect(
      startBird(lab, "one", {
        ...options(1, {}),
        neighbours: [{ interface: "eth0", asn: "external" }],
      }),
    ).rejects.toThrow("unnumbered");
  });

  it("are refused with the daemon's own words", async () => {
    await using lab = new Lab("bgp");
    await expect(startBird(lab, "one", options(1, { hold: 1 }))).rejects.toThrow(/hold time/i);
  });
});

function options(host: 1 | 2, neighbour: Options, ipv6 = false): RouterOptions {
  const address = `${ipv6 ? "fd09::" : "10.9.0."}${3 - host}`;
  return {
    asn: 65000 + host,
    routerId: `10.9.0.${host}`,
    neighbours: [{ asn: 65000 + 3 - host, ...neighbour, address }],
  };
}
