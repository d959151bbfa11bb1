import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createAgent, type Agent } from "@netloom/core";
import { memoryDatapath, memoryStore } from "@netloom/core/memory";
import { vxlan } from "@netloom/routing-vxlan";
import { expect, it } from "vitest";
import { listed } from "../listed.ts";

it("serves an agent", async () => {
  await using agent = createAgent({
    node: { name: "node1", addresses: ["192.0.2.1"] },
    store: memoryStore(),
    ipam: listed(["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
    routing: vxlan(),
    datapath: memoryDatapath(),
  });
  await agent.start();
  const one = await agent.endpoints.create({ name: "one", labels: [] });
  await agent.endpoints.create({ name: "two", labels: [] });
  await expect(agent.endpoints.create({ name: "three", labels: [] })).rejects.toMatchObject({
    code: "ERR_IPAM_EXHAUSTED",
  });
  await agent.endpoints.delete("one");
  await expect
    .poll(() => agent.describe().ipam.ranges[0])
    .toMatchObject({ allocated: 1, free: 1, quarantined: 0 });
  expect((await agent.endpoints.create({ name: "three", labels: [] })).addresses).toEqual(one.addresses);
});

it("takes back after a restart what it had handed out, and nothing else", async () => {
  const [store, datapath] = [memoryStore(), memoryDatapath()];
  const start = async (...addresses: string[]): Promise<Agent> => {
    const agent = createAgent({
      node: { name: "node1", addresses: ["192.0.2.1"] },
      store,
      ipam: listed(["10.0.0.1", ...addresses]),
      routing: vxlan(),
      datapath,
    });
    await agent.start();
    return agent;
  };
  const before = await start("10.0.0.2", "10.0.0.3");
  const { addresses } = await before.endpoints.create({ name: "one", labels: [] });
  await before.stop();
  const after = await start("10.0.0.2", "10.0.0.3");
  expect(after.endpoints.get("one")?.addresses).toEqual(addresses);
  expect((await after.endpoints.create({ name: "two", labels: [] })).addresses).not.toEqual(addresses);
  await after.stop();
  await expect(start("10.0.0.9")).rejects.toMatchObject({ code: "ERR_IPAM_FOREIGN" });
});

it("refuses what makes no sense, and what it cannot do", async () => {
  expect(() => listed([])).toThrow("no addresses");
  expect(() => listed(["fd00::1"])).toThrow("is no IPv4 address");
  const ipam = listed(["10.0.0.1", "10.0.0.2"]);
  const wish = ipam.allocate("one", { families: [4], addresses: ["10.0.0.2"] });
  await expect(wish).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
  const lease = { pool: "default", addresses: ["10.0.0.2"], retired: false };
  const twice = ipam.restore([
    { owner: "one", ...lease },
    { owner: "two", ...lease },
  ]);
  await expect(twice).rejects.toMatchObject({ code: "ERR_IPAM_CONFLICT" });
});

it("is what docs/backends.md shows", () => {
  const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");
  expect(read("../../../docs/backends.md")).toContain(read("../listed.ts").trim());
});
