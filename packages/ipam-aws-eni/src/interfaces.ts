import { sleep } from "@netloom/core";
import {
  CloudError,
  type CloudCall,
  type CloudFault,
  type CloudInterface,
  type CloudNode,
  type EnsureInterfaceRequest,
  type Wanted,
} from "@netloom/ipam-cloud";
import type { CreateNetworkInterfaceCommandInput, NetworkInterface } from "@aws-sdk/client-ec2";
import type { Ec2 } from "./ec2.ts";
import { faultKindOf, hasCode, isFaultOf } from "./errors.ts";
import { findInterface, interfacesOf, interfacesWith, securityGroupsOf, tagFilters } from "./network.ts";
import type { AwsEniProviderOptions } from "./options.ts";
import { CLUSTER_TAG, INTENT_TAG, interfaceOf, stateOf } from "./views.ts";

/** Between two attempts to delete what is being detached, in milliseconds, and how many there are. */
const DETACH_TIME = 1000;
const DETACH_ATTEMPTS = 30;
/** Indices that somebody else takes first. */
const INDEX_ATTEMPTS = 4;

/**
 * Goes on where an earlier call of the same intent has ended: created, attached, flagged. What it made is found by its tag,
 * and while that is not visible, by the client token.
 */
export async function ensureInterface(
  ec2: Ec2,
  options: AwsEniProviderOptions,
  request: EnsureInterfaceRequest,
  call: CloudCall,
): Promise<CloudInterface> {
  const { instance } = request.node;
  const known = call.first === true ? undefined : await findByIntent(ec2, options, request.node, call);
  if (known !== undefined && stateOf(known) !== "detached")
    return repaired(ec2, options, instance, known, call);
  // One to be finished, for nothing is wanted of it: a token EC2 has forgotten would make another.
  if (known === undefined && call.first === false && request.want.length === 0)
    throw notYet(`what was made for ${call.intent} is not visible`);
  const created = known ?? (await create(ec2, options, request, call));
  const attached = await attach(ec2, created, request, call);
  if (!("attachment" in attached)) return repaired(ec2, options, instance, attached, call);
  await flag(ec2, idOf(created), attached.attachment, call);
  return {
    ...interfaceOf(created, options.cluster, ec2.gateways),
    managed: true,
    intent: call.intent,
    index: attached.index,
    // Whether it is, and whether the flag is set, the next read of the node tells.
    state: "attaching",
    deleteWithInstance: true,
  };
}

/** Detached and deleted, attached or not. */
export async function removeInterface(
  ec2: Ec2,
  { cluster }: AwsEniProviderOptions,
  id: string,
  call: CloudCall,
): Promise<void> {
  const one = await findInterface(ec2, id, call);
  if (one !== undefined) {
    const { primary, managed, state } = interfaceOf(one, cluster);
    if (primary || !managed)
      throw new CloudError({ kind: "invalid" }, `${id} is not this cluster's to remove`);
    if (state === "attached" || state === "attaching") await detach(ec2, one, call);
  }
  for (let attempt = 1; ; attempt++) {
    try {
      await ec2.send("DeleteNetworkInterface", { NetworkInterfaceId: id }, call, { interface: id });
      return;
    } catch (error) {
      const kind = faultKindOf(error);
      if (kind === "gone interface") return;
      if (kind !== "conflict in-use" || one === undefined) throw error;
      if (attempt === DETACH_ATTEMPTS) throw notYet(`${id} is still in use`, error);
    }
    await sleep(ec2.clock, DETACH_TIME, call.signal);
  }
}

async function findByIntent(
  ec2: Ec2,
  { cluster }: AwsEniProviderOptions,
  node: CloudNode,
  call: CloudCall,
): Promise<NetworkInterface | undefined> {
  const tags = tagFilters({ [CLUSTER_TAG]: cluster, [INTENT_TAG]: call.intent });
  const found: NetworkInterface[] = [];
  for await (const one of interfacesWith(ec2, [...tags], call)) found.push(one);
  const here = found.find(({ Attachment }) => Attachment?.InstanceId === node.instance);
  return here ?? found.toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1))[0];
}

async function create(
  ec2: Ec2,
  options: AwsEniProviderOptions,
  { node, pool, want, securityGroups }: EnsureInterfaceRequest,
  call: CloudCall,
): Promise<NetworkInterface> {
  const groups = await securityGroupsOf(ec2, options, securityGroups, node, call);
  const tags = { ...options.tags, [CLUSTER_TAG]: options.cluster, [INTENT_TAG]: call.intent };
  const input: CreateNetworkInterfaceCommandInput = {
    SubnetId: pool,
    ClientToken: call.intent,
    Description: `Netloom: pods of ${node.name}`.slice(0, 255),
    ...(groups.length === 0 ? {} : { Groups: [...groups] }),
    TagSpecifications: [
      {
        ResourceType: "network-interface",
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      },
    ],
    ...wishes(want),
  };
  const blocks = "Ipv4PrefixCount" in input || "Ipv6PrefixCount" in input;
  try {
    const { NetworkInterface: created } = await ec2.send("CreateNetworkInterface", input, call, {
      pool,
      blocks,
    });
    if (created !== undefined) return created;
  } catch (error) {
    if (!hasCode(error, "IdempotentParameterMismatch")) throw error;
    throw notYet(`what was made for ${call.intent} is not visible yet`, error);
  }
  throw new CloudError({ kind: "ambiguous" }, "CreateNetworkInterface: an answer without an interface");
}

/** EC2 takes addresses or prefixes of a family in one request, not both: the addresses are assigned later. */
function wishes(want: readonly Wanted[]): Partial<CreateNetworkInterfaceCommandInput> {
  const count = (family: number, prefix: number): number =>
    want
      .filter((one) => one.family === family && one.prefix === prefix)
      .reduce((sum, one) => sum + one.count, 0);
  const [singles, blocks, six] = [count(4, 32), count(4, 28), count(6, 80)];
  return {
    ...(blocks > 0 ? { Ipv4PrefixCount: blocks } : {}),
    ...(singles > 0 && blocks === 0 ? { SecondaryPrivateIpAddressCount: singles } : {}),
    ...(six > 0 ? { Ipv6PrefixCount: six } : {}),
  };
}

/** Attached at the index asked for or, where that is taken, another. Resolves to the interface where it was attached before. */
async function attach(
  ec2: Ec2,
  created: NetworkInterface,
  { node, index: wanted }: EnsureInterfaceRequest,
  call: CloudCall,
): Promise<{ readonly attachment: string; readonly index: number } | NetworkInterface> {
  const id = idOf(created);
  const { instance } = node;
  const tried = new Set<number>();
  let index = wanted ?? (await freeIndex(ec2, node, tried, call));
  for (;;) {
    const input = { NetworkInterfaceId: id, InstanceId: instance, DeviceIndex: index };
    try {
      const answer = await ec2.send("AttachNetworkInterface", input, call, { interface: id, instance });
      return { attachment: answer.AttachmentId ?? "", index };
    } catch (error) {
      const kind = faultKindOf(error);
      if (kind === "conflict in-use") {
        // An earlier attempt came this far.
        const known = await findInterface(ec2, id, call);
        if (known !== undefined && stateOf(known) !== "detached") return known;
        throw notYet(`${id} is not seen at ${instance}`, error);
      }
      if (kind !== "conflict device-index") throw error;
      tried.add(index);
      if (tried.size === INDEX_ATTEMPTS) throw error;
    }
    index = await freeIndex(ec2, node, tried, call);
  }
}

async function freeIndex(
  ec2: Ec2,
  node: CloudNode,
  tried: ReadonlySet<number>,
  call: CloudCall,
): Promise<number> {
  const taken = new Set<number | undefined>(tried);
  for await (const { Attachment } of interfacesOf(ec2, node, call)) taken.add(Attachment?.DeviceIndex);
  let index = 0;
  while (taken.has(index)) index++;
  return index;
}

/** One that is attached: sees to it that it goes with its instance, and looks whether it does. */
async function repaired(
  ec2: Ec2,
  { cluster }: AwsEniProviderOptions,
  instance: string,
  known: NetworkInterface,
  call: CloudCall,
): Promise<CloudInterface> {
  const id = idOf(known);
  const { Attachment } = known;
  if (Attachment?.InstanceId !== instance) {
    const fault: CloudFault = { kind: "conflict", what: "in-use" };
    throw new CloudError(fault, `${id} is attached to ${Attachment?.InstanceId}, not to ${instance}`);
  }
  if (stateOf(known) === "detaching") throw notYet(`${id} is being detached from ${instance}`);
  if (Attachment.DeleteOnTermination === true) return interfaceOf(known, cluster, ec2.gateways);
  await flag(ec2, id, Attachment.AttachmentId ?? "", call);
  const after = await findInterface(ec2, id, call);
  if (after?.Attachment?.DeleteOnTermination === true) return interfaceOf(after, cluster, ec2.gateways);
  throw notYet(`${id} would outlive ${instance}: DeleteOnTermination is not seen to be set`);
}

async function flag(ec2: Ec2, id: string, AttachmentId: string, call: CloudCall): Promise<void> {
  const input = { NetworkInterfaceId: id, Attachment: { AttachmentId, DeleteOnTermination: true } };
  await ec2.send("ModifyNetworkInterfaceAttribute", input, call, { interface: id });
}

async function detach(ec2: Ec2, one: NetworkInterface, call: CloudCall): Promise<void> {
  const id = idOf(one);
  const { AttachmentId = "" } = one.Attachment ?? {};
  try {
    await ec2.send("DetachNetworkInterface", { AttachmentId }, call, { interface: id });
  } catch (error) {
    // It is detached, or about to be: deleting it will tell.
    if (!isFaultOf(error, "gone", "conflict", "invalid")) throw error;
  }
}

/** As things are seen; later they may be otherwise. */
function notYet(message: string, cause?: unknown): CloudError {
  return new CloudError({ kind: "transient" }, message, cause === undefined ? {} : { cause });
}

function idOf({ NetworkInterfaceId }: NetworkInterface): string {
  return NetworkInterfaceId ?? "";
}
