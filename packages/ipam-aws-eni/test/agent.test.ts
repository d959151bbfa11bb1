import { awsEni, type AwsEniOptions } from "@netloom/ipam-aws-eni";
import type { CloudNode } from "@netloom/ipam-cloud";
import { simCloud, type SimCloud } from "@netloom/sim-cloud";
import { describe, expect, it } from "vitest";
import { agentWith } from "./support/agent.ts";
import { serveImds } from "./support/imds-server.ts";
import { Wire } from "./support/stage.ts";

const POOL = { id: "subnet-a", cidrs: ["10.0.0.0/20", "2001:db8::/64"] };
/** Long enough for a hundred pods to be one burst on any machine. */
const TIMES = { coalesce: 500, lull: 50, attachTime: 100 };

interface World extends AsyncDisposable {
  readonly sim: SimCloud;
  readonly node: CloudNode;
  readonly options: AwsEniOptions;
}

function world(): World {
  const sim = simCloud({ pools: [POOL] });
  const node = sim.launch({ name: "node1", pool: "subnet-a" });
  const wire = new Wire(sim);
  return {
    sim,
    node,
    options: { cluster: "default", client: () => wire.client(), times: TIMES },
    [Symbol.asyncDispose]: () => wire[Symbol.asyncDispose](),
  };
}

/** A hundred pods at once. @returns their addresses, and the requests that they took */
async function burst(policy: AwsEniOptions["policy"]) {
  await using one = world();
  const { sim, node, options } = one;
  await using agent = agentWith(awsEni({ ...options, instance: node, ...(policy && { policy }) }));
  await agent.start();
  const before = sim.calls.length;
  const names = Array.from({ length: 100 }, (_, index) => `default/web${index}`);
  const pods = await Promise.all(names.map((name) => agent.endpoints.create({ name, labels: ["app=web"] })));
  return {
    addresses: new Set(pods.flatMap((pod) => pod.addresses)),
    requests: sim.calls.slice(before).map(({ action }) => action),
    leaks: sim.leaks(),
  };
}

describe("an agent on EC2", () => {
  it("gives 100 pods single addresses of their own in 11 requests", async () => {
    const { addresses, requests, leaks } = await burst({ blocks: false });
    expect(addresses.size).toBe(100);
    expect(requests.length).toBeLessThanOrEqual(11);
    expect(leaks).toEqual([]);
  });

  it("gives 100 pods addresses of prefixes in 2 requests", async () => {
    const { addresses, requests } = await burst(undefined);
    expect(addresses.size).toBe(100);
    expect(requests.length).toBeLessThanOrEqual(2);
  });

  it("gives pods IPv6 addresses of prefixes, and the host's own to nobody", async () => {
    await using one = world();
    const [first] = one.sim.interfaces;
    const [host] = one.sim.world.assign(first!.id, { family: 6, prefix: 128, count: 1 });
    await using agent = agentWith(awsEni({ ...one.options, instance: one.node }), [4, 6]);
    await agent.start();
    const pod = await agent.endpoints.create({ name: "default/web", labels: [] });
    const { podCIDRs } = agent.describe().node;
    expect(pod.addresses).toHaveLength(2);
    expect(podCIDRs.filter((cidr) => cidr.endsWith("/80"))).toHaveLength(1);
    expect(podCIDRs).not.toContain(host);
  });

  it("gives single addresses where the instance can have no prefixes", async () => {
    await using one = world();
    const limits = { interfaces: 8, slots: { 4: 30 }, blocks: {} };
    await using agent = agentWith(awsEni({ ...one.options, instance: one.node, limits }));
    await agent.start();
    const { podCIDRs } = agent.describe().node;
    expect(podCIDRs.length).toBeGreaterThan(1);
    expect(podCIDRs.filter((cidr) => !cidr.endsWith("/32"))).toEqual([]);
  });

  it("finds out by itself which instance it is on", async () => {
    await using one = world();
    const { instance, instanceType, zone } = one.node;
    await using metadata = await serveImds("v2", {
      instanceId: instance,
      instanceType: instanceType!,
      availabilityZone: zone!,
    });
    await using agent = agentWith(awsEni({ ...one.options, imds: { endpoint: metadata.url } }));
    await agent.start();
    expect(one.sim.calls.map(({ action }) => action)).not.toContain("DescribeInstances");
    expect(metadata.asked).toHaveLength(4);
  });

  it("does not start where it cannot find out, and says what to do", async () => {
    await using one = world();
    await using metadata = await serveImds("v1-only");
    const agent = agentWith(awsEni({ ...one.options, imds: { endpoint: metadata.url } }));
    await expect(agent.start()).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
    expect(one.sim.calls).toEqual([]);
  });
});
