import { createSpeaker, memoryNetwork } from "@netloom/bgp";
import { memoryStore } from "@netloom/core/memory";
import { describe, expect, it } from "vitest";
import { bgp, localDriver, neighbor, rib, summary } from "../../src/index.ts";
import { FakeContext } from "../support/context.ts";

const HERE = "192.0.2.11";
const TOR = "192.0.2.1";
const everything = { statements: [{ action: "accept" }] } as const;

describe("what a command shows", () => {
  it("is of speakers that run: a line a peer, their routes, and all of one peer", async () => {
    const network = memoryNetwork();
    await using tor = createSpeaker(
      {
        asn: 65_000,
        routerId: TOR,
        listen: { addresses: [TOR] },
        peers: [
          {
            name: "nodes",
            remote: { dynamic: "192.0.2.0/24" },
            remoteAsn: "external",
            families: { "ipv4-unicast": { import: everything, export: everything } },
          },
        ],
      },
      { transport: network.transport({ address: TOR }) },
    );
    await tor.start();
    tor.advertise("all", [{ prefix: "203.0.113.0/24", communities: ["65000:7"] }]);
    await using routing = bgp({
      asn: 65_001,
      routerId: HERE,
      peers: [{ name: "tor", asn: 65_000, address: TOR, import: "all", families: ["ipv4-unicast"] }],
      install: false,
      driver: () =>
        localDriver((config) => createSpeaker(config, { transport: network.transport({ address: HERE }) })),
    });
    routing.follow(new FakeContext(memoryStore()));
    await expect.poll(() => rib(routing)).toContain("203.0.113.0/24");
    expect(await rib(routing, { peer: "tor", direction: "received" })).toMatch(/65000:7/);
    expect(await summary(routing)).toMatch(/tor .*65000 .*established/);
    expect(await neighbor(routing, "tor")).toMatch(/graceful-restart/);
    await expect(neighbor(routing, "leaf")).rejects.toThrow("there is no peer leaf; there are tor");
    await expect(rib(routing, { instance: "other" })).rejects.toThrow(
      "there is no speaker other; there are default",
    );
  });
});
