import { ManualClock } from "@netloom/core/memory";
import { awsLike, simCloud, type SimCloud } from "@netloom/sim-cloud";
import { describe, expect, it } from "vitest";
import { Lives } from "./support/life.ts";

interface Burst {
  readonly requests: readonly string[];
  readonly milliseconds: number;
  readonly sim: SimCloud;
}

/** 100 pods at once on one node of an EC2-like cloud, with latencies as the peers were modelled with. */
async function burst(blocks: boolean): Promise<Burst> {
  const clock = new ManualClock(1_000_000);
  const pools = [{ id: "subnet-a", cidrs: ["10.0.0.0/20"] }];
  const sim = simCloud({ clock, pools, latency: 500, attachTime: 4000 });
  const instance = sim.launch({ name: "node1", pool: "subnet-a" });
  const options = { instance, policy: { blocks } };
  const lives = new Lives(awsLike(sim), options, clock);
  const ipam = await lives.begin();
  await lives.pass(20_000);
  const [before, at] = [sim.calls.length, clock.now()];
  const leases = await lives.allocate(ipam, 100);
  const milliseconds = clock.now() - at;
  await lives.pass(20_000);
  expect(new Set(leases.flatMap(({ addresses }) => addresses)).size).toBe(100);
  await ipam[Symbol.asyncDispose]();
  return { requests: sim.calls.slice(before).map(({ action }) => action), milliseconds, sim };
}

describe("100 pods at once on an EC2-like cloud, 8 interfaces of 30 addresses", () => {
  it("take one request with blocks", async () => {
    const { requests, milliseconds } = await burst(true);
    expect(requests).toEqual(["AssignPrivateIpAddresses"]);
    expect(milliseconds).toBeLessThan(1000);
  });

  it("take one assignment and three interfaces with single addresses", async () => {
    const { requests } = await burst(false);
    const changes = requests.filter((action) => !action.startsWith("Describe"));
    expect(changes).toEqual([
      "AssignPrivateIpAddresses",
      ...Array.from({ length: 3 }, () => [
        "CreateNetworkInterface",
        "AttachNetworkInterface",
        "ModifyNetworkInterfaceAttribute",
      ]).flat(),
    ]);
  });
});
