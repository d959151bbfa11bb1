import {
  CloudError,
  type CloudCall,
  type CloudInterface,
  type CloudNode,
  type CloudPool,
} from "@netloom/ipam-cloud";
import type { Filter, Instance, NetworkInterface } from "@aws-sdk/client-ec2";
import type { Ec2 } from "./ec2.ts";
import { faultKindOf } from "./errors.ts";
import type { AwsEniProviderOptions } from "./options.ts";
import { gatewayOf, interfaceOf, isFirst, isOnFirstCard, poolOf } from "./views.ts";

/** The instance; `undefined` where it is gone or about to be. */
export async function findInstance(ec2: Ec2, id: string, call: CloudCall): Promise<Instance | undefined> {
  try {
    const answer = await ec2.send("DescribeInstances", { InstanceIds: [id] }, call, { instance: id });
    const [found] = (answer.Reservations ?? []).flatMap(({ Instances = [] }) => Instances);
    // EC2 shows those that have ended for an hour or so.
    return /^(terminated|shutting-down)$/.test(found?.State?.Name ?? "") ? undefined : found;
  } catch (error) {
    if (faultKindOf(error) === "gone instance") return undefined;
    throw error;
  }
}

/** Interfaces that all these filters fit. */
export function interfacesWith(
  ec2: Ec2,
  Filters: Filter[],
  call: CloudCall,
): AsyncGenerator<NetworkInterface> {
  return ec2.list(
    "DescribeNetworkInterfaces",
    { Filters },
    call,
    (answer) => answer.NetworkInterfaces,
    (one) => one.NetworkInterfaceId,
  );
}

/** Those of the node's first network card: what is on others, such as of EFA, is not for pods. */
export async function* interfacesOf(
  ec2: Ec2,
  node: CloudNode,
  call: CloudCall,
): AsyncGenerator<NetworkInterface> {
  const filters = [filter("attachment.instance-id", node.instance)];
  for await (const one of interfacesWith(ec2, filters, call)) if (isOnFirstCard(one)) yield one;
}

/** `undefined` where there is none, or none that is visible yet. */
export async function findInterface(
  ec2: Ec2,
  id: string,
  call: CloudCall,
): Promise<NetworkInterface | undefined> {
  // By a filter: what is asked for by id has a smaller bucket, and an error where there is none.
  for await (const one of interfacesWith(ec2, [filter("network-interface-id", id)], call)) return one;
  return undefined;
}

/** Subnets that the node may use. */
export async function* subnetsOf(
  ec2: Ec2,
  options: AwsEniProviderOptions,
  node: CloudNode,
  call: CloudCall,
): AsyncGenerator<CloudPool> {
  const { ids, tags, sameZone = true } = options.subnets ?? {};
  let { zone } = node;
  let vpc = await vpcIn(options);
  if ((vpc === undefined && ids === undefined) || (zone === undefined && sameZone)) {
    const instance = await knownInstance(ec2, node, call);
    zone ??= instance.Placement?.AvailabilityZone;
    vpc ??= instance.VpcId;
  }
  const filters = [
    ...(vpc === undefined ? [] : [filter("vpc-id", vpc)]),
    ...(zone === undefined || !sameZone ? [] : [filter("availability-zone", zone)]),
    ...(ids === undefined ? [] : [filter("subnet-id", ...ids)]),
    ...tagFilters(tags),
    filter("state", "available"),
  ];
  yield* subnetsWith(ec2, filters, call);
}

async function* subnetsWith(ec2: Ec2, Filters: Filter[], call: CloudCall): AsyncGenerator<CloudPool> {
  const found = ec2.list(
    "DescribeSubnets",
    { Filters },
    call,
    (answer) => answer.Subnets,
    (subnet) => subnet.SubnetId,
  );
  for await (const subnet of found) {
    const pool = poolOf(subnet);
    const gateway = gatewayOf(pool);
    if (gateway !== undefined) ec2.gateways.set(pool.id, gateway);
    yield pool;
  }
}

/** All that the instance has on its first card, with the routers of those that pods leave by. */
export async function readInterfaces(
  ec2: Ec2,
  { cluster }: AwsEniProviderOptions,
  node: CloudNode,
  call: CloudCall,
): Promise<readonly CloudInterface[]> {
  const found: NetworkInterface[] = [];
  for await (const one of interfacesOf(ec2, node, call)) found.push(one);
  const unknown = found
    .map((one) => interfaceOf(one, cluster, ec2.gateways))
    .filter(({ managed, primary, gateway }) => managed && !primary && gateway === undefined)
    .map(({ pool }) => pool);
  if (unknown.length > 0) {
    const ids = filter("subnet-id", ...new Set(unknown));
    // Each that is read is remembered.
    for await (const _ of subnetsWith(ec2, [ids], call));
  }
  return found.map((one) => interfaceOf(one, cluster, ec2.gateways));
}

/** Ids of the groups of a new interface of the node. */
export async function securityGroupsOf(
  ec2: Ec2,
  options: AwsEniProviderOptions,
  requested: readonly string[] | undefined,
  node: CloudNode,
  call: CloudCall,
): Promise<readonly string[]> {
  const { securityGroups } = options;
  if (securityGroups?.ids !== undefined) return securityGroups.ids;
  if (securityGroups?.tags !== undefined) {
    const vpc = (await vpcIn(options)) ?? (await knownInstance(ec2, node, call)).VpcId;
    const filters = [
      ...(vpc === undefined ? [] : [filter("vpc-id", vpc)]),
      ...tagFilters(securityGroups.tags),
    ];
    const ids: string[] = [];
    for await (const { GroupId } of ec2.list(
      "DescribeSecurityGroups",
      { Filters: filters },
      call,
      (answer) => answer.SecurityGroups,
      (group) => group.GroupId,
    ))
      if (GroupId !== undefined) ids.push(GroupId);
    // In one order, for a client token stands for the same parameters.
    if (ids.length > 0) return ids.toSorted();
    const text = Object.entries(securityGroups.tags).map(([key, value]) => `${key}=${value}`);
    throw new CloudError({ kind: "invalid" }, `no security group of ${vpc} has the tags ${text.join(", ")}`);
  }
  if (requested !== undefined) return requested;
  for await (const one of interfacesOf(ec2, node, call))
    if (isFirst(one))
      return (one.Groups ?? []).flatMap(({ GroupId }) => (GroupId === undefined ? [] : [GroupId]));
  throw new CloudError({ kind: "gone", what: "instance" }, `${node.instance} has no first interface`);
}

async function vpcIn({ vpc }: AwsEniProviderOptions): Promise<string | undefined> {
  return typeof vpc === "function" ? vpc() : vpc;
}

async function knownInstance(ec2: Ec2, { instance }: CloudNode, call: CloudCall): Promise<Instance> {
  const found = await findInstance(ec2, instance, call);
  if (found !== undefined) return found;
  throw new CloudError({ kind: "gone", what: "instance" }, `EC2 knows no instance ${instance} that runs`);
}

export function filter(name: string, ...values: readonly string[]): Filter {
  // In filters, * and ? stand for anything.
  return { Name: name, Values: values.map((value) => value.replaceAll(/[*?\\]/g, String.raw`\$&`)) };
}

export function tagFilters(tags: Readonly<Record<string, string>> = {}): readonly Filter[] {
  return Object.entries(tags).map(([key, value]) => filter(`tag:${key}`, value));
}
