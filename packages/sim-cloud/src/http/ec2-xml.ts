import type { CloudPool } from "@netloom/ipam-cloud";
import type { InstanceType, SimInstance, SimInterface } from "../cloud/records.ts";
import { stateOf } from "../cloud/records.ts";
import type { XmlValue } from "./xml.ts";

/** The one there is. */
export const VPC = "vpc-sim";

/** An interface as `DescribeNetworkInterfaces` shows it. */
export function interfaceXml(one: SimInterface, zone: string, monotonic: number): XmlValue {
  const state = stateOf(one, monotonic);
  const of = (isWanted: (cidr: string) => boolean, role?: string): readonly string[] =>
    one.addresses
      .filter(({ cidr, role: own }) => isWanted(cidr) && (role === undefined || own === role))
      .map(({ cidr }) => cidr);
  const singles = one.addresses.filter(({ cidr, role }) => isIpv4(cidr) && role !== "block");
  const primary = one.addresses.find(({ role }) => role === "primary")!.cidr;
  return {
    networkInterfaceId: one.id,
    subnetId: one.pool,
    vpcId: VPC,
    availabilityZone: zone,
    macAddress: one.mac,
    interfaceType: "interface",
    status: state === "detached" ? "available" : "in-use",
    privateIpAddress: addressOf(primary),
    groupSet: one.securityGroups.map((groupId) => ({ groupId })),
    tagSet: tagsXml(one.tags),
    attachment: state === "detached" ? undefined : attachmentXml(one, state),
    privateIpAddressesSet: singles.map(({ cidr, role }) => ({
      privateIpAddress: addressOf(cidr),
      primary: role === "primary",
    })),
    ipv4PrefixSet: of(isIpv4, "block").map((ipv4Prefix) => ({ ipv4Prefix })),
    ipv6AddressesSet: of((cidr) => cidr.endsWith("/128")).map((cidr) => ({ ipv6Address: addressOf(cidr) })),
    ipv6PrefixSet: of((cidr) => !isIpv4(cidr), "block").map((ipv6Prefix) => ({ ipv6Prefix })),
  };
}

function attachmentXml(one: SimInterface, state: string): XmlValue {
  const { instance, index, deleteWithInstance } = one.attachment!;
  return {
    attachmentId: attachmentIdOf(one.id),
    instanceId: instance,
    deviceIndex: index,
    networkCardIndex: 0,
    status: state,
    deleteOnTermination: deleteWithInstance,
  };
}

export function instanceXml(instance: SimInstance): XmlValue {
  return {
    instanceId: instance.id,
    instanceType: instance.type,
    vpcId: VPC,
    instanceState: { code: 16, name: "running" },
    placement: { availabilityZone: instance.zone },
    tagSet: tagsXml(instance.tags),
  };
}

export function typeXml(name: string, { interfaces, slots }: InstanceType): XmlValue {
  return {
    instanceType: name,
    bareMetal: false,
    hypervisor: "nitro",
    networkInfo: {
      maximumNetworkInterfaces: interfaces,
      ipv4AddressesPerInterface: slots[4],
      ipv6AddressesPerInterface: slots[6] ?? 0,
      ipv6Supported: slots[6] !== undefined,
    },
  };
}

export function subnetXml({ id, zone, cidrs, tags, freeAddresses }: CloudPool): XmlValue {
  const ipv6 = cidrs.filter((cidr) => !isIpv4(cidr));
  return {
    subnetId: id,
    vpcId: VPC,
    availabilityZone: zone,
    cidrBlock: cidrs.find(isIpv4),
    availableIpAddressCount: freeAddresses?.[4] ?? 0,
    ipv6CidrBlockAssociationSet: ipv6.map((ipv6CidrBlock) => ({
      ipv6CidrBlock,
      ipv6CidrBlockState: { state: "associated" },
    })),
    tagSet: tagsXml(tags),
  };
}

export function attachmentIdOf(id: string): string {
  return id.replace("eni-", "eni-attach-");
}

function isIpv4(cidr: string): boolean {
  return !cidr.includes(":");
}

export function addressOf(cidr: string): string {
  return cidr.slice(0, cidr.indexOf("/"));
}

function tagsXml(tags: Readonly<Record<string, string>>): XmlValue {
  return Object.entries(tags).map(([key, value]) => ({ key, value }));
}
