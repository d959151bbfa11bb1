import { createSpeaker, memoryNetwork, type Policy, type RibRoute } from "@netloom/bgp";
import { memoryStore } from "@netloom/core/memory";
import { describe, expect, it, onTestFinished } from "vitest";
import { bgp } from "../src/bgp.ts";
import { localDriver } from "../src/local-driver.ts";
import type { StaticBgpOptions } from "../src/options.ts";
import type { BgpAdvertisementEntry } from "../src/resources/index.ts";
import { FakeContext } from "./support/context.ts";
import { memoryTable } from "./support/memory-table.ts";

const ALL: Policy = { statements: [{ action: "accept" }] };

async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A router of another AS that takes and gives everything, and a node that speaks with it. */
function fabric(advertise: readonly BgpAdvertisementEntry[], more: Partial<StaticBgpOptions> = {}) {
  const network = memoryNetwork();
  const router = createSpeaker(
    {
      asn: 65_000,
      routerId: "192.0.2.1",
      listen: { addresses: ["192.0.2.1"] },
      peers: [
        {
          name: "n1",
          remote: { address: "192.0.2.11" },
          remoteAsn: 65_001,
          passive: true,
          families: { "ipv4-unicast": { import: ALL, export: ALL } },
        },
      ],
    },
    { transport: network.transport({ address: "192.0.2.1" }) },
  );
  onTestFinished(() => router.close("withdraw"));
  const transport = network.transport({ address: "192.0.2.11" });
  const table = memoryTable();
  const context = new FakeContext(memoryStore());
  const routing = bgp({
    asn: 65_001,
    peers: [{ name: "tor", asn: 65_000, address: "192.0.2.1", import: "all", timers: { connectRetry: 1 } }],
    advertise,
    driver: () => localDriver((config) => createSpeaker(config, { transport }), { table }),
    ...more,
  });
  onTestFinished(() => routing.close("withdraw"));
  /** What the router has of the node. */
  const heard = (): readonly RibRoute[] => [...router.routes()].filter(({ peer }) => peer === "n1");
  const prefixes = (): string =>
    heard()
      .map(({ prefix }) => prefix)
      .sort()
      .join(" ");
  return { network, router, routing, context, table, heard, prefixes };
}

describe("a node that speaks with a router", () => {
  it("tells of its pods with their attributes, and of services as they come and go", async () => {
    const { router, routing, context, heard, prefixes } = fabric([
      {
        type: "PodCIDR",
        attributes: { communities: { standard: ["65001:7"], wellKnown: ["no-peer"] }, med: 5 },
      },
      {
        type: "Service",
        selector: {},
        service: { addresses: ["LoadBalancerIP"] },
        attributes: { prepend: 2 },
      },
    ]);
    await router.start();
    routing.follow(context);
    await eventually(() => prefixes() === "10.244.1.0/24");
    expect(heard()[0]?.attributes).toMatchObject({
      nextHop: "192.0.2.11",
      med: 5,
      communities: [65_001 * 65_536 + 7, 0xffff_ff04],
    });
    const service = {
      name: "default/web",
      labels: {},
      addresses: { ClusterIP: [], ExternalIP: [], LoadBalancerIP: ["198.51.100.1"] },
      externalTrafficPolicy: "cluster",
      backends: { total: 1, local: 0 },
    } as const;
    context.change({ services: [service] });
    await eventually(() => prefixes() === "10.244.1.0/24 198.51.100.1/32");
    const path = heard().find(({ prefix }) => prefix.startsWith("198"))?.attributes.asPath;
    expect(path).toEqual([{ type: "sequence", asns: [65_001, 65_001, 65_001] }]);
    routing.drain(true);
    await eventually(() => prefixes() === "10.244.1.0/24");
    expect(context.errors).toEqual([]);
  });

  it("installs what it learns, and takes it away with the session", async () => {
    const { router, routing, context, table } = fabric([{ type: "PodCIDR" }]);
    router.advertise("rest", [{ prefix: "10.244.2.0/24" }, { prefix: "0.0.0.0/0" }]);
    await router.start();
    routing.follow(context);
    await eventually(() => table.routes.size === 2);
    expect(table.routes.get("10.244.2.0/24")?.nextHops).toEqual([{ via: "192.0.2.1" }]);
    router.advertise("rest", [{ prefix: "0.0.0.0/0" }]);
    await eventually(() => table.routes.size === 1);
    await router.close("withdraw");
    await eventually(() => table.routes.size === 0);
    const { instances } = await routing.status();
    expect(instances[0]?.peers[0]?.state).not.toBe("established");
  });

  it("tells a monitoring station of it", async () => {
    const station = { address: "192.0.2.9", port: 5000 };
    const { network, router, routing, context } = fabric([{ type: "PodCIDR" }], {
      bmp: { stations: [station], statisticsInterval: 0 },
    });
    let heard = "";
    const listener = await network.transport({ address: station.address }).listen({
      ...station,
      onConnection: (connection) => {
        connection.onData = (bytes) => (heard += Buffer.from(bytes).toString("latin1"));
      },
      onError: (error) => context.report(error),
    });
    onTestFinished(() => listener.close());
    router.advertise("others", [{ prefix: "10.244.2.0/24" }]);
    await router.start();
    routing.follow(context);
    // The node's name in the Initiation, and the prefix as the router's UPDATE has it.
    await eventually(() => heard.includes("n1") && heard.includes("\u0018\u000a\u00f4\u0002"));
    expect(context.errors).toEqual([]);
  });
});
