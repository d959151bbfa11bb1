/** Who is heard: keys of TCP-MD5, distances, devices. */
import type { Lab } from "@netloom/lab";
import { makeSegment, whyNoLab } from "@netloom/lab";
import { type NeighbourOptions, waitFor } from "@netloom/lab/routers";
import { addRoute, Rtnl, writeSysctl } from "@netloom/netlink";
import { describe, expect, it } from "vitest";
import { createSpeaker, type PeerConfig, type Speaker, tcp } from "../../src/index.ts";
import { BOTH, KINDS, type Kind, meet, type MeetingOptions, STARTS } from "./support/meeting.ts";
import { counter, makePlace, netnsOf } from "./support/place.ts";
import { announceAsRouter, neighbourOn } from "./support/router-advertisements.ts";
import { statusOf, theyHave, weHave } from "./support/tables.ts";

const ROUTES = {
  announce: [{ prefix: "198.51.100.0/24" }],
  advertise: [{ prefix: "203.0.113.0/24" }],
};

const CALLS: readonly (Pick<MeetingOptions, "over" | "ours" | "theirs"> & { readonly what: string })[] = [
  { what: "calling over IPv4", theirs: { passive: true } },
  { what: "called over IPv4", ours: { passive: true } },
  { what: "calling over IPv6", over: "ipv6", theirs: { passive: true } },
  { what: "called over IPv6", over: "ipv6", ours: { passive: true } },
];

describe.skipIf(whyNoLab("who is heard by BGP daemons") !== undefined).concurrent("a session", () => {
  for (const kind of KINDS) {
    it.each(CALLS)(`with a key of TCP-MD5, $what: ${kind}`, async ({ over, ours, theirs }) => {
      await using meeting = await meet(kind, {
        over: over ?? "ipv4",
        ours: { ...ours, transport: { md5: "swordfish" } },
        theirs: { ...theirs, password: "swordfish" },
      });
      expect(statusOf(meeting.speaker).state).toBe("established");
    });

    it(`with two different keys is none, until they are the same: ${kind}`, async () => {
      const ours: Partial<PeerConfig> = { transport: { md5: "flatfish" } };
      await using meeting = await meet(kind, { ours, theirs: { password: "swordfish" }, comesUp: false });
      const { lab, speaker, router, config, established } = meeting;
      await waitFor(
        "they do not believe us",
        async () => (await counter(lab, "theirs", "TCPMD5Failure")) > 1,
      );
      expect(statusOf(speaker).established).toBe(0);
      expect((await router.neighbours())[0]!.state).not.toBe("established");
      const [them] = config.peers;
      await speaker.apply({ ...config, peers: [{ ...them!, transport: { md5: "swordfish" } }] });
      await established();
    });

    it(`without the key that they want is none: ${kind}`, async () => {
      await using meeting = await meet(kind, { theirs: { password: "swordfish" }, comesUp: false });
      const { lab, speaker } = meeting;
      await waitFor("they want one", async () => (await counter(lab, "theirs", "TCPMD5NotFound")) > 1);
      expect(statusOf(speaker).established).toBe(0);
    });

    it(`with TTL security: ${kind}`, async () => {
      await using meeting = await meet(kind, {
        ours: { transport: { ttlSecurity: 1 } },
        theirs: { ttlSecurity: 1 },
        ...ROUTES,
      });
      expect((await weHave(meeting.speaker, "198.51.100.0/24")).nextHop).toBe("10.9.0.2");
      expect((await theyHave(meeting.router, "203.0.113.0/24")).nextHop).toBe("10.9.0.1");
    });

    it(`over a router: ${kind}`, async () => {
      await using far = await meetOverRouter(kind, { multihop: 2 }, { multihop: 2 });
      expect((await weHave(far.speaker, "198.51.100.0/24")).nextHop).toBe("10.8.0.1");
    });

    it(`over a router, with TTL security of two hops: ${kind}`, async () => {
      await using far = await meetOverRouter(kind, { ttlSecurity: 2 }, { ttlSecurity: 2 });
      expect((await weHave(far.speaker, "198.51.100.0/24")).nextHop).toBe("10.8.0.1");
    });

    it(`with TTL security hears nobody who is farther away: ${kind}`, async () => {
      await using far = await meetOverRouter(kind, { ttlSecurity: 1 }, { ttlSecurity: 2 });
      await waitFor("they were not heard", async () => (await counter(far.lab, "ours", "TCPMinTTLDrop")) > 1);
      expect(statusOf(far.speaker).established).toBe(0);
    });
  }

  it.each([
    { who: "we call", calls: true },
    { who: "we are called", calls: false },
  ])("by a device alone carries IPv4 over IPv6 next hops both ways, and $who: FRR", async ({ calls }) => {
    await using meeting = await meet("FRR", {
      prepare: ({ lab }) => announceAsRouter(lab, "ours"),
      ours: { remote: { interface: "eth0" }, remoteAsn: "external" },
      neighbourOn: calls ? neighbourOn : undefined,
      router: {
        neighbours: [{ interface: "eth0", asn: "external", extendedNextHop: true, passive: calls }],
      },
      ...ROUTES,
    });
    const { speaker, router, segment } = meeting;
    expect((await weHave(speaker, "198.51.100.0/24")).nextHop).toMatch(/^f[de]/);
    expect((await theyHave(router, "203.0.113.0/24")).nextHop).toBe(segment.linkLocal("ours"));
    expect(statusOf(speaker)).toMatchObject({
      remoteAddress: `${segment.linkLocal("theirs")}%eth0`,
      remoteAsn: 65_002,
    });
  });
});

interface FarMeeting extends AsyncDisposable {
  readonly lab: Lab;
  readonly speaker: Speaker;
}

/** We are 10.9.0.1, they are 10.8.0.1, and between us is a router. */
async function meetOverRouter(
  kind: Kind,
  transport: NonNullable<PeerConfig["transport"]>,
  neighbour: Pick<NeighbourOptions, "multihop" | "ttlSecurity">,
): Promise<FarMeeting> {
  const place = makePlace("ours", "between");
  const { lab } = place;
  const hosts = [
    { name: "theirs", addresses: ["10.8.0.1/24"] },
    { name: "between", addresses: ["10.8.0.2/24"] },
  ];
  makeSegment(lab, hosts, { name: "far", device: "eth1" });
  writeSysctl(lab.namespace("between"), "net.ipv4.ip_forward", 1);
  for (const [name, to, via] of [
    ["ours", "10.8.0.0/24", "10.9.0.2"],
    ["theirs", "10.9.0.0/24", "10.8.0.2"],
  ] as const) {
    using rtnl = Rtnl.open({ netns: lab.namespace(name) });
    rtnl.execute(addRoute({ to, via }));
  }
  const speaker = createSpeaker(
    {
      asn: 65_001,
      routerId: "10.9.0.1",
      listen: {},
      peers: [
        {
          name: "them",
          remote: { address: "10.8.0.1" },
          remoteAsn: 65_002,
          transport,
          timers: { connectRetry: 1 },
          families: BOTH,
        },
      ],
    },
    { transport: tcp({ netns: netnsOf(lab, "ours") }) },
  );
  const end = async (): Promise<void> => {
    try {
      await speaker.close("preserve");
    } finally {
      await place[Symbol.asyncDispose]();
    }
  };
  try {
    await STARTS[kind](lab, "theirs", {
      asn: 65_002,
      routerId: "10.8.0.1",
      announce: ROUTES.announce,
      neighbours: [{ address: "10.9.0.1", asn: 65_001, ...neighbour }],
    });
    await speaker.start();
  } catch (error) {
    await end();
    throw error;
  }
  return { lab, speaker, [Symbol.asyncDispose]: end };
}
