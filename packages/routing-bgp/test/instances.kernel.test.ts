import { createSpeaker, tcp, type Policy } from "@netloom/bgp";
import { memoryStore } from "@netloom/core/memory";
import { describe, expect, it, onTestFinished } from "vitest";
import { bgp, type BgpRouting } from "../src/bgp.ts";
import { localDriver } from "../src/local-driver.ts";
import { kernelRouteTable } from "../src/sys/kernel-table.ts";
import { systemSpeakers } from "../src/sys/system-speakers.ts";
import { FakeContext, PREFIX } from "./support/context.ts";
import { eventually, pair, unprivileged, type Place } from "./support/kernel.ts";

const ALL: Policy = { statements: [{ action: "accept" }] };

/** A router at an address that tells of these prefixes. */
async function routerAt({ path }: Place, address: string, prefixes: readonly string[]): Promise<void> {
  const families = { "ipv4-unicast": { import: ALL, export: ALL } };
  const node = { name: "n1", remote: { address: "192.0.2.11" }, remoteAsn: 65_001, passive: true, families };
  const config = { asn: 65_000, routerId: address, listen: { addresses: [address] }, peers: [node] };
  const speaker = createSpeaker(config, { transport: tcp({ netns: path }) });
  speaker.advertise(
    "all",
    prefixes.map((prefix) => ({ prefix })),
  );
  await speaker.start();
  onTestFinished(() => speaker.close("withdraw"));
}

function clusterConfig(...instances: readonly (readonly [name: string, router: string])[]) {
  return {
    name: "all",
    instances: instances.map(([name, peerAddress]) => ({
      name,
      localAsn: 65_001,
      peers: [{ name: "tor", peerAsn: 65_000, peerAddress, peerConfigRef: "tor" }],
    })),
  };
}

/** `<prefix> <router> <metric>` of each learned route. */
const learned = ({ rtnl }: Place): readonly string[] =>
  rtnl.routes
    .list({ protocol: "bgp" })
    .map(({ to, via, metric }) => `${to} ${via} ${metric}`)
    .toSorted();

describe.skipIf(unprivileged)("two speakers of a node", () => {
  it("keep what each has learned, also of one prefix, through restarts and the end of one", async () => {
    const { node, router } = pair();
    router.rtnl.addresses.add({ device: "down0", address: "192.0.2.2/24" });
    await routerAt(router, "192.0.2.1", ["10.10.0.0/24", "10.99.0.0/24"]);
    await routerAt(router, "192.0.2.2", ["10.20.0.0/24", "10.99.0.0/24"]);
    const store = memoryStore();
    const key = `${PREFIX}config/cluster-configs/all`;
    const config = clusterConfig(["east", "192.0.2.1"], ["west", "192.0.2.2"]);
    const revision = await store.create(key, config);
    const families = [{ family: "ipv4-unicast", import: { statements: [{ action: "accept" }] } }];
    await store.create(`${PREFIX}config/peer-configs/tor`, {
      name: "tor",
      timers: { connectRetry: 1 },
      families,
    });
    const agent = (): BgpRouting => {
      const context = new FakeContext(store);
      const routing = bgp({
        resources: true,
        driver: () =>
          localDriver(systemSpeakers({ netns: node.path }), {
            table: (install) => kernelRouteTable({ ...install, netns: node.netns }),
          }),
      });
      routing.follow(context);
      onTestFinished(() => routing[Symbol.asyncDispose]());
      return routing;
    };
    const both = [
      "10.10.0.0/24 192.0.2.1 179",
      "10.20.0.0/24 192.0.2.2 180",
      "10.99.0.0/24 192.0.2.1 179",
      "10.99.0.0/24 192.0.2.2 180",
    ];
    const first = agent();
    await eventually(() => learned(node).length === 4);
    expect(learned(node)).toEqual(both);
    await first[Symbol.asyncDispose]();
    for (const metric of [179, 180]) {
      node.rtnl.routes.add({ to: "10.66.0.0/24", via: "192.0.2.1", protocol: "bgp", metric });
    }
    agent();
    // Both have swept what they do not know.
    await eventually(() => !learned(node).some((route) => route.startsWith("10.66.")));
    expect(learned(node)).toEqual(both);
    await store.update(key, clusterConfig(["west", "192.0.2.2"]), { revision });
    const west = ["10.20.0.0/24 192.0.2.2 179", "10.99.0.0/24 192.0.2.2 179"];
    await eventually(() => learned(node).join() === west.join());
  });
});
