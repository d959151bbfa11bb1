import { createAgent, type Agent } from "@netloom/core";
import { memoryDatapath, memoryStore } from "@netloom/core/memory";
import type { CloudIpam } from "@netloom/ipam-cloud";
import { gke, type GkeDynamicOptions } from "@netloom/ipam-gke";
import { native } from "@netloom/routing-native";
import { simCloud, type SimCloud } from "@netloom/sim-cloud";
import { beforeAll, describe, expect, it } from "vitest";
import { projectOf, sharedClients } from "./support/compute-stage.ts";

function ipamFor(sim: SimCloud, options: Partial<GkeDynamicOptions> = {}): CloudIpam {
  const instance = sim.launch({ name: "node1", pool: "subnet-a", type: "flat" });
  return gke({
    range: "dynamic",
    project: projectOf(sim),
    instance,
    clients: sharedClients,
    ...options,
  });
}

function agentWith(ipam: CloudIpam): Agent {
  return createAgent({
    node: { name: "node1", addresses: ["192.0.2.1"] },
    store: memoryStore(),
    families: [4],
    ipam,
    routing: native(),
    datapath: memoryDatapath(),
  });
}

async function burst(agent: Agent, pods: number): Promise<readonly string[]> {
  const names = Array.from({ length: pods }, (_, index) => `default/pod${index}`);
  const made = await Promise.all(names.map((name) => agent.endpoints.create({ name, labels: ["app=web"] })));
  return made.flatMap(({ addresses }) => addresses);
}

const pools = [{ id: "subnet-a", cidrs: ["10.0.0.0/20"] }];

// It takes its time, which is not the test's.
beforeAll(sharedClients);

describe("an agent on Compute Engine", () => {
  it("gives 100 pods addresses of alias ranges it takes while they come", async () => {
    const sim = simCloud({ pools });
    const ipam = ipamFor(sim);
    await using agent = agentWith(ipam);
    await agent.start();
    const before = sim.calls.length;
    const addresses = await burst(agent, 100);
    expect(new Set(addresses).size).toBe(100);
    const { podCIDRs } = agent.describe().node;
    expect(podCIDRs.every((cidr) => sim.owners().has(cidr))).toBe(true);
    const burstCalls = sim.calls.slice(before).map(({ action }) => action);
    console.log(
      `${before} requests to start the node, ${burstCalls.length} for 100 pods: ${burstCalls.join(", ")}`,
    );
    // One read before the plan, and a change: read, update, wait, and see what Google has chosen.
    expect(
      burstCalls.filter((action) => action.endsWith("updateNetworkInterface")).length,
    ).toBeLessThanOrEqual(2);
  });

  it("does not start without a permission, and says which; and does where it has it", async () => {
    const sim = simCloud({ pools });
    sim.deny("instances.updateNetworkInterface");
    await expect(agentWith(ipamFor(sim)).start()).rejects.toMatchObject({
      code: "ERR_PERMISSION",
      message: expect.stringContaining("compute.instances.updateNetworkInterface"),
    });
    sim.deny("instances.updateNetworkInterface", false);
    await using agent = agentWith(ipamFor(sim));
    await agent.start();
    expect(await burst(agent, 1)).toHaveLength(1);
  });
});
