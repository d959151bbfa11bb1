import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSpeaker, tcp, type Policy, type Speaker } from "@netloom/bgp";
import { memoryStore } from "@netloom/core/memory";
import { describe, expect, it, onTestFinished } from "vitest";
import { bgp, type BgpRouting } from "../../src/bgp.ts";
import { localDriver } from "../../src/local-driver.ts";
import { processDriver } from "../../src/process/process-driver.ts";
import { kernelRouteTable } from "../../src/sys/kernel-table.ts";
import { systemSpeakers } from "../../src/sys/system-speakers.ts";
import { FakeContext } from "../support/context.ts";
import { eventually, pair, unprivileged, type Place } from "../support/kernel.ts";

const ALL: Policy = { statements: [{ action: "accept" }] };
const main = join(import.meta.dirname, "../../src/process/main.ts");

/** A router that takes and gives all. */
async function routerAt({ path }: Place): Promise<Speaker> {
  const speaker = createSpeaker(
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
    { transport: tcp({ netns: path }) },
  );
  speaker.advertise("others", [{ prefix: "10.244.2.0/24" }]);
  await speaker.start();
  onTestFinished(() => speaker.close("withdraw"));
  return speaker;
}

async function processIn({ netns }: Place, directory: string): Promise<ChildProcess> {
  const parameters = ["--conditions=@netloom/source", main];
  const options = ["--socket", join(directory, "socket"), "--state", directory];
  const child = netns.spawn(process.execPath, [...parameters, ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout!, "data");
  return child;
}

function agent(directory: string): { readonly routing: BgpRouting; readonly context: FakeContext } {
  const context = new FakeContext(memoryStore());
  const routing = bgp({
    asn: 65_001,
    peers: [{ name: "tor", asn: 65_000, address: "192.0.2.1", import: "all", timers: { connectRetry: 1 } }],
    driver: () => processDriver({ path: join(directory, "socket") }),
  });
  routing.follow(context);
  onTestFinished(() => routing[Symbol.asyncDispose]());
  return { routing, context };
}

const learned = ({ rtnl }: Place): readonly string[] =>
  rtnl.routes.list({ protocol: "bgp" }).map(({ to }) => to);
const heard = (router: Speaker): readonly string[] =>
  [...router.routes()].filter(({ peer }) => peer === "n1").map(({ prefix }) => prefix);

describe.skipIf(unprivileged)("netloom-bgp on a node", () => {
  it("keeps session and routes while agents come and go, and its routes through its own death", async () => {
    const directory = await mkdtemp(join(tmpdir(), "netloom-bgp-"));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const { node, router: place } = pair();
    const router = await routerAt(place);
    const withdrawn: string[] = [];
    router.on("best:changed", (changes) => {
      for (const { prefix, route } of changes) if (route === undefined) withdrawn.push(prefix);
    });
    const first = await processIn(node, directory);
    const one = agent(directory);
    await eventually(() => heard(router).includes("10.244.1.0/24"));
    await eventually(() => learned(node).includes("10.244.2.0/24"));
    await one.routing[Symbol.asyncDispose]();
    const two = agent(directory);
    two.context.change({ node: { podCIDRs: ["10.244.1.0/24", "10.244.9.0/24"] } });
    await eventually(() => heard(router).includes("10.244.9.0/24"));
    expect(router.peers()[0]?.established).toBe(1);
    first.kill("SIGKILL");
    await once(first, "exit");
    await eventually(() => router.peers()[0]?.state !== "established");
    expect(heard(router).toSorted()).toEqual(["10.244.1.0/24", "10.244.9.0/24"]);
    expect(learned(node)).toEqual(["10.244.2.0/24"]);
    await processIn(node, directory);
    await eventually(() => router.peers()[0]?.established === 2);
    await eventually(() => [...router.routes()].every(({ stale }) => !stale));
    expect(heard(router).toSorted()).toEqual(["10.244.1.0/24", "10.244.9.0/24"]);
    expect(withdrawn).toEqual([]);
    expect(two.context.errors.map(String).filter((text) => !text.includes("is not there"))).toEqual([]);
  });

  it("finds the neighbour of a link without addresses", async () => {
    const { node, router: place } = pair();
    // The neighbour makes itself known, as a router's advertisements do.
    const linkLocal = (of: Place, device: string): string | undefined =>
      of.rtnl.addresses
        .list({ family: 6, device })
        .find(({ address, tentative }) => !tentative && address.startsWith("fe80"))?.address;
    await eventually(() => linkLocal(place, "down0") !== undefined && linkLocal(node, "up0") !== undefined);
    const neighbour = linkLocal(place, "down0")!.split("/")[0]!;
    const mac = place.rtnl.links.list().find(({ name }) => name === "down0")!.mac!;
    node.rtnl.neighbours.add({ device: "up0", address: neighbour, mac, router: true });
    const router = createSpeaker(
      {
        asn: 65_000,
        routerId: "192.0.2.1",
        listen: { addresses: ["::"] },
        peers: [
          {
            name: "n1",
            remote: { interface: "down0" },
            remoteAsn: "external",
            passive: true,
            families: { "ipv4-unicast": { import: ALL, export: ALL } },
          },
        ],
      },
      { transport: tcp({ netns: place.path }) },
    );
    router.advertise("others", [{ prefix: "10.244.2.0/24" }]);
    await router.start();
    onTestFinished(() => router.close("withdraw"));
    const context = new FakeContext(memoryStore());
    const routing = bgp({
      asn: 65_001,
      peers: [
        {
          asn: "external",
          interface: "up0",
          import: "all",
          families: ["ipv4-unicast"],
          timers: { connectRetry: 1 },
        },
      ],
      driver: () =>
        localDriver(systemSpeakers({ netns: node.path }), { table: kernelRouteTable({ netns: node.netns }) }),
    });
    routing.follow(context);
    onTestFinished(() => routing.close("withdraw"));
    await eventually(() => heard(router).includes("10.244.1.0/24"));
    await eventually(() => learned(node).includes("10.244.2.0/24"));
    const [route] = node.rtnl.routes.list({ protocol: "bgp" });
    expect(route?.via).toBe(neighbour);
    expect(context.errors).toEqual([]);
  });
});
