/** Several paths of a prefix (RFC 7911), in both directions. */
import type { Lab } from "@netloom/lab";
import { whyNoLab } from "@netloom/lab";
import { type NeighbourOptions, waitFor } from "@netloom/lab/routers";
import { describe, expect, it } from "vitest";
import { createSpeaker, type PeerConfig, type Speaker, tcp } from "../../src/index.ts";
import { everything, KINDS, meet } from "./support/meeting.ts";
import { netnsOf } from "./support/place.ts";
import { statusOf, theyHave } from "./support/tables.ts";

const PREFIX = "203.0.113.0/24";
const SOURCES = [
  { name: "three", address: "10.9.0.3", asn: 65_003 },
  { name: "four", address: "10.9.0.4", asn: 65_004 },
] as const;
const families = { "ipv4-unicast": everything };

describe.skipIf(whyNoLab("several paths of BGP daemons") !== undefined).concurrent("all paths", () => {
  for (const kind of KINDS) {
    it(`arrive from ${kind}, and go one by one`, async () => {
      const neighbours: NeighbourOptions[] = [
        { address: "10.9.0.1", asn: 65_001, addPath: { send: true } },
        ...SOURCES.map(({ address, asn }) => ({ address, asn })),
      ];
      await using meeting = await meet(kind, {
        others: SOURCES.map(({ name }) => name),
        ours: { addPath: { receive: true }, families },
        router: { neighbours },
      });
      const { lab, speaker } = meeting;
      const received = (): string[] =>
        [...speaker.routes({ peer: "them", direction: "received" })]
          .map(({ attributes }) => attributes.asPath.map(({ asns }) => asns.join(" ")).join(" "))
          .toSorted();
      const sources = await startSources(lab, "10.9.0.2", 65_002);
      try {
        await waitFor("both", () => received().join() === "65002 65003,65002 65004");
        const ids = [...speaker.routes({ peer: "them", direction: "received" })].map(({ pathId }) => pathId);
        expect(new Set(ids).size).toBe(2);
        sources[0]!.advertise("all", []);
        await waitFor("the other", () => received().join() === "65002 65004");
        expect(statusOf(speaker).families[0]).toMatchObject({ received: 1 });
      } finally {
        for (const source of sources) await source.close();
      }
    });

    it(`arrive at ${kind}, and go one by one`, async () => {
      const peers: PeerConfig[] = SOURCES.map(({ name, address, asn }) => ({
        name,
        remote: { address },
        remoteAsn: asn,
        passive: true,
        families,
      }));
      await using meeting = await meet(kind, {
        others: SOURCES.map(({ name }) => name),
        ours: { addPath: { send: true }, families },
        theirs: { addPath: { receive: true }, families: ["ipv4-unicast"] },
        speaker: { peers },
      });
      const { lab, router } = meeting;
      const arrived = async (): Promise<string> => {
        const routes = await router.routes();
        return routes
          .map(({ asPath }) => asPath)
          .toSorted()
          .join();
      };
      const sources = await startSources(lab, "10.9.0.1", 65_001);
      try {
        await waitFor("both", async () => (await arrived()) === "65001 65003,65001 65004");
        sources[0]!.advertise("all", []);
        await waitFor("the other", async () => (await arrived()) === "65001 65004");
        expect((await theyHave(router, PREFIX)).asPath).toBe("65001 65004");
      } finally {
        for (const source of sources) await source.close();
      }
    });
  }
});

/** Two speakers of ours that tell the same prefix to somebody. */
function startSources(lab: Lab, address: string, asn: number): Promise<Speaker[]> {
  const starts = SOURCES.map(async (source) => {
    const hub = { name: "hub", remote: { address }, remoteAsn: asn, families, timers: { connectRetry: 1 } };
    const speaker = createSpeaker(
      { asn: source.asn, routerId: source.address, peers: [hub] },
      { transport: tcp({ netns: netnsOf(lab, source.name) }) },
    );
    speaker.advertise("all", [{ prefix: PREFIX }]);
    await speaker.start();
    return speaker;
  });
  return Promise.all(starts);
}
