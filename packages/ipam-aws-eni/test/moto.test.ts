import {
  DescribeNetworkInterfacesCommand,
  DetachNetworkInterfaceCommand,
  RegisterImageCommand,
  RunInstancesCommand,
} from "@aws-sdk/client-ec2";
import { awsEniProvider, type AwsEniProviderOptions } from "@netloom/ipam-aws-eni";
import { faultOf, type CloudCall, type CloudNode, type Orphan } from "@netloom/ipam-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startMoto } from "./support/moto.ts";
import { clientOf } from "./support/stage.ts";

const moto = await startMoto();
const absent = typeof moto === "string" ? moto : undefined;
const url = typeof moto === "string" ? "" : moto.url;
if (absent !== undefined) {
  const text = `the wire format of EC2 is not checked against moto, which is not here (${absent}): pip install 'moto[server]'`;
  if (process.env["CI"]) throw new Error(text);
  console.warn(`SKIPPED: ${text}`);
}

/** For the wire format only. What moto does otherwise than EC2 no test here relies on. */
describe.skipIf(absent !== undefined)("EC2's wire format, as moto speaks it", () => {
  const client = clientOf(url);
  let node: CloudNode;
  let intents = 0;

  const provider = (options: Partial<AwsEniProviderOptions> = {}) =>
    awsEniProvider({ cluster: "moto", client, ...options });
  const callOf = (first = true, intent = `moto-${++intents}`): CloudCall => ({
    signal: new AbortController().signal,
    intent,
    first,
    admit: async () => {},
  });

  beforeAll(async () => {
    const { ImageId } = await client.send(new RegisterImageCommand({ Name: "any" }));
    const run = { ImageId: ImageId!, MinCount: 1, MaxCount: 1, InstanceType: "m5.large" } as const;
    const { Instances = [] } = await client.send(new RunInstancesCommand(run));
    const [{ InstanceId: instance = "", Placement } = {}] = Instances;
    node = { name: "node1", instance, zone: Placement!.AvailabilityZone!, instanceType: "m5.large" };
  });

  afterAll(async () => {
    client.destroy();
    if (typeof moto !== "string") await moto[Symbol.asyncDispose]();
  });

  const first = async () => (await provider().readNode(node, callOf()))!.interfaces[0]!;

  it("reads a node, and knows of one that there is none", async () => {
    expect(await first()).toMatchObject({ index: 0, primary: true, managed: false, state: "attached" });
    const none = { name: "none", instance: "i-0123456789abcdef0" };
    expect(await provider().readNode(none, callOf())).toBeUndefined();
  });

  it("reads the subnets of the node's VPC and zone", async () => {
    const pools = [];
    for await (const pool of provider().pools(node, callOf())) pools.push(pool);
    expect(pools).toHaveLength(1);
    expect(pools[0]).toMatchObject({ zone: node.zone, cidrs: [expect.stringMatching(/^172\.31\./)] });
    expect(pools[0]?.freeAddresses?.[4]).toBeGreaterThan(4000);
  });

  it("reads what a type may have, and nothing of one that there is not", async () => {
    expect(await provider().limits(node, callOf())).toEqual({ interfaces: 3, slots: { 4: 10, 6: 10 } });
    expect(await provider().limits({ ...node, instanceType: "x9.none" }, callOf())).toBeUndefined();
  });

  it("makes an interface with addresses, tags and groups; sees that its flag is not set; removes it", async () => {
    const { pool, securityGroups } = await first();
    const cloud = provider();
    const call = callOf();
    const want = [{ family: 4, prefix: 32, count: 3 }] as const;
    const request = { node, pool, want, index: 1 };
    const made = await cloud.ensureInterface!(request, call);
    const read = (await cloud.readNode(node, call))!.interfaces.find(({ id }) => id === made.id);
    expect(read).toMatchObject({
      index: 1,
      managed: true,
      primary: false,
      state: "attached",
      securityGroups,
    });
    expect(read?.intent).toBe(call.intent);
    expect(read?.addresses.filter(({ role }) => role === "secondary")).toHaveLength(3);
    // moto takes ModifyNetworkInterfaceAttribute, and leaves DeleteOnTermination as it is.
    expect(read?.deleteWithInstance).toBe(false);
    await expect(cloud.ensureInterface!(request, { ...call, first: false })).rejects.toThrow(/would outlive/);
    await cloud.removeInterface!({ interface: made.id }, callOf());
    expect((await cloud.readNode(node, call))!.interfaces).toHaveLength(1);
    await cloud.removeInterface!({ interface: made.id }, callOf());
  });

  it("finds orphans by their tag", async () => {
    const { pool } = await first();
    const call = callOf();
    const { id } = await provider().ensureInterface!({ node, pool, want: [], index: 1 }, call);
    await provider({ cluster: "other" }).ensureInterface!({ node, pool, want: [], index: 2 }, callOf());
    const NetworkInterfaceIds = [id];
    const { NetworkInterfaces } = await client.send(
      new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds }),
    );
    const { AttachmentId } = NetworkInterfaces![0]!.Attachment!;
    await client.send(new DetachNetworkInterfaceCommand({ AttachmentId: AttachmentId! }));
    const orphans: Orphan[] = [];
    for await (const orphan of provider().orphans!(call)) orphans.push(orphan);
    expect(orphans).toEqual([{ interface: id, intent: call.intent }]);
    await provider().removeInterface!({ interface: id }, call);
  });

  it("assigns by count and exactly, and takes away", async () => {
    const { id } = await first();
    const request = { node, interface: id, family: 4, prefix: 32 } as const;
    const cidrs = async () => (await first()).addresses.map(({ cidr }) => cidr);
    const before = await cidrs();
    // moto answers with all that the interface has.
    expect(await provider().assign({ ...request, count: 2 }, callOf())).toHaveLength(3);
    const exact = ["172.31.0.77/32"];
    expect(await provider().assign({ ...request, count: 1, exact }, callOf())).toEqual(exact);
    expect(await cidrs()).toHaveLength(before.length + 3);
    await provider().unassign!({ node, interface: id, cidrs: exact }, callOf());
    expect(await cidrs()).not.toContain(exact[0]);
  });

  it("finds security groups by their tags, where there are any", async () => {
    const { pool } = await first();
    const cloud = provider({ securityGroups: { tags: { role: "nobody's" } } });
    const ensuring = cloud.ensureInterface!({ node, pool, want: [] }, callOf());
    await expect(ensuring).rejects.toThrow(/no security group of vpc-\w+ has the tags role=nobody's/);
  });

  it("understands its refusals", async () => {
    const cloud = provider();
    const request = { node, interface: "eni-0123456789abcdef0", family: 4, prefix: 32, count: 1 } as const;
    const error: unknown = await cloud.assign(request, callOf()).catch((error: unknown) => error);
    expect(faultOf(cloud, error)).toEqual({ kind: "gone", what: "interface" });
  });
});
