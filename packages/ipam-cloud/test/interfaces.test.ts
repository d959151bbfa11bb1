import { ManualClock, memoryDatapath, seededRandom, memoryStore } from "@netloom/core/memory";
import { createAgent, parseAddress, parseCidr } from "@netloom/core";
import { routeTableOf } from "@netloom/core/backend";
import { cloudIpam } from "@netloom/ipam-cloud";
import { native } from "@netloom/routing-native";
import { awsLike, simCloud } from "@netloom/sim-cloud";
import { describe, expect, it } from "vitest";
import { FakeCloud } from "./support/fake-cloud.ts";
import { Lives } from "./support/life.ts";

const pools = [{ id: "subnet-a", cidrs: ["10.0.0.0/20"] }];

function started() {
  const clock = new ManualClock(1_000_000);
  const sim = simCloud({ clock, pools, attachTime: 1000 });
  const instance = sim.launch({ name: "node1", pool: "subnet-a" });
  return { sim, instance, lives: new Lives(awsLike(sim), { instance, policy: { blocks: false } }, clock) };
}

describe("the interfaces of a node on a cloud", () => {
  it("are told with their ranges, the first apart, and again after a restart", async () => {
    const { lives } = started();
    const ipam = await lives.begin();
    expect(ipam.interfaces?.()).toEqual([]);
    let told = 0;
    ipam.events.on("ranges:changed", () => told++);
    const leases = await lives.allocate(ipam, 60);
    await lives.pass(20_000);
    const interfaces = ipam.interfaces!();
    expect(interfaces.length).toBeGreaterThan(0);
    expect(told).toBeGreaterThan(0);
    for (const { mac, address, gateway, ranges } of interfaces) {
      expect(mac).toMatch(/^02(:[0-9a-f]{2}){5}$/);
      expect(gateway).toBe("10.0.0.1");
      expect(ranges).not.toContain(`${address}/32`);
      for (const range of ranges) expect(ipam.ranges()).toContain(range);
    }
    // The others are on the first.
    const elsewhere = new Set(interfaces.flatMap(({ ranges }) => ranges));
    expect(ipam.ranges().filter((range) => !elsewhere.has(range)).length).toBeGreaterThan(0);
    await ipam[Symbol.asyncDispose]();
    const next = await lives.begin(leases);
    expect(next.interfaces?.()).toEqual(interfaces);
    await next[Symbol.asyncDispose]();
  });

  it("are told no more when they are given back", async () => {
    const { lives } = started();
    const ipam = await lives.begin();
    for (const lease of await lives.allocate(ipam, 60)) await ipam.release(lease);
    await lives.pass(400_000);
    expect(ipam.interfaces?.()).toEqual([]);
    await ipam[Symbol.asyncDispose]();
  });

  it("are left out where the cloud does not tell what a routing must know", async () => {
    const cloud = new FakeCloud();
    cloud.launch({ name: "node1", instance: "i-1" });
    const lives = new Lives(cloud);
    const ipam = await lives.begin();
    await lives.allocate(ipam, 60);
    expect(cloud.interfaces.length).toBeGreaterThan(1);
    expect(ipam.interfaces?.()).toEqual([]);
    await ipam[Symbol.asyncDispose]();
  });

  it("are each pod's way out of the node, in the tables of the datapath", async () => {
    const { sim, instance, lives } = started();
    const { clock } = lives;
    const ipam = cloudIpam({ provider: awsLike(sim), instance, policy: { blocks: false } });
    const datapath = memoryDatapath();
    const agent = createAgent({
      node: { name: "node1", addresses: ["192.0.2.1"] },
      ...{ store: memoryStore(), families: [4], ipam, datapath },
      routing: native({ directRoutes: false, nativeCidr: "10.0.0.0/20" }),
      runtime: { clock, random: seededRandom(3) },
    });
    await lives.until(agent.start());
    const names = Array.from({ length: 60 }, (_, index) => `default/pod${index}`);
    const pods = await lives.until(
      Promise.all(names.map((name) => agent.endpoints.create({ name, labels: ["app=web"] }))),
    );
    await lives.pass(20_000);
    const interfaces = ipam.interfaces!();
    expect(datapath.plan?.interfaces).toEqual(interfaces);
    const ways = new Set<number>();
    for (const { addresses } of pods) {
      const address = parseAddress(addresses[0]!);
      const one = interfaces.find(({ ranges }) => ranges.some((range) => parseCidr(range).contains(address)));
      const table = one === undefined ? 0 : routeTableOf(one);
      expect(datapath.maps.endpoints.get({ address })?.table, addresses[0]).toBe(table);
      ways.add(table);
    }
    expect(ways.size).toBe(interfaces.length + 1);
    await lives.until(agent.stop());
  });
});
