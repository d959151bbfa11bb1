import { formatCidr, parseCidr, type Family } from "@netloom/core";
import type {
  CloudAddress,
  CloudInterface,
  CloudInterfaceState,
  CloudPool,
  NodeLimits,
} from "@netloom/ipam-cloud";
import type {
  InstanceTypeInfo,
  NetworkInterface,
  NetworkInterfacePrivateIpAddress,
  Subnet,
  Tag,
} from "@aws-sdk/client-ec2";

/** Whose an interface is: the tag by which a cluster knows its own. */
export const CLUSTER_TAG = "netloom:cluster";
/** What it was made for: the tag that names `CloudCall.intent`. */
export const INTENT_TAG = "netloom:intent";

/**
 * An interface in the words of the IPAM.
 *
 * @param gateways - by subnet; see {@link gatewayOf}
 */
export function interfaceOf(
  one: NetworkInterface,
  cluster: string,
  gateways: ReadonlyMap<string, string> = new Map(),
): CloudInterface {
  const tags = tagsOf(one.TagSet);
  const state = stateOf(one);
  const index = state === "detached" ? undefined : one.Attachment?.DeviceIndex;
  const intent = tags[INTENT_TAG];
  const gateway = gateways.get(one.SubnetId ?? "");
  return {
    id: one.NetworkInterfaceId ?? "",
    ...(index === undefined ? {} : { index }),
    ...(one.MacAddress === undefined ? {} : { mac: one.MacAddress.toLowerCase() }),
    pool: one.SubnetId ?? "",
    primary: isFirst(one),
    managed: tags[CLUSTER_TAG] === cluster,
    state,
    addresses: addressesOf(one),
    ...(gateway === undefined ? {} : { gateway }),
    securityGroups: (one.Groups ?? []).flatMap(({ GroupId }) => (GroupId === undefined ? [] : [GroupId])),
    deleteWithInstance: one.Attachment?.DeleteOnTermination ?? false,
    ...(intent === undefined ? {} : { intent }),
  };
}

export function stateOf({ Attachment, Status }: NetworkInterface): CloudInterfaceState {
  if (Attachment === undefined || Status === "available") return "detached";
  return Attachment.Status ?? "attaching";
}

/** The instance's own, with which it started. Every network card has an index 0. */
export function isFirst(one: NetworkInterface): boolean {
  return one.Attachment?.DeviceIndex === 0 && isOnFirstCard(one);
}

/** The card whose limits are the node's: see {@link limitsOf}. */
export function isOnFirstCard({ Attachment }: NetworkInterface): boolean {
  return (Attachment?.NetworkCardIndex ?? 0) === 0;
}

/** Single IPv6 addresses are the host's: pods have prefixes. */
function addressesOf(one: NetworkInterface): readonly CloudAddress[] {
  const list = (
    family: Family,
    role: CloudAddress["role"],
    texts: readonly (string | undefined)[] = [],
  ): readonly CloudAddress[] =>
    texts.flatMap((text) =>
      text === undefined ? [] : [{ cidr: canonical(text, family), role, ready: true }],
    );
  const own = one.PrivateIpAddresses?.filter(({ Primary }) => Primary === true) ?? [];
  const others = one.PrivateIpAddresses?.filter(({ Primary }) => Primary !== true) ?? [];
  const text = ({ PrivateIpAddress }: NetworkInterfacePrivateIpAddress): string | undefined =>
    PrivateIpAddress;
  return [
    ...list(4, "primary", own.length > 0 ? own.map(text) : [one.PrivateIpAddress]),
    ...list(4, "secondary", others.map(text)),
    ...list(
      4,
      "block",
      one.Ipv4Prefixes?.map(({ Ipv4Prefix }) => Ipv4Prefix),
    ),
    ...list(
      6,
      "primary",
      one.Ipv6Addresses?.map(({ Ipv6Address }) => Ipv6Address),
    ),
    ...list(
      6,
      "block",
      one.Ipv6Prefixes?.map(({ Ipv6Prefix }) => Ipv6Prefix),
    ),
  ];
}

/** EC2 writes IPv6 as it likes. */
export function canonical(text: string, family: Family): string {
  return formatCidr(parseCidr(text.includes("/") ? text : `${text}/${family === 4 ? 32 : 128}`));
}

export function addressOf(cidr: string): string {
  return cidr.slice(0, cidr.indexOf("/"));
}

export function poolOf(subnet: Subnet): CloudPool {
  const { SubnetId, AvailabilityZone: zone, AvailableIpAddressCount: free, CidrBlock } = subnet;
  const six = (subnet.Ipv6CidrBlockAssociationSet ?? [])
    .filter(({ Ipv6CidrBlockState }) => (Ipv6CidrBlockState?.State ?? "associated") === "associated")
    .flatMap(({ Ipv6CidrBlock }) => (Ipv6CidrBlock === undefined ? [] : [canonical(Ipv6CidrBlock, 6)]));
  return {
    id: SubnetId ?? "",
    ...(zone === undefined ? {} : { zone }),
    cidrs: [...(CidrBlock === undefined ? [] : [canonical(CidrBlock, 4)]), ...six],
    tags: tagsOf(subnet.Tags),
    ...(free === undefined ? {} : { freeAddresses: { 4: free } }),
  };
}

/** The router of a subnet: its second address (VPC User Guide, "Subnet CIDR blocks"). */
export function gatewayOf({ cidrs }: CloudPool): string | undefined {
  const ipv4 = cidrs.find((cidr) => !cidr.includes(":"));
  return ipv4 === undefined ? undefined : parseCidr(ipv4).first.offset(1).toString();
}

/** What an instance of a type may have. Only those of the Nitro system, bare metal included, have prefixes. */
export function limitsOf(type: InstanceTypeInfo): NodeLimits | undefined {
  const { NetworkInfo: network, Hypervisor, BareMetal } = type;
  // Interfaces are attached to the first card only.
  const card = network?.NetworkCards?.find(({ NetworkCardIndex }) => NetworkCardIndex === 0);
  const interfaces = card?.MaximumNetworkInterfaces ?? network?.MaximumNetworkInterfaces;
  const ipv4 = network?.Ipv4AddressesPerInterface;
  if (interfaces === undefined || ipv4 === undefined) return undefined;
  const hasPrefixes = Hypervisor === "nitro" || BareMetal === true;
  const ipv6 = network?.Ipv6Supported === true ? network.Ipv6AddressesPerInterface : undefined;
  return {
    interfaces,
    slots: { 4: ipv4, ...(ipv6 === undefined || !hasPrefixes ? {} : { 6: ipv6 }) },
    ...(hasPrefixes ? {} : { blocks: {} }),
  };
}

function tagsOf(tags: readonly Tag[] = []): Readonly<Record<string, string>> {
  return Object.fromEntries(
    tags.flatMap(({ Key, Value = "" }) => (Key === undefined ? [] : [[Key, Value] as const])),
  );
}
