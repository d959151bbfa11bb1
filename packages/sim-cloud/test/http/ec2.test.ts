import { simCloud, SimConnectionError, type SimCloud } from "@netloom/sim-cloud";
import { serveEc2 } from "@netloom/sim-cloud/http";
import { describe, expect, it } from "vitest";

type Ask = (
  parameters: Record<string, string>,
) => Promise<{ readonly status: number; readonly body: string }>;

async function withServer(test: (ask: Ask, sim: SimCloud, instance: string) => Promise<void>): Promise<void> {
  const sim = simCloud({ pools: [{ id: "subnet-a", cidrs: ["10.0.0.0/24", "2001:db8::/64"] }] });
  const { instance } = sim.launch({ name: "node1", pool: "subnet-a" });
  await using server = await serveEc2(sim);
  const ask: Ask = async (parameters) => {
    const response = await fetch(server.url, {
      method: "POST",
      headers: { authorization: "AWS4-HMAC-SHA256 Credential=test" },
      body: new URLSearchParams({ Version: "2016-11-15", ...parameters }),
    });
    return { status: response.status, body: await response.text() };
  };
  await test(ask, sim, instance);
}

function textOf(body: string, name: string): readonly string[] {
  return [...body.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))].map(([, text]) => text!);
}

describe("EC2 over HTTP", () => {
  it("creates, attaches, flags, shows, detaches and deletes an interface", () =>
    withServer(async (ask, sim, instance) => {
      const made = await ask({
        Action: "CreateNetworkInterface",
        SubnetId: "subnet-a",
        ClientToken: "grow-1",
        SecondaryPrivateIpAddressCount: "2",
        Ipv4PrefixCount: "1",
        "SecurityGroupId.1": "sg-1",
        "TagSpecification.1.ResourceType": "network-interface",
        "TagSpecification.1.Tag.1.Key": "netloom:cluster",
        "TagSpecification.1.Tag.1.Value": "a & b",
      });
      const [id] = textOf(made.body, "networkInterfaceId");
      expect(made.status).toBe(200);
      expect(made.body).toContain("<key>netloom:cluster</key><value>a &amp; b</value>");
      const attached = await ask({
        Action: "AttachNetworkInterface",
        NetworkInterfaceId: id!,
        InstanceId: instance,
        DeviceIndex: "1",
      });
      const [attachment] = textOf(attached.body, "attachmentId");
      await ask({
        Action: "ModifyNetworkInterfaceAttribute",
        NetworkInterfaceId: id!,
        "Attachment.AttachmentId": attachment!,
        "Attachment.DeleteOnTermination": "true",
      });
      const shown = await ask({
        Action: "DescribeNetworkInterfaces",
        "Filter.1.Name": "attachment.instance-id",
        "Filter.1.Value.1": instance,
      });
      expect(textOf(shown.body, "deviceIndex")).toEqual(["0", "1"]);
      expect(textOf(shown.body, "deleteOnTermination")).toEqual(["true", "true"]);
      expect(textOf(shown.body, "ipv4Prefix")).toHaveLength(1);
      await ask({ Action: "DetachNetworkInterface", AttachmentId: attachment! });
      expect((await ask({ Action: "DeleteNetworkInterface", NetworkInterfaceId: id! })).status).toBe(200);
      expect(sim.interfaces).toHaveLength(1);
    }));

  it("assigns by count and exactly, addresses and prefixes, and takes them away", () =>
    withServer(async (ask, sim) => {
      const NetworkInterfaceId = sim.interfaces[0]!.id;
      const assign = (rest: Record<string, string>) =>
        ask({ Action: "AssignPrivateIpAddresses", NetworkInterfaceId, ...rest });
      expect(textOf((await assign({ Ipv4PrefixCount: "2" })).body, "ipv4Prefix")).toHaveLength(2);
      const { body } = await assign({ "PrivateIpAddress.1": "10.0.0.77" });
      expect(textOf(body, "privateIpAddress")).toEqual(["10.0.0.77"]);
      const six = await ask({ Action: "AssignIpv6Addresses", NetworkInterfaceId, Ipv6PrefixCount: "1" });
      expect(textOf(six.body, "item")[0]).toMatch(/^2001:db8:.*\/80$/);
      await ask({
        Action: "UnassignPrivateIpAddresses",
        NetworkInterfaceId,
        "PrivateIpAddress.1": "10.0.0.77",
      });
      expect(sim.owners().has("10.0.0.77/32")).toBe(false);
    }));

  it("refuses in EC2's words", () =>
    withServer(async (ask, sim) => {
      sim.deny("DescribeSubnets");
      const answers = [
        await ask({ Action: "DescribeSubnets" }),
        await ask({ Action: "DeleteNetworkInterface", NetworkInterfaceId: "eni-none" }),
        await ask({ Action: "DeleteNetworkInterface" }),
        await ask({ Action: "RunInstances" }),
      ];
      expect(answers.map(({ status, body }) => [status, textOf(body, "Code")[0]])).toEqual([
        [403, "UnauthorizedOperation"],
        [400, "InvalidNetworkInterfaceID.NotFound"],
        [400, "MissingParameter"],
        [400, "InvalidAction"],
      ]);
    }));

  it("breaks the connection where an answer is lost", () =>
    withServer(async (ask, sim) => {
      sim.hooks = {
        after: () => {
          throw new SimConnectionError("lost");
        },
      };
      const NetworkInterfaceId = sim.interfaces[0]!.id;
      const lost = ask({ Action: "AssignPrivateIpAddresses", NetworkInterfaceId, Ipv4PrefixCount: "1" });
      await expect(lost).rejects.toThrow(/fetch failed/);
      expect(sim.owners().size).toBe(2);
    }));

  it("takes filters, escaped as EC2's are, and has pages no longer than the cloud's", async () => {
    const tags = { role: "pods*" };
    const pools = [
      { id: "subnet-a", cidrs: ["10.0.0.0/24"], tags },
      { id: "subnet-b", cidrs: ["10.0.1.0/24"] },
    ];
    const sim = simCloud({ pools, pageSize: 1 });
    await using server = await serveEc2(sim);
    const subnets = async (filters: readonly (readonly [string, string])[], more = {}) => {
      const given = filters.flatMap(([name, value], index) => [
        [`Filter.${index + 1}.Name`, name],
        [`Filter.${index + 1}.Value.1`, value],
      ]);
      const response = await fetch(server.url, {
        method: "POST",
        headers: { authorization: "AWS4-HMAC-SHA256 Credential=test" },
        body: new URLSearchParams({ Action: "DescribeSubnets", ...Object.fromEntries(given), ...more }),
      });
      const body = await response.text();
      return { ids: textOf(body, "subnetId"), token: textOf(body, "nextToken")[0] };
    };
    const first = await subnets([["vpc-id", "vpc-sim"]], { MaxResults: "1000" });
    expect(first.ids).toEqual(["subnet-a"]);
    expect((await subnets([], { NextToken: first.token })).ids).toEqual(["subnet-b"]);
    expect((await subnets([["tag:role", String.raw`pods\*`]])).ids).toEqual(["subnet-a"]);
    expect((await subnets([["tag:role", "other"]])).ids).toEqual([]);
    expect((await subnets([["subnet-id", "subnet-b"]])).ids).toEqual([]);
    expect((await subnets([["vpc-id", "vpc-other"]])).ids).toEqual([]);
  });

  it("shows those of some interfaces that there are, and refuses those asked for by id that there are not", () =>
    withServer(async (ask, sim) => {
      const { id } = sim.interfaces[0]!;
      const shown = await ask({
        Action: "DescribeNetworkInterfaces",
        "Filter.1.Name": "network-interface-id",
        "Filter.1.Value.1": "eni-none",
        "Filter.1.Value.2": id,
      });
      expect(textOf(shown.body, "networkInterfaceId")).toEqual([id]);
      const refused = await ask({ Action: "DescribeNetworkInterfaces", "NetworkInterfaceId.1": "eni-none" });
      expect(textOf(refused.body, "Code")).toEqual(["InvalidNetworkInterfaceID.NotFound"]);
    }));

  it("says what instances and their types are", () =>
    withServer(async (ask, _, instance) => {
      const shown = await ask({ Action: "DescribeInstances", "InstanceId.1": instance });
      expect(textOf(shown.body, "instanceType")).toEqual(["large"]);
      const type = await ask({ Action: "DescribeInstanceTypes", "InstanceType.1": "large" });
      expect(textOf(type.body, "maximumNetworkInterfaces")).toEqual(["8"]);
      expect(textOf((await ask({ Action: "DescribeSubnets" })).body, "availableIpAddressCount")).toEqual([
        "250",
      ]);
    }));
});
