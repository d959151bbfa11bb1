/** One side of a session is killed, and comes back: RFC 4724 and 9494. */
import { whyNoLab } from "@netloom/lab";
import { type Router, type RouterRoute, waitFor } from "@netloom/lab/routers";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { PeerConfig, SpeakerConfig } from "../../src/index.ts";
import { BOTH, type Kind, KINDS, meet, STARTS } from "./support/meeting.ts";
import { type Mortal, startMortal } from "./support/mortal.ts";
import { makePlace, netnsOf } from "./support/place.ts";
import { learned, statusOf, theyHave, theyLack, weHave, weLack } from "./support/tables.ts";

const [STAYS, GOES] = ["203.0.113.0/24", "203.0.114.0/24"] as const;
const GRACEFUL = { restartTime: 60 };
/** Restarts that take longer than a second are long. */
const LONG = { restartTime: 1, longLived: 60 };
const LLGR_STALE = "65535:6";

describe.skipIf(whyNoLab("restarts of BGP daemons") !== undefined).concurrent("a restart", () => {
  for (const kind of KINDS) {
    it(`of ${kind} costs us no route but those that do not come back`, async () => {
      await using meeting = await meet(kind, {
        theirs: { gracefulRestart: GRACEFUL },
        announce: [{ prefix: STAYS }, { prefix: GOES }],
      });
      const { speaker, router } = meeting;
      await weHave(speaker, STAYS);
      await weHave(speaker, GOES);
      await waitFor("they have told all", () => statusOf(speaker).families.every(({ endOfRib }) => endOfRib));
      const lost: string[] = [];
      speaker.on("best:changed", (changes) => {
        for (const { prefix, route } of changes) if (route === undefined) lost.push(prefix);
      });
      await router.kill();
      await waitFor("we keep both", () => statusOf(speaker).families[0]?.stale === 2);
      expect(learned(speaker).map(({ prefix, stale }) => ({ prefix, stale }))).toEqual([
        { prefix: STAYS, stale: true },
        { prefix: GOES, stale: true },
      ]);
      // Nobody answers, but it will not be there when they are back.
      await router.withdraw([GOES]).catch(() => undefined);
      await router.revive();
      await weHave(speaker, STAYS, ({ stale }) => !stale);
      await weLack(speaker, GOES);
      await waitFor("we have heard of it", () => lost.includes(GOES));
      expect(lost).toEqual([GOES]);
    });

    it(`of ${kind} that takes long leaves its routes as the last resort`, async () => {
      await using meeting = await meet(kind, {
        ours: { gracefulRestart: LONG },
        theirs: { gracefulRestart: LONG },
        announce: [{ prefix: STAYS }],
      });
      const { speaker, router } = meeting;
      await weHave(speaker, STAYS);
      await router.kill();
      const kept = await weHave(speaker, STAYS, ({ communities }) => communities.includes("llgr-stale"));
      expect(kept.stale).toBe(true);
      await router.revive();
      await weHave(speaker, STAYS, ({ stale, communities }) => !stale && communities.length === 0);
    });

    it(`of ours costs ${kind} no route but those that do not come back`, async () => {
      await using meeting = await meetMortal(kind, GRACEFUL);
      const { router, begin } = meeting;
      await using first = begin({ routes: [STAYS, GOES], restarting: false });
      await theyHave(router, STAYS);
      await theyHave(router, GOES);
      await using watch = watchOf(router, STAYS);
      await first.kill();
      await theyHave(router, STAYS, ({ stale }) => stale);
      await using second = begin({ routes: [STAYS], restarting: true });
      await waitFor("we are back", () => second.established === 1);
      // Time enough for an End-of-RIB that must not come: nobody has said that everything has been told.
      await sleep(300);
      await theyHave(router, GOES);
      second.ready();
      await theyLack(router, GOES);
      await theyHave(router, STAYS, ({ stale }) => !stale);
      expect(await watch.missed()).toEqual([]);
    });

    it(`of ours that takes long leaves our routes with ${kind} as the last resort`, async () => {
      await using meeting = await meetMortal(kind, LONG);
      const { router, begin } = meeting;
      await using first = begin({ routes: [STAYS], restarting: false });
      await theyHave(router, STAYS);
      await first.kill();
      const kept = await theyHave(router, STAYS, ({ communities }) => communities.includes(LLGR_STALE));
      expect(kept.stale).toBe(true);
      await using second = begin({ routes: [STAYS], restarting: true });
      second.ready();
      await theyHave(router, STAYS, ({ communities }) => !communities.includes(LLGR_STALE));
    });
  }
});

interface MortalMeeting extends AsyncDisposable {
  readonly router: Router;
  readonly begin: (how: { readonly routes: readonly string[]; readonly restarting: boolean }) => Mortal;
}

/** A daemon, and a speaker of ours in a process that can be killed. */
async function meetMortal(kind: Kind, gracefulRestart: typeof GRACEFUL): Promise<MortalMeeting> {
  const place = makePlace("ours", "theirs");
  const { lab } = place;
  const them: PeerConfig = {
    name: "them",
    remote: { address: "10.9.0.2" },
    remoteAsn: 65_002,
    families: BOTH,
    gracefulRestart,
    timers: { connectRetry: 1 },
  };
  const config: SpeakerConfig = { asn: 65_001, routerId: "10.9.0.1", listen: {}, peers: [them] };
  try {
    const router = await STARTS[kind](lab, "theirs", {
      asn: 65_002,
      routerId: "10.9.0.2",
      neighbours: [
        {
          address: "10.9.0.1",
          asn: 65_001,
          families: ["ipv4-unicast", "ipv6-unicast"],
          gracefulRestart,
        },
      ],
    });
    return {
      router,
      begin: ({ routes, restarting }) =>
        startMortal({
          netns: netnsOf(lab, "ours"),
          config,
          routes: routes.map((prefix) => ({ prefix })),
          restarting,
        }),
      [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
    };
  } catch (error) {
    await place[Symbol.asyncDispose]();
    throw error;
  }
}

interface Watch extends AsyncDisposable {
  /** Moments, in milliseconds from the start, at which the prefix was not there. */
  missed(): Promise<readonly number[]>;
}

/** Looks at a daemon's table all the time. */
function watchOf(router: Router, prefix: string): Watch {
  const began = performance.now();
  const missed: number[] = [];
  let over = false;
  const has = ({ prefix: known, best }: RouterRoute): boolean => known === prefix && best;
  const watching = (async (): Promise<void> => {
    while (!over) {
      if (!(await router.routes()).some(has)) missed.push(performance.now() - began);
      await sleep(10);
    }
  })();
  const end = async (): Promise<void> => {
    over = true;
    await watching;
  };
  return {
    async missed() {
      await end();
      return missed;
    },
    [Symbol.asyncDispose]: end,
  };
}
