/** What arrives of a route, of ours at a daemon and of a daemon's at ours. */
import { whyNoLab } from "@netloom/lab";
import { type Router, waitFor } from "@netloom/lab/routers";
import { describe, expect, it } from "vitest";
import type { PathAttributes, RibRoute, Speaker } from "../../src/index.ts";
import { everything, type Kind, KINDS, meet } from "./support/meeting.ts";
import { netnsOf } from "./support/place.ts";
import { sayRoute } from "./support/raw-source.ts";
import { startSink } from "./support/sink.ts";
import { learned, statusOf, theyHave, theyLack, weHave, weLack } from "./support/tables.ts";

const THEIRS = {
  prefix: "198.51.100.0/24",
  med: 50,
  communities: ["65002:7", "65002:8"],
  largeCommunities: ["65002:1:4294967295"],
  asPath: [65_100, 65_101],
};
const OURS = {
  prefix: "203.0.113.0/24",
  med: 4_294_967_295,
  communities: ["65001:7", "65001:8"],
  largeCommunities: ["65001:1:4294967295"],
};

describe.skipIf(whyNoLab("routes of BGP daemons") !== undefined).concurrent("a route", () => {
  for (const kind of KINDS) {
    it(`has its attributes, to and from ${kind}`, async () => {
      await using meeting = await meet(kind, { announce: [THEIRS], advertise: [{ ...OURS, prepend: 2 }] });
      const { speaker, router } = meeting;
      expect(await weHave(speaker, THEIRS.prefix)).toMatchObject({
        nextHop: "10.9.0.2",
        origin: "igp",
        asPath: "65002 65100 65101",
        med: 50,
        localPref: undefined,
        communities: THEIRS.communities,
        largeCommunities: THEIRS.largeCommunities,
      });
      expect(await theyHave(router, OURS.prefix)).toMatchObject({
        nextHop: "10.9.0.1",
        asPath: "65001 65001 65001",
        med: OURS.med,
        communities: OURS.communities,
        largeCommunities: OURS.largeCommunities,
      });
      speaker.advertise("ours", [{ prefix: OURS.prefix, communities: ["65001:9"] }]);
      await theyHave(router, OURS.prefix, ({ communities }) => communities.join(" ") === "65001:9");
      speaker.advertise("ours", []);
      await theyLack(router, OURS.prefix);
      await router.announce([{ prefix: THEIRS.prefix, communities: ["65002:9"] }]);
      await weHave(speaker, THEIRS.prefix, ({ communities }) => communities.join(" ") === "65002:9");
      await router.withdraw([THEIRS.prefix]);
      await weLack(speaker, THEIRS.prefix);
    });

    it(`within an AS has its preference and no path, to and from ${kind}`, async () => {
      await using meeting = await meet(kind, {
        theirAsn: 65_001,
        announce: [{ prefix: THEIRS.prefix }],
        advertise: [{ ...OURS, localPref: 250 }],
      });
      expect(await weHave(meeting.speaker, THEIRS.prefix)).toMatchObject({ asPath: "", localPref: 100 });
      expect(await theyHave(meeting.router, OURS.prefix)).toMatchObject({
        asPath: "",
        localPref: 250,
        med: OURS.med,
        largeCommunities: OURS.largeCommunities,
      });
    });

    it(`of 300 hops goes through us, and through ${kind}`, async () => {
      const hops = [65_003, ...Array.from({ length: 299 }, (_, index) => 4_200_000_000 + index)];
      const asPath = [
        { type: "sequence", asns: hops.slice(0, 255) },
        { type: "sequence", asns: hops.slice(255) },
      ] as const;
      await using chain = await meetInChain(kind, { ...WRITTEN, asPath });
      // What BIRD writes down of it ends early.
      const shown = (await theyHave(chain.router, THEIRS.prefix)).asPath.replace("...", "");
      expect(`65001 ${hops.join(" ")}`.startsWith(shown)).toBe(true);
      expect((await weHave(chain.sink, THEIRS.prefix)).asPath).toBe(`65002 65001 ${hops.join(" ")}`);
    });

    it(`goes through us with all that others have written on it, to ${kind}`, async () => {
      await using chain = await meetInChain(kind, WRITTEN);
      await theyHave(chain.router, THEIRS.prefix);
      await weHave(chain.sink, THEIRS.prefix);
      const { nextHop: _, med: __, ...rest } = WRITTEN;
      const arrived = attributesOf(chain.sink, THEIRS.prefix);
      expect(arrived).toMatchObject({
        ...rest,
        asPath: [
          { type: "sequence", asns: [65_002, 65_001, 65_003, 4_200_000_003] },
          { type: "set", asns: [65_101, 65_102] },
        ],
        // Optional, transitive, and Partial: somebody on the way did not know it.
        unknown: [{ type: 99, flags: 0xe0, value: Uint8Array.of(0xde, 0xad, 0xbe, 0xef) }],
      });
      // A MED is for the neighbouring AS alone.
      expect(arrived.med).toBeUndefined();
    });

    it(`is told again by ${kind} when we ask`, async () => {
      await using meeting = await meet(kind, { announce: [THEIRS] });
      const { speaker } = meeting;
      await weHave(speaker, THEIRS.prefix);
      let heard = 0;
      speaker.monitor({
        up: () => undefined,
        down: () => undefined,
        withdrawn: () => heard--,
        update: (_session, _message, { reach }) => (heard += reach.length),
      });
      speaker.refresh("them", "in", "ipv4-unicast");
      await waitFor("they have told it again", () => heard > 0);
      expect(learned(speaker)).toHaveLength(1);
      expect(statusOf(speaker)).toMatchObject({ state: "established", established: 1 });
      // GoBGP sets no marks around what it tells again.
      const marks = kind === "GoBGP" ? "route-refresh" : "enhanced-route-refresh";
      expect(statusOf(speaker).capabilities).toContain(marks);
    });

    // GoBGP keeps what it heard, and asks nobody.
    if (kind !== "GoBGP")
      it(`is told again when ${kind} asks`, async () => {
        await using meeting = await meet(kind, { ours: { timers: { hold: 0 } }, advertise: [OURS] });
        const { speaker, router } = meeting;
        await theyHave(router, OURS.prefix);
        const told = (): number => statusOf(speaker).messages.sent;
        const before = told();
        await router.softReset("10.9.0.1", "in");
        // The route, between two marks, in each of two families.
        await waitFor("we have told it again", () => told() >= before + 5);
        await theyHave(router, OURS.prefix);
        expect(statusOf(speaker)).toMatchObject({ state: "established", established: 1 });
      });
  }

  it("with large AS numbers goes through a session of two octets, both ways: BIRD", async () => {
    await using meeting = await meet("BIRD", {
      ourAsn: 4_200_000_001,
      theirs: { asn: "external", fourOctetAs: false },
      announce: [{ prefix: THEIRS.prefix, asPath: [4_200_000_005, 65_100, 4_200_000_006] }],
      advertise: [{ prefix: OURS.prefix, prepend: 1 }],
    });
    const { speaker, router } = meeting;
    expect((await weHave(speaker, THEIRS.prefix)).asPath).toBe("65002 4200000005 65100 4200000006");
    expect((await theyHave(router, OURS.prefix)).asPath).toBe("4200000001 4200000001");
    expect(statusOf(speaker).capabilities).not.toContain("four-octet-as");
  });

  // GoBGP 3.10 has no messages of more than 4096 bytes.
  for (const kind of ["BIRD", "FRR"] as const)
    it(`that is longer than a message was before RFC 8654 arrives, to and from ${kind}`, async () => {
      const many = (asn: number): string[] => Array.from({ length: 1500 }, (_, index) => `${asn}:${index}`);
      const theirs = kind === "BIRD" ? many(65_002) : [];
      await using meeting = await meet(kind, {
        theirs: kind === "BIRD" ? { extendedMessages: true } : {},
        announce: [{ prefix: THEIRS.prefix, communities: theirs }],
        advertise: [{ prefix: OURS.prefix, communities: many(65_001) }],
      });
      const { speaker, router } = meeting;
      expect((await weHave(speaker, THEIRS.prefix)).communities).toHaveLength(theirs.length);
      // BIRD writes down the first few dozen of them.
      expect((await theyHave(router, OURS.prefix)).communities.length).toBeGreaterThan(
        kind === "FRR" ? 1499 : 20,
      );
      expect(statusOf(speaker).capabilities).toContain("extended-message");
    });

  it("that is longer than a message may be is not told, and the rest is: GoBGP", async () => {
    const communities = Array.from({ length: 1500 }, (_, index) => `65001:${index}`);
    await using meeting = await meet("GoBGP", {
      advertise: [{ prefix: OURS.prefix, communities }, { prefix: "203.0.114.0/24" }],
    });
    const { speaker, router } = meeting;
    await theyHave(router, "203.0.114.0/24");
    expect((await router.routes()).map(({ prefix }) => prefix)).toEqual(["203.0.114.0/24"]);
    expect(statusOf(speaker).established).toBe(1);
  });
});

/** Some of this nobody on the way knows, or may change. */
const WRITTEN: PathAttributes = {
  origin: "egp",
  asPath: [
    { type: "sequence", asns: [65_003, 4_200_000_003] },
    { type: "set", asns: [65_101, 65_102] },
  ],
  nextHop: "10.9.0.3",
  med: 7,
  atomicAggregate: true,
  aggregator: { asn: 4_200_000_003, address: "192.0.2.3" },
  communities: [0xfdeb_0001],
  extendedCommunities: [0x0002_fdeb_0000_0064n],
  largeCommunities: [[4_200_000_003, 1, 2]],
  unknown: [{ flags: 0xc0, type: 99, value: Uint8Array.of(0xde, 0xad, 0xbe, 0xef) }],
};

function attributesOf(speaker: Speaker, prefix: string): RibRoute["attributes"] {
  const { attributes } = [...speaker.routes()].find((route) => route.prefix === prefix)!;
  return attributes;
}

interface Chain extends AsyncDisposable {
  readonly router: Router;
  /** Another of ours, behind them: it hears what they have heard from us. */
  readonly sink: Speaker;
}

/** A source tells us a route, we tell it to them, and they to a sink: AS 65003, 65001, 65002, 65004. */
async function meetInChain(kind: Kind, attributes: PathAttributes): Promise<Chain> {
  const families = { "ipv4-unicast": everything };
  const source = {
    name: "source",
    remote: { address: "10.9.0.3" },
    remoteAsn: 65_003,
    passive: true,
    families,
  };
  const meeting = await meet(kind, {
    others: ["source", "sink"],
    speaker: { peers: [source] },
    router: {
      neighbours: [
        { address: "10.9.0.1", asn: 65_001, families: ["ipv4-unicast", "ipv6-unicast"] },
        { address: "10.9.0.4", asn: 65_004 },
      ],
    },
  });
  const { lab, router } = meeting;
  const sink = await startSink(lab, { name: "sink", host: 4, peer: {} });
  const connection = await sayRoute(netnsOf(lab, "source"), "10.9.0.1", 65_003, THEIRS.prefix, attributes);
  return {
    router,
    sink,
    async [Symbol.asyncDispose]() {
      connection.destroy();
      await sink.close("preserve");
      await meeting[Symbol.asyncDispose]();
    },
  };
}
