/** How sessions end, or never come about, and what each side says of it. */
import { whyNoLab } from "@netloom/lab";
import type { NeighbourOptions } from "@netloom/lab/routers";
import { describe, expect, it } from "vitest";
import type { Role } from "../../src/index.ts";
import { everything, KINDS, meet } from "./support/meeting.ts";
import { statusOf, theyHave, theyLack, theySay, weHave, weLack, weSay } from "./support/tables.ts";

const OURS = { advertise: [{ prefix: "203.0.113.0/24" }] };
const THEIRS = { announce: [{ prefix: "198.51.100.0/24" }] };
const TEXT = "moved to the cellar, ask Zoë";

/** With graceful restart, and its support for NOTIFICATIONs (RFC 8538), a shutdown is a hard reset that has it inside. */
const RESTARTS = { gracefulRestart: { restartTime: 60 } };

describe.skipIf(whyNoLab("ends of sessions with BGP daemons") !== undefined).concurrent("a session", () => {
  for (const kind of KINDS) {
    it(`that we shut down ends with our words: ${kind}`, async () => {
      await using meeting = await meet(kind, { theirs: RESTARTS, ...OURS });
      const { speaker, router, config, established } = meeting;
      await theyHave(router, "203.0.113.0/24");
      const [them] = config.peers;
      await speaker.apply({ ...config, peers: [{ ...them!, shutdown: TEXT }] });
      await theySay(router, /shutdown|6\/2/i);
      await theySay(router, /moved to the cellar, ask Zo/);
      await theyLack(router, "203.0.113.0/24");
      expect(statusOf(speaker).lastError?.message).toContain(TEXT);
      await speaker.apply(config);
      await established();
      await theyHave(router, "203.0.113.0/24");
    });

    it(`that we close with the speaker ends with our words, and our routes go: ${kind}`, async () => {
      await using meeting = await meet(kind, { theirs: RESTARTS, ...OURS });
      const { speaker, router } = meeting;
      await theyHave(router, "203.0.113.0/24");
      await speaker.close("withdraw", TEXT);
      await theySay(router, /moved to the cellar, ask Zo/);
      await theyLack(router, "203.0.113.0/24");
      expect((await router.neighbours())[0]!.state).not.toBe("established");
    });

    it(`that they shut down ends with their words, and their routes go: ${kind}`, async () => {
      // GoBGP negotiates RFC 8538, and then sends what leaves routes as they are.
      const theirs = kind === "GoBGP" ? { gracefulRestart: false as const } : RESTARTS;
      await using meeting = await meet(kind, { theirs, ...THEIRS });
      const { speaker, router, established } = meeting;
      await weHave(speaker, "198.51.100.0/24");
      await router.shutdown("10.9.0.1", "moved to the cellar");
      const { lastError } = await weSay(speaker, /moved to the cellar/);
      expect(lastError!.message).toMatch(/6\/2 cease, administrative shutdown: "moved to the cellar"/);
      await weLack(speaker, "198.51.100.0/24");
      await router.enable("10.9.0.1");
      await established();
      await weHave(speaker, "198.51.100.0/24");
    });

    it(`that we reset says so, and comes again: ${kind}`, async () => {
      await using meeting = await meet(kind, OURS);
      const { speaker, router, established } = meeting;
      speaker.reset("them", TEXT);
      await theySay(router, /Administrative reset|6\/4/i);
      await established();
      await theyHave(router, "203.0.113.0/24");
      expect(statusOf(speaker).established).toBe(2);
    });

    it(`of a peer that we have no more says so: ${kind}`, async () => {
      await using meeting = await meet(kind, OURS);
      const { speaker, router, config } = meeting;
      await speaker.apply({ ...config, peers: [] });
      await theySay(router, /Peer de-configured|Peer Unconfigured|6\/3/i);
      expect(speaker.peers()).toEqual([]);
    });

    it(`that has to begin anew for our configuration says so: ${kind}`, async () => {
      await using meeting = await meet(kind, OURS);
      const { speaker, router, config, established } = meeting;
      const [them] = config.peers;
      await speaker.apply({ ...config, peers: [{ ...them!, timers: { connectRetry: 1, hold: 60 } }] });
      await theySay(router, /Other configuration change|Configuration change|6\/6/i);
      await established();
      expect(statusOf(speaker).holdTime).toBe(60);
    });

    it(`ends when they have more prefixes than we take: ${kind}`, async () => {
      await using meeting = await meet(kind, {
        ours: { families: { "ipv4-unicast": { ...everything, maxPrefixes: 2 } } },
        ...THEIRS,
      });
      const { speaker, router, established } = meeting;
      await weHave(speaker, "198.51.100.0/24");
      await router.announce([{ prefix: "198.51.101.0/24" }, { prefix: "198.51.102.0/24" }]);
      await theySay(router, /Max(imum|\.)? (number of )?prefix|6\/1/i);
      await weSay(speaker, /maximum number of prefixes/);
      await router.withdraw(["198.51.101.0/24", "198.51.102.0/24"]);
      await established();
      await weHave(speaker, "198.51.100.0/24");
      expect(statusOf(speaker).established).toBeGreaterThan(1);
    });

    it(`ends when we have more prefixes than they take: ${kind}`, async () => {
      await using meeting = await meet(kind, { theirs: { maxPrefixes: 2 }, ...OURS });
      const { speaker, router } = meeting;
      await theyHave(router, "203.0.113.0/24");
      speaker.advertise(
        "more",
        [1, 2, 3].map((index) => ({ prefix: `203.0.${index}.0/24` })),
      );
      const { lastError } = await weSay(speaker, /NOTIFICATION.*6\/1 cease, maximum number of prefixes/);
      expect(lastError!.notification).toMatchObject({ code: 6 });
    });

    it(`with somebody of another AS is none: ${kind}`, async () => {
      await using meeting = await meet(kind, { ours: { remoteAsn: 65_009 }, comesUp: false });
      const { speaker, router } = meeting;
      await weSay(speaker, /AS 65002, not 65009/);
      // GoBGP finds our answer invalid, and does not say more.
      await theySay(router, /Bad peer AS|2\/2|invalid-msg/i);
      expect(statusOf(speaker).established).toBe(0);
    });

    it(`with somebody who expects another AS is none: ${kind}`, async () => {
      await using meeting = await meet(kind, { theirs: { asn: 65_009 }, comesUp: false });
      await weSay(meeting.speaker, /NOTIFICATION 2\/2 OPEN message error, bad peer AS/);
      expect(statusOf(meeting.speaker).established).toBe(0);
    });
  }

  // GoBGP stays away for half a minute after it has reset a session, and has no roles.
  for (const kind of ["BIRD", "FRR"] as const) {
    it(`that they reset says so, and comes again: ${kind}`, async () => {
      await using meeting = await meet(kind, THEIRS);
      const { speaker, router, established } = meeting;
      await router.reset("10.9.0.1");
      await weSay(speaker, /NOTIFICATION.*6\/(2|4) cease, administrative (shutdown|reset)/);
      await established();
      await weHave(speaker, "198.51.100.0/24");
      expect(statusOf(speaker).established).toBe(2);
    });

    it.each(PAIRS)(`where we are $ours and they are $theirs: ${kind}`, async ({ ours, theirs }) => {
      await using meeting = await meet(kind, {
        ours: { role: ours, strictRole: true },
        theirs: { role: theirs, strictRole: true },
        ...OURS,
        ...THEIRS,
      });
      await theyHave(meeting.router, "203.0.113.0/24");
      await weHave(meeting.speaker, "198.51.100.0/24");
      expect(statusOf(meeting.speaker).capabilities).toContain("role");
    });

    it(`where both want to be the provider is none: ${kind}`, async () => {
      await using meeting = await meet(kind, {
        ours: { role: "provider" },
        theirs: { role: "provider" },
        comesUp: false,
      });
      await weSay(meeting.speaker, /role mismatch|the peer is provider/);
      await theySay(meeting.router, /Role Mismatch/i);
      expect(statusOf(meeting.speaker).established).toBe(0);
    });

    it(`where we insist on roles, and they have none, is none: ${kind}`, async () => {
      await using meeting = await meet(kind, {
        ours: { role: "customer", strictRole: true },
        comesUp: false,
      });
      await weSay(meeting.speaker, /role/);
      await theySay(meeting.router, /Role Mismatch/i);
      expect(statusOf(meeting.speaker).established).toBe(0);
    });

    it(`where they insist on roles, and we have none, is none: ${kind}`, async () => {
      await using meeting = await meet(kind, {
        theirs: { role: "provider", strictRole: true },
        comesUp: false,
      });
      await weSay(meeting.speaker, /NOTIFICATION 2\/11 OPEN message error, role mismatch/);
      expect(statusOf(meeting.speaker).established).toBe(0);
    });

    it(`where nobody insists may do with one role: ${kind}`, async () => {
      await using meeting = await meet(kind, { ours: { role: "customer" }, ...OURS });
      await theyHave(meeting.router, "203.0.113.0/24");
      expect(statusOf(meeting.speaker).capabilities).not.toContain("role");
    });
  }
});

const PAIRS: readonly {
  readonly ours: Role;
  readonly theirs: NonNullable<NeighbourOptions["role"]>;
}[] = [
  { ours: "customer", theirs: "provider" },
  { ours: "provider", theirs: "customer" },
  { ours: "peer", theirs: "peer" },
  { ours: "rs-client", theirs: "rs-server" },
];
