import { createAgent } from "@netloom/core";
import { memoryDatapath, memoryStore } from "@netloom/core/memory";
import { azure, type AzureMachineKind } from "@netloom/ipam-azure";
import { native } from "@netloom/routing-native";
import { simCloud } from "@netloom/sim-cloud";
import { arm } from "@netloom/sim-cloud/http";
import { describe, expect, it } from "vitest";
import { Wire } from "./support/stage.ts";

/** What it takes to run an agent with so many pods, one after the other's beginning, and to delete all of them again. */
async function live(machines: AzureMachineKind, blocks: boolean, count: number) {
  const sim = simCloud({
    pools: [{ id: "subnet-a", cidrs: ["10.9.0.0/20"] }],
    types: { Standard_D8s_v5: { interfaces: 1, slots: { 4: 256 } } },
  });
  const launched = sim.launch({ name: "node1", type: "Standard_D8s_v5", pool: "subnet-a" });
  await using wire = new Wire(sim);
  const { name: _, ...instance } = arm.node(launched, machines);
  const ipam = azure({
    subscription: arm.subscription,
    clients: () => wire.clients(),
    instance,
    blocks,
    pollInterval: 0,
    policy: { excessDelay: 50 },
    times: { lull: 20 },
  });
  const failures: unknown[] = [];
  ipam.cloudEvents.on("action:failed", (error) => failures.push(error));
  await using agent = createAgent({
    node: { name: "node1", addresses: ["192.0.2.1"] },
    store: memoryStore(),
    families: [4],
    ipam,
    routing: native(),
    datapath: memoryDatapath(),
  });
  await agent.start();
  const before = sim.calls.length;
  const pods = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      agent.endpoints.create({ name: `default/pod-${index}`, labels: ["app=web"] }),
    ),
  );
  const addresses = pods.flatMap((pod) => pod.addresses);
  const changes = sim.calls
    .slice(before)
    .filter(({ action }) => /CreateOrUpdate|Update$/.test(action)).length;
  const held = sim.owners().size;
  await Promise.all(pods.map(({ name }) => agent.endpoints.delete(name)));
  await expect.poll(() => sim.owners().size, { timeout: 10_000 }).toBeLessThan(held);
  return { addresses, changes, failures, owners: sim.owners() };
}

describe("an agent on Azure", () => {
  it.each([
    ["a machine on its own", "standalone", false],
    ["a machine on its own, with blocks", "standalone", true],
    ["a machine of a scale set", "scale-set", false],
  ] as const)(
    "gives 100 pods an address each in a few changes, and gives back what they leave: %s",
    async (_, machines, blocks) => {
      const { addresses, changes, failures } = await live(machines, blocks, 100);
      expect(new Set(addresses).size).toBe(100);
      expect(addresses.every((address) => address.startsWith("10.9."))).toBe(true);
      // Azure takes 12 a minute for one machine.
      expect(changes).toBeLessThanOrEqual(4);
      expect(failures).toEqual([]);
    },
  );
});
