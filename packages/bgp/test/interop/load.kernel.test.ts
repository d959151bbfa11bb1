/** Many routes, slow peers, and callers that want nothing. */
import { type Lab, whyNoLab } from "@netloom/lab";
import { type Router, waitFor } from "@netloom/lab/routers";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type Connection, type LocalRoute, type Speaker, tcp, type Transport } from "../../src/index.ts";
import { everything, type Kind, KINDS, meet } from "./support/meeting.ts";
import { netnsOf } from "./support/place.ts";
import { startSink } from "./support/sink.ts";
import { learned, statusOf, theyHave, weHave } from "./support/tables.ts";

/** Milliseconds, on a machine that has others to serve. */
const PATIENCE = 60_000;
const families = { "ipv4-unicast": everything };

describe.skipIf(whyNoLab("loads of BGP daemons") !== undefined).concurrent("20,000 prefixes", () => {
  it.each(KINDS)(
    "that come, go and come again are the same everywhere in the end: %s",
    async (kind) => {
      await using meeting = await meet(kind, {
        others: ["sink"],
        ours: { families },
        router: {
          quiet: true,
          neighbours: [
            { address: "10.9.0.1", asn: 65_001 },
            { address: "10.9.0.3", asn: 65_003 },
          ],
        },
      });
      const { lab, speaker, router } = meeting;
      const sink = await startSink(lab, { name: "sink", host: 3, peer: {} });
      try {
        for (let round = 0; round < 6; round++) {
          speaker.advertise("churn", routesOf(20_000, round));
          // Some rounds are over before they have been told.
          if (round % 2 === 1) await sleep(100);
          speaker.advertise(
            "churn",
            routesOf(20_000, round).filter((_, index) => index % 3 !== round % 3),
          );
        }
        const end = routesOf(20_000, 7);
        speaker.advertise("churn", end);
        const expected = end
          .map(({ prefix, communities }) => `${prefix} ${communities!.join(" ")}`)
          .toSorted();
        await waitFor(
          "the sink has it all",
          async () => {
            if (statusOf(sink).families[0]?.received !== 20_000) return false;
            // To look is work, for the process that is to do it.
            await sleep(500);
            return tableOf(sink).join() === expected.join();
          },
          { routers: [router], within: PATIENCE },
        );
        expect(await prefixesOf(router)).toEqual(end.map(({ prefix }) => prefix).toSorted());
        speaker.advertise("churn", []);
        await waitFor("all is gone", () => statusOf(sink).families[0]?.received === 0);
        expect(await prefixesOf(router)).toEqual([]);
        for (const each of [speaker, sink]) expect(statusOf(each).established).toBe(1);
      } finally {
        await sink.close();
      }
    },
    180_000,
  );
});

describe.skipIf(whyNoLab("slow BGP daemons") !== undefined).concurrent("a daemon that is stopped", () => {
  // What GoBGP and FRR need for each prefix is measured elsewhere; with fewer, FRR is no longer about it than BIRD.
  it.each([
    { kind: "BIRD", count: 200_000 },
    { kind: "FRR", count: 50_000 },
  ] as const)(
    "holds up nobody, costs no memory, and hears all $count routes when it goes on: $kind",
    async ({ kind, count }) => {
      const slow: Connection[] = [];
      await using meeting = await meet(kind, {
        others: ["witness"],
        transport: (transport) => watched(transport, slow),
        ours: { families },
        theirs: { passive: true, families: ["ipv4-unicast"] },
        router: { quiet: true },
        speaker: {
          peers: [
            {
              name: "witness",
              remote: { address: "10.9.0.3" },
              remoteAsn: 65_003,
              passive: true,
              timers: { hold: 9, keepalive: 1 },
              families,
            },
          ],
        },
      });
      const { lab, speaker, router } = meeting;
      const peer = { remote: { address: "10.9.0.1" }, remoteAsn: 65_001 };
      const witness = await startSink(lab, { name: "witness", host: 3, peer });
      await waitFor("the witness", () => statusOf(witness).state === "established");
      let most = 0;
      const watch = setInterval(() => (most = Math.max(most, ...slow.map((each) => each.bufferedBytes))), 5);
      const all = (): boolean => statusOf(witness).families[0]?.received === count;
      const patience = { within: PATIENCE };
      try {
        process.kill(router.pid, "SIGSTOP");
        speaker.advertise("many", heavyRoutes(count));
        await waitFor("the witness has it all", all, patience);
        expect(statusOf(speaker).state).toBe("established");
        const keepalives = statusOf(witness).messages.received;
        await waitFor("keepalives", () => statusOf(witness).messages.received > keepalives);
        // It has not taken much, and what it has not taken is not there yet.
        expect(most).toBeGreaterThan(0);
        expect(most).toBeLessThan(1 << 20);
        process.kill(router.pid, "SIGCONT");
        await waitFor("it has it all", async () => (await countOf(router)) === count, patience);
        for (const name of ["them", "witness"]) expect(statusOf(speaker, name).established).toBe(1);
      } finally {
        clearInterval(watch);
        process.kill(router.pid, "SIGCONT");
        await witness.close();
      }
    },
    180_000,
  );
});

describe.skipIf(whyNoLab("callers of BGP daemons' addresses") !== undefined).concurrent("a session", () => {
  it.each(
    KINDS.flatMap((kind) => [
      { kind, graceful: true },
      { kind, graceful: false },
    ]),
  )(
    "stands while somebody at the address of $kind calls again and again; graceful restart: $graceful",
    async ({ kind, graceful }) => {
      await using meeting = await meet(kind, {
        ...(graceful ? {} : { ours: { gracefulRestart: false } }),
        theirs: { gracefulRestart: graceful ? { restartTime: 60 } : false },
        announce: [{ prefix: "198.51.100.0/24" }],
      });
      const { lab, speaker, router } = meeting;
      await weHave(speaker, "198.51.100.0/24");
      const calls = await Promise.all(Array.from({ length: 100 }, () => call(lab)));
      for (const [index, connection] of calls.entries()) {
        // Some say nothing, some say nonsense, some go again.
        if (index % 3 === 1) connection.write(new Uint8Array(19).fill(index));
        if (index % 3 === 2) connection.destroy();
      }
      speaker.advertise("ours", [{ prefix: "203.0.113.0/24" }]);
      await theyHave(router, "203.0.113.0/24");
      for (const connection of calls) connection.destroy();
      speaker.advertise("ours", [{ prefix: "203.0.114.0/24" }]);
      await theyHave(router, "203.0.114.0/24");
      expect(learned(speaker)).toMatchObject([{ prefix: "198.51.100.0/24", stale: false }]);
      expect(statusOf(speaker)).toMatchObject({ state: "established", established: 1 });
    },
  );
});

function call(lab: Lab): Promise<Connection> {
  const { signal } = new AbortController();
  return tcp({ netns: netnsOf(lab, "theirs") }).connect({ address: "10.9.0.1", port: 179, ttl: 1, signal });
}

function prefixOf(index: number): string {
  return `${20 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.0/24`;
}

function routesOf(count: number, round: number): LocalRoute[] {
  return Array.from({ length: count }, (_, index) => ({
    prefix: prefixOf(index),
    communities: [`65001:${(index * 7 + round) % 40}`],
  }));
}

/** With 50,000 sets of attributes, so that no buffer of any kernel has room for all that is to be said. */
function heavyRoutes(count: number): LocalRoute[] {
  return Array.from({ length: count }, (_, index) => ({
    prefix: prefixOf(index),
    med: index % 50_000,
    largeCommunities: ["65001:1:1", "65001:1:2", "65001:1:3", "65001:1:4"],
  }));
}

function tableOf(speaker: Speaker): string[] {
  return learned(speaker)
    .map(({ prefix, communities }) => `${prefix} ${communities.join(" ")}`)
    .toSorted();
}

/** All prefixes of a daemon, without their attributes, which FRR has to be asked for one by one. */
async function prefixesOf(router: Router): Promise<string[]> {
  const asks: Readonly<Record<Kind, () => Promise<string[]>>> = {
    BIRD: async () => [...(await router.ask("show route table master4")).matchAll(/^\d\S*/gm)].map(String),
    FRR: async () =>
      Object.keys(
        (JSON.parse(await router.ask("show bgp ipv4 unicast json")) as { routes?: object }).routes ?? {},
      ),
    GoBGP: async () => (await router.routes()).map(({ prefix }) => prefix),
  };
  return (await asks[router.kind]()).toSorted();
}

async function countOf(router: Router): Promise<number> {
  if (router.kind === "BIRD")
    return Number(/(\d+) of \d+ routes/.exec(await router.ask("show route count table master4"))?.[1]);
  const { peers } = JSON.parse(await router.ask("show bgp ipv4 unicast summary json")) as {
    readonly peers: Readonly<Record<string, { readonly pfxRcd: number }>>;
  };
  return peers["10.9.0.1"]?.pfxRcd ?? 0;
}

/** Puts connections that we make where they can be looked at. */
function watched(transport: Transport, connections: Connection[]): Transport {
  return {
    get supports() {
      return transport.supports;
    },
    listen: (options) => transport.listen(options),
    async connect(options) {
      const connection = await transport.connect(options);
      connections.push(connection);
      return connection;
    },
  };
}
