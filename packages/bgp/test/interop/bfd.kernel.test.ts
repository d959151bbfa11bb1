/** BFD tells that the path is gone long before BGP would notice. */
import { createBfd, failureDetector } from "@netloom/bfd";
import { whyNoLab } from "@netloom/lab";
import { waitFor } from "@netloom/lab/routers";
import { describe, expect, it } from "vitest";
import { meet } from "./support/meeting.ts";
import { netnsOf } from "./support/place.ts";
import { statusOf, theyHave, theyLack, weHave, weLack } from "./support/tables.ts";

/** Seconds: far longer than anything here waits, so that it cannot have been the hold timer. */
const HOLD = 240;

describe
  .skipIf(whyNoLab("BFD with BGP daemons") !== undefined)
  .concurrent("a cable that fails silently", () => {
    // GoBGP 3.10 has no BFD.
    for (const kind of ["BIRD", "FRR"] as const)
      it(`ends the session with ${kind} by BFD, and both forget the other's routes`, async () => {
        let bfd: ReturnType<typeof createBfd> | undefined;
        await using meeting = await meet(kind, {
          failureDetector: (lab) => failureDetector((bfd = createBfd({ netns: netnsOf(lab, "ours") }))),
          ours: {
            failureDetector: { transmitInterval: 300, receiveInterval: 300, multiplier: 3 },
            timers: { hold: HOLD },
          },
          theirs: {
            bfd: { interval: 300, multiplier: 3 },
            hold: HOLD,
            gracefulRestart: { restartTime: HOLD },
          },
          announce: [{ prefix: "198.51.100.0/24" }],
          advertise: [{ prefix: "203.0.113.0/24" }],
        });
        const { speaker, router, segment, established } = meeting;
        try {
          await weHave(speaker, "198.51.100.0/24");
          await theyHave(router, "203.0.113.0/24");
          await waitFor("BFD is up", () => bfd?.sessions().some(({ state }) => state === "up"));
          segment.cut("theirs");
          await weLack(speaker, "198.51.100.0/24");
          const { lastError } = statusOf(speaker);
          expect(lastError?.message).toContain("BFD down");
          await theyLack(router, "203.0.113.0/24");
          segment.heal("theirs");
          await established();
          await weHave(speaker, "198.51.100.0/24");
          await theyHave(router, "203.0.113.0/24");
        } finally {
          bfd?.close();
        }
      });
  });
