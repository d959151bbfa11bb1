import type { NetloomError } from "@netloom/core";
import { awsEni, type AwsEniOptions } from "@netloom/ipam-aws-eni";
import type { CloudNode } from "@netloom/ipam-cloud";
import { simCloud, type SimCloud } from "@netloom/sim-cloud";
import { describe, expect, it } from "vitest";
import { agentWith } from "./support/agent.ts";
import { cannedEc2, type Said } from "./support/canned-ec2.ts";
import { clientOf, CREDENTIALS, Wire } from "./support/stage.ts";

const TIMES = { coalesce: 5, lull: 5, attachTime: 100, patience: 300 };
const NODE = { instance: "i-1", instanceType: "m6i.large", zone: "zone-a" };

/** What the first thing that goes wrong is reported as, to whoever runs an agent. */
async function reportOf(options: AwsEniOptions): Promise<NetloomError> {
  const ipam = awsEni({ times: TIMES, ...options });
  const reported = new Promise<NetloomError>((resolve) => {
    ipam.cloudEvents.on("action:failed", resolve);
  });
  const agent = agentWith(ipam);
  const starting = agent.start().catch(() => undefined);
  const error = await reported;
  await agent.stop();
  await starting;
  return error;
}

async function reportOfAnswer(said: Said): Promise<NetloomError> {
  await using ec2 = await cannedEc2({ "*": said });
  const client = clientOf(ec2.url);
  try {
    return await reportOf({ cluster: "test", client, instance: NODE });
  } finally {
    client.destroy();
  }
}

/** A cloud with one small subnet, and a node in it. */
async function reportOfCloud(
  prepare: (sim: SimCloud, node: CloudNode) => void,
  options: Partial<AwsEniOptions> = {},
  type = "large",
): Promise<NetloomError> {
  const sim = simCloud({ pools: [{ id: "subnet-a", cidrs: ["10.0.0.0/27"] }] });
  const node = sim.launch({ name: "node1", pool: "subnet-a", type });
  prepare(sim, node);
  await using wire = new Wire(sim);
  return await reportOf({ cluster: "default", client: () => wire.client(), instance: node, ...options });
}

describe("what an agent reports", () => {
  it("of a permission that is missing: the action of IAM", async () => {
    const error = await reportOfCloud((sim) => sim.deny("AssignPrivateIpAddresses"));
    expect(error).toMatchObject({ code: "ERR_PERMISSION", backend: "aws-eni" });
    expect(error.remedy).toContain("allow ec2:AssignPrivateIpAddresses");
    expect(error.message).toContain("may not do ec2:AssignPrivateIpAddresses");
  });

  it("of a permission to read that is missing: the action of IAM", async () => {
    const error = await reportOfCloud((sim) => sim.deny("DescribeInstanceTypes"));
    expect(error.code).toBe("ERR_PERMISSION");
    expect(error.remedy).toContain("ec2:DescribeInstanceTypes");
  });

  it("of an instance type that EC2 does not know: how to state its limits", async () => {
    const error = await reportOfCloud(() => {}, {}, "x9.preview");
    expect(error).toMatchObject({ code: "ERR_UNSUPPORTED", input: "x9.preview" });
    expect(error.message).toContain("x9.preview");
    expect(error.remedy).toMatch(/limits: \{ interfaces: \d+, slots:/);
  });

  it("of such a type whose limits are stated: nothing", async () => {
    const sim = simCloud({ pools: [{ id: "subnet-a", cidrs: ["10.0.0.0/24"] }] });
    const node = sim.launch({ name: "node1", pool: "subnet-a", type: "x9.preview" });
    await using wire = new Wire(sim);
    const limits = { interfaces: 2, slots: { 4: 5 } };
    const options = { cluster: "default", client: () => wire.client(), instance: node, times: TIMES, limits };
    await using agent = agentWith(awsEni(options));
    await agent.start();
    expect(agent.describe().node.podCIDRs).not.toEqual([]);
    expect(sim.calls.map(({ action }) => action)).not.toContain("DescribeInstanceTypes");
  });

  it("of a subnet that is exhausted: which, how many are free, what to do", async () => {
    const error = await reportOfCloud(
      (sim) => {
        // EC2's counts are late: here it is the cloud that takes the last ones between two requests.
        sim.hooks = {
          before: ({ action }) => {
            if (action === "AssignPrivateIpAddresses") fill(sim);
          },
        };
      },
      { policy: { blocks: false } },
    );
    expect(error).toMatchObject({ code: "ERR_POOL_EXHAUSTED", retryable: true });
    expect(error.message).toContain("pool subnet-a has no free addresses");
    expect(error.message).toContain("the cloud counted 26 of IPv4");
    expect(error.message).toContain("InsufficientFreeAddressesInSubnet");
    expect(error.remedy).toContain("add a subnet");
  });

  it("of a clock that is wrong: by how much, and to set it", async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    const error = await reportOfAnswer({ code: "RequestExpired", message: "Request has expired.", date });
    expect(error).toMatchObject({ code: "ERR_PERMISSION", retryable: true });
    expect(error.message).toMatch(/clock-skew.*this clock is 3[56]\d\d s behind EC2's/);
    expect(error.remedy).toContain("clock");
  });

  it("of credentials whose time is over: to renew them, where the clock is right", async () => {
    const date = new Date().toUTCString();
    const error = await reportOfAnswer({ code: "RequestExpired", message: "Request has expired.", date });
    expect(error).toMatchObject({ code: "ERR_PERMISSION", retryable: true, remedy: "renew them" });
  });

  it("of credentials that have expired: to renew them, and not what they are", async () => {
    const message = `The security token included in the request is expired\nx-amz-security-token:${CREDENTIALS.sessionToken}`;
    const error = await reportOfAnswer({ code: "ExpiredToken", message });
    expect(error).toMatchObject({ code: "ERR_PERMISSION", retryable: true, remedy: "renew them" });
    expect(error.message).toContain("expired");
    const told = `${error.message} ${JSON.stringify(error)} ${String(error.cause)}`;
    for (const secret of Object.values(CREDENTIALS)) expect(told).not.toContain(secret);
  });

  it("of an instance that has ended: which", async () => {
    const error = await reportOfCloud((sim, { instance }) => sim.terminate(instance));
    expect(error.code).toBe("ERR_CLOUD_GONE");
  });
});

/** Takes every address there is. */
function fill(sim: SimCloud): void {
  while (sim.free("subnet-a", 4) > 0) sim.network.take("subnet-a", { family: 4, prefix: 32, count: 1 });
}
