import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createAgent } from "@netloom/core";
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

it("is what docs/backends.md shows", () => {
  const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");
  expect(read("../../../docs/backends.md")).toContain(read("../listed.ts").trim());
});
