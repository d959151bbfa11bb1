/** How a session with a daemon of somebody else's comes about. */
import { whyNoLab } from "@netloom/lab";
import { describe, expect, it } from "vitest";
import { waitFor } from "@netloom/lab/routers";
import { everything, KINDS, type Kind, meet, type MeetingOptions } from "./support/meeting.ts";
import { statusOf, theyHave, theyLack, weHave, weLack } from "./support/tables.ts";

interface Case extends MeetingOptions {
  readonly what: string;
  /** Others lack it. */
  readonly kinds?: readonly Kind[];
}

const INTERNAL = { ourAsn: 65_001, theirAsn: 65_001 };

const CASES: readonly Case[] = [
  { what: "calling over IPv4", theirs: { passive: true } },
  { what: "called over IPv4", ours: { passive: true } },
  { what: "both calling over IPv4" },
  { what: "calling over IPv6", over: "ipv6", theirs: { passive: true } },
  { what: "called over IPv6", over: "ipv6", ours: { passive: true } },
  { what: "over link-local addresses", over: "link-local" },
  { what: "within an AS, over IPv4", ...INTERNAL },
  { what: "within an AS, over IPv6", over: "ipv6", ...INTERNAL },
  { what: "with AS numbers of four octets", ourAsn: 4_200_000_001, theirAsn: 4_200_000_002 },
];

/** GoBGP 3.10 cannot want none, and gives each of its writes a third of what was agreed on: with none, none. */
const HOLD_TIMES = [
  { what: "the shorter hold time of the two, ours", ours: 9, theirs: 30, agreed: 9 },
  { what: "the shorter hold time of the two, theirs", ours: 30, theirs: 9, agreed: 9 },
  { what: "no hold time, where we want none", ours: 0, theirs: 30, agreed: 0 },
  { what: "no hold time, where they want none", ours: 30, theirs: 0, agreed: 0 },
];

describe.skipIf(whyNoLab("sessions with BGP daemons") !== undefined).concurrent("a session", () => {
  for (const { what, kinds = KINDS, ...options } of CASES)
    for (const kind of kinds)
      it(`${what}, with ${kind}, carries routes both ways`, async () => {
        // Of the family that they talk by: next hops of another take some more words.
        const [theirs, ours] =
          options.over === undefined
            ? ["198.51.100.0/24", "203.0.113.0/24"]
            : ["2001:db8:2::/48", "2001:db8:1::/48"];
        await using meeting = await meet(kind, {
          ...options,
          announce: [{ prefix: theirs }],
          advertise: [{ prefix: ours }],
        });
        const { speaker, router } = meeting;
        const { ourAsn = 65_001, theirAsn = 65_002 } = options;
        const path = (asn: number): string => (ourAsn === theirAsn ? "" : String(asn));
        expect(await weHave(speaker, theirs)).toMatchObject({ asPath: path(theirAsn) });
        expect(await theyHave(router, ours)).toMatchObject({ asPath: path(ourAsn) });
        expect(statusOf(speaker)).toMatchObject({ remoteAsn: theirAsn, remoteRouterId: "10.9.0.2" });
      });

  // GoBGP does not tell when it calls.
  for (const kind of ["BIRD", "FRR"] as const)
    it(`is one where both call at the same time: ${kind}`, async () => {
      await using meeting = await meet(kind, {
        prepare: ({ segment }) => segment.cut("theirs"),
        ours: { timers: { connectRetry: 30 } },
        theirs: { connectRetry: 30 },
        comesUp: false,
      });
      const { speaker, router, segment, established } = meeting;
      await waitFor("both call", async () => {
        const [us, them] = [speaker.peers()[0], (await router.neighbours())[0]];
        return us?.state === "connect" && them?.state === "connect";
      });
      segment.heal("theirs");
      await established();
      speaker.advertise("ours", [{ prefix: "203.0.113.0/24" }]);
      await theyHave(router, "203.0.113.0/24");
      expect(statusOf(speaker).established).toBe(1);
    });

  for (const kind of KINDS) {
    it(`with whoever calls from a prefix: ${kind} calls`, async () => {
      await using meeting = await meet(kind, {
        ours: { remote: { dynamic: "10.9.0.0/24" }, remoteAsn: "external" },
        announce: [{ prefix: "198.51.100.0/24" }],
        advertise: [{ prefix: "203.0.113.0/24" }],
      });
      await weHave(meeting.speaker, "198.51.100.0/24");
      await theyHave(meeting.router, "203.0.113.0/24");
      expect(statusOf(meeting.speaker, "them/10.9.0.2")).toMatchObject({ remoteAsn: 65_002 });
    });

    it(`with whoever calls from a prefix: ${kind} is called`, async () => {
      await using meeting = await meet(kind, {
        router: {
          neighbours: [{ range: "10.9.0.0/24", asn: 65_001, families: ["ipv4-unicast", "ipv6-unicast"] }],
        },
        announce: [{ prefix: "198.51.100.0/24" }],
        advertise: [{ prefix: "203.0.113.0/24" }],
      });
      expect((await weHave(meeting.speaker, "198.51.100.0/24")).nextHop).toBe("10.9.0.2");
      expect((await theyHave(meeting.router, "203.0.113.0/24")).nextHop).toBe("10.9.0.1");
    });

    it.each(HOLD_TIMES.filter(({ agreed }) => agreed > 0 || kind !== "GoBGP"))(
      `has $what: ${kind}`,
      async ({ ours, theirs, agreed }) => {
        await using meeting = await meet(kind, {
          ours: { timers: { hold: ours } },
          theirs: { hold: theirs },
          announce: [{ prefix: "198.51.100.0/24" }],
        });
        await weHave(meeting.speaker, "198.51.100.0/24");
        expect(statusOf(meeting.speaker)).toMatchObject({
          holdTime: agreed,
          keepalive: Math.floor(agreed / 3),
        });
        expect((await meeting.router.neighbours())[0]!.hold ?? 0).toBe(agreed);
      },
    );

    it(`ends at both ends when nothing arrives any more: ${kind}`, async () => {
      await using meeting = await meet(kind, {
        ours: { timers: { hold: 3 }, gracefulRestart: false },
        announce: [{ prefix: "198.51.100.0/24" }],
        advertise: [{ prefix: "203.0.113.0/24" }],
      });
      const { speaker, router, segment } = meeting;
      await weHave(speaker, "198.51.100.0/24");
      await theyHave(router, "203.0.113.0/24");
      segment.cut("theirs");
      await weLack(speaker, "198.51.100.0/24");
      expect(statusOf(speaker).lastError).toMatchObject({
        message: expect.stringContaining("nothing heard"),
        notification: { code: 4, subcode: 0 },
      });
      await theyLack(router, "203.0.113.0/24");
      segment.heal("theirs");
      await weHave(speaker, "198.51.100.0/24");
      await theyHave(router, "203.0.113.0/24");
    });
  }

  for (const over of ["ipv6", "link-local"] as const)
    for (const kind of KINDS)
      it(`over ${over} addresses carries IPv4 routes to IPv6 next hops both ways: ${kind}`, async () => {
        await using meeting = await meet(kind, {
          over,
          theirs: { extendedNextHop: true },
          announce: [{ prefix: "198.51.100.0/24" }],
          advertise: [{ prefix: "203.0.113.0/24" }],
        });
        // FRR has a global address too, and tells that first.
        const start = over === "ipv6" || kind === "FRR" ? /^fd09::/ : /^fe80::/;
        expect((await weHave(meeting.speaker, "198.51.100.0/24")).nextHop).toMatch(start);
        expect((await theyHave(meeting.router, "203.0.113.0/24")).nextHop).toMatch(
          over === "ipv6" ? /^fd09::/ : /^fe80::/,
        );
      });

  for (const kind of KINDS)
    it(`over IPv4 carries IPv6 routes where we know our next hop: ${kind}`, async () => {
      const ipv6 = { ...everything, nextHop: "fd09::1" };
      await using meeting = await meet(kind, {
        ours: { families: { "ipv4-unicast": everything, "ipv6-unicast": ipv6 } },
        advertise: [{ prefix: "2001:db8:1::/48" }],
      });
      expect((await theyHave(meeting.router, "2001:db8:1::/48")).nextHop).toBe("fd09::1");
    });
});
