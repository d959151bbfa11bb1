/**
 * Nothing of ours speaks here: GoBGP, BIRD and FRR among themselves, so that a test of ours against one of them can be
 * trusted to have had a working peer.
 */
import { Lab, makeSegment, whyNoLab } from "@netloom/lab";
import {
  type NeighbourOptions,
  type Router,
  type RouterOptions,
  type RouterRoute,
  startBird,
  startFrr,
  startGobgp,
  waitFor,
} from "@netloom/lab/routers";
import { describe, expect, it } from "vitest";

type Start = (lab: Lab, name: string, options: RouterOptions) => Promise<Router>;

const STARTS: Readonly<Record<string, Start>> = { BIRD: startBird, FRR: startFrr, GoBGP: startGobgp };
const BOTH = ["ipv4-unicast", "ipv6-unicast"] as const;

/** Two routers on a segment: AS 65001 at .1 and AS 65002 at .2. */
async function pair(
  lab: Lab,
  [one, other]: readonly [Start, Start],
  neighbour: Omit<NeighbourOptions, "asn" | "address"> = {},
  between: "10.9.0." | "fd09::" = "10.9.0.",
): Promise<[Router, Router]> {
  makeSegment(lab, [
    { name: "one", addresses: ["10.9.0.1/24", "fd09::1/64"] },
    { name: "other", addresses: ["10.9.0.2/24", "fd09::2/64"] },
  ]);
  const options = (mine: number, theirs: number): RouterOptions => ({
    asn: 65000 + mine,
    routerId: `10.9.0.${mine}`,
    neighbours: [{ ...neighbour, asn: 65000 + theirs, address: `${between}${theirs}` }],
  });
  return [await one(lab, "one", options(1, 2)), await other(lab, "other", options(2, 1))];
}

async function established(...routers: readonly Router[]): Promise<void> {
  await waitFor(
    "all sessions established",
    async () => {
      const all = await Promise.all(routers.map((router) => router.neighbours()));
      return all.every((ones) => ones.length > 0 && ones.every(({ state }) => state === "established"));
    },
    { routers },
  );
}

async function has(router: Router, prefix: string): Promise<RouterRoute> {
  return waitFor(
    `${router.kind} has ${prefix}`,
    async () => {
      const family = prefix.includes(":") ? "ipv6-unicast" : "ipv4-unicast";
      return (await router.routes(family)).find((route) => route.prefix === prefix && route.best);
    },
    { routers: [router] },
  );
}

async function hasNot(router: Router, prefix: string): Promise<void> {
  await waitFor(
    `${router.kind} has lost ${prefix}`,
    async () => (await router.routes()).every((route) => route.prefix !== prefix),
    { routers: [router] },
  );
}

describe.skipIf(whyNoLab("BGP daemons among themselves") !== undefined)("peers", () => {
  for (const [mine, theirs] of [
    ["BIRD", "FRR"],
    ["FRR", "GoBGP"],
    ["GoBGP", "BIRD"],
  ] as const) {
    it(`${mine} tells ${theirs} a route with its attributes, and takes it back`, async () => {
      await using lab = new Lab("bgp");
      const [one, other] = await pair(lab, [STARTS[mine]!, STARTS[theirs]!]);
      await one.announce([
        {
          prefix: "203.0.113.0/24",
          med: 50,
          communities: ["65001:7", "65001:8"],
          largeCommunities: ["65001:1:2"],
          asPath: [65100, 65101],
        },
      ]);
      await other.announce([{ prefix: "198.51.100.0/24" }]);
      expect(await has(other, "203.0.113.0/24")).toMatchObject({
        from: "10.9.0.1",
        nextHop: "10.9.0.1",
        asPath: "65001 65100 65101",
        med: 50,
        communities: ["65001:7", "65001:8"],
        largeCommunities: ["65001:1:2"],
        best: true,
        stale: false,
      });
      expect(await has(one, "198.51.100.0/24")).toMatchObject({ from: "10.9.0.2", asPath: "65002" });
      await one.withdraw(["203.0.113.0/24"]);
      await hasNot(other, "203.0.113.0/24");
    });

    it(`${mine} and ${theirs} carry IPv6 over IPv6, with a password`, async () => {
      await using lab = new Lab("bgp");
      const [one, other] = await pair(
        lab,
        [STARTS[mine]!, STARTS[theirs]!],
        { families: BOTH, password: "swordfish" },
        "fd09::",
      );
      await one.announce([{ prefix: "2001:db8:1::/48" }]);
      await established(one, other);
      expect(await has(other, "2001:db8:1::/48")).toMatchObject({ from: "fd09::1", asPath: "65001" });
    });

    it(`${mine} and ${theirs} tell what both can do, and what a shutdown said`, async () => {
      await using lab = new Lab("bgp");
      const [one, other] = await pair(lab, [STARTS[mine]!, STARTS[theirs]!], {
        gracefulRestart: { restartTime: 60 },
        addPath: { send: true, receive: true },
        hold: 30,
      });
      await established(one, other);
      for (const router of [one, other]) {
        const [neighbour] = await router.neighbours();
        expect(neighbour).toMatchObject({ hold: 30 });
        expect(neighbour!.capabilities).toEqual(
          expect.arrayContaining([
            "add-path",
            "four-octet-as",
            "graceful-restart",
            "multiprotocol",
            "route-refresh",
          ]),
        );
      }
      await one.shutdown("10.9.0.2", "moved to the cellar");
      await waitFor(
        `${theirs} knows why`,
        async () =>
          `${(await other.neighbours())[0]!.lastError} ${other.log()}`.includes("moved to the cellar"),
        { routers: [other] },
      );
      await one.enable("10.9.0.2");
      await established(one, other);
      for (const router of [one, other])
        for (const direction of ["in", "out"] as const)
          await router.softReset((await router.neighbours())[0]!.address, direction);
      await established(one, other);
    });

    it(`${mine} keeps ${theirs}'s routes as stale when that is killed, until it is back`, async () => {
      await using lab = new Lab("bgp");
      const [one, other] = await pair(lab, [STARTS[mine]!, STARTS[theirs]!], {
        gracefulRestart: { restartTime: 60 },
      });
      await other.announce([{ prefix: "198.51.100.0/24" }]);
      await has(one, "198.51.100.0/24");
      await other.kill();
      const kept = await waitFor(
        "a stale route",
        async () => (await one.routes()).find(({ prefix, stale }) => prefix === "198.51.100.0/24" && stale),
        { routers: [one] },
      );
      expect(kept).toMatchObject({ from: "10.9.0.2", best: true });
      await other.revive();
      await waitFor("the fresh route", async () => !(await has(one, "198.51.100.0/24")).stale, {
        routers: [one, other],
      });
    });
  }

  it("see each other by BFD, and lose each other when a cable fails silently", async () => {
    await using lab = new Lab("bgp");
    const segment = makeSegment(lab, [
      { name: "one", addresses: ["10.9.0.1/24"] },
      { name: "other", addresses: ["10.9.0.2/24"] },
    ]);
    const bfd = { interval: 100, multiplier: 3 };
    const neighbour = { bfd, hold: 90 };
    const one = await startBird(lab, "one", {
      asn: 65001,
      routerId: "10.9.0.1",
      neighbours: [{ ...neighbour, asn: 65002, address: "10.9.0.2" }],
    });
    const other = await startFrr(lab, "other", {
      asn: 65002,
      routerId: "10.9.0.2",
      neighbours: [{ ...neighbour, asn: 65001, address: "10.9.0.1" }],
    });
    await established(one, other);
    await waitFor("BFD up", async () => /10\.9\.0\.2\s+eth0\s+Up/.test(await one.ask("show bfd sessions")), {
      routers: [one, other],
    });
    segment.cut("other");
    await waitFor("both are down", async () => {
      const all = [...(await one.neighbours()), ...(await other.neighbours())];
      return all.every(({ state }) => state !== "established");
    });
    expect((await one.neighbours())[0]!.lastError).toContain("BFD");
    segment.heal("other");
    await established(one, other);
  });

  it("find each other over a device without addresses: FRR", async () => {
    await using lab = new Lab("bgp");
    makeSegment(lab, [
      { name: "one", addresses: [] },
      { name: "other", addresses: [] },
    ]);
    const options = (asn: number): RouterOptions => ({
      asn,
      routerId: `10.0.0.${asn - 65000}`,
      neighbours: [{ interface: "eth0", asn: "external", extendedNextHop: true }],
    });
    const [one, other] = [
      await startFrr(lab, "one", options(65001)),
      await startFrr(lab, "other", options(65002)),
    ];
    await one.announce([{ prefix: "203.0.113.0/24" }]);
    expect((await has(other, "203.0.113.0/24")).nextHop).toMatch(/^fe80:/);
  });

  it.each(["BIRD", "FRR", "GoBGP"])("take in whoever calls from a prefix: %s", async (kind) => {
    await using lab = new Lab("bgp");
    makeSegment(lab, [
      { name: "one", addresses: ["10.9.0.1/24"] },
      { name: "other", addresses: ["10.9.0.2/24"] },
    ]);
    const one = await STARTS[kind]!(lab, "one", {
      asn: 65001,
      routerId: "10.9.0.1",
      neighbours: [{ range: "10.9.0.0/24", asn: 65002 }],
    });
    const other = await startBird(lab, "other", {
      asn: 65002,
      routerId: "10.9.0.2",
      neighbours: [{ address: "10.9.0.1", asn: 65001, passive: false }],
      announce: [{ prefix: "198.51.100.0/24" }],
    });
    await established(other);
    expect((await has(one, "198.51.100.0/24")).asPath).toBe("65002");
  });
});
