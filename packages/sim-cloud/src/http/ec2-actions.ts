import type { Family } from "@netloom/core";
import type { CloudPool, Wanted } from "@netloom/ipam-cloud";
import type { Ec2Api } from "../ec2/api.ts";
import type { SimCloud } from "../cloud/sim-cloud.ts";
import { addressOf, attachmentIdOf, instanceXml, interfaceXml, subnetXml, typeXml, VPC } from "./ec2-xml.ts";
import type { Form } from "./form.ts";
import type { XmlValue } from "./xml.ts";

export type Ec2Action = (form: Form, api: Ec2Api, sim: SimCloud) => Promise<XmlValue>;

/** The actions of EC2's Query API that IPAM uses, by name. */
export const EC2_ACTIONS: Readonly<Record<string, Ec2Action>> = {
  async DescribeNetworkInterfaces(form, api, sim) {
    const filters = form.filters();
    const ids = form.list("NetworkInterfaceId");
    const among = filters.get("network-interface-id");
    const [instance] = filters.get("attachment.instance-id") ?? [];
    const tags = [...filters].filter(([name]) => name.startsWith("tag:"));
    const page = await api.describeNetworkInterfaces({
      ...pageOf(form, sim),
      ...(ids.length === 0 ? {} : { ids }),
      ...(among === undefined ? {} : { among }),
      ...(instance === undefined ? {} : { instance }),
      available: filters.get("status")?.[0] === "available",
      tags: Object.fromEntries(tags.map(([name, [value = ""]]) => [name.slice("tag:".length), value])),
    });
    const set = page.items.map((one) => interfaceXml(one, sim.network.zone(one.pool), sim.clock.monotonic()));
    return { networkInterfaceSet: set, nextToken: page.nextToken };
  },
  async DescribeInstances(form, api) {
    const found = await Promise.all(form.list("InstanceId").map((id) => api.describeInstances(id)));
    return { reservationSet: found.map((instances) => ({ instancesSet: instances.map(instanceXml) })) };
  },
  async DescribeInstanceTypes(form, api) {
    const names = form.list("InstanceType");
    const found = await Promise.all(names.map((name) => api.describeInstanceTypes(name)));
    return { instanceTypeSet: found.map(([type], index) => typeXml(names[index]!, type!)) };
  },
  async DescribeSubnets(form, api, sim) {
    const filters = form.filters();
    const [zone] = filters.get("availability-zone") ?? [];
    const page = await api.describeSubnets({ ...pageOf(form, sim), ...(zone === undefined ? {} : { zone }) });
    const fits = ({ id, tags }: CloudPool): boolean =>
      [...filters].every(([name, values]) => {
        if (name === "subnet-id") return values.includes(id);
        if (name === "vpc-id") return values.includes(VPC);
        return !name.startsWith("tag:") || values.includes(tags[name.slice("tag:".length)] ?? "");
      });
    return { subnetSet: page.items.filter(fits).map(subnetXml), nextToken: page.nextToken };
  },
  async CreateNetworkInterface(form, api, sim) {
    const clientToken = form.text("ClientToken");
    const made = await api.createNetworkInterface({
      subnet: form.required("SubnetId"),
      want: [...wantedOf(form, 4), ...wantedOf(form, 6)],
      tags: form.tags(),
      securityGroups: form.list("SecurityGroupId"),
      ...(clientToken === undefined ? {} : { clientToken }),
    });
    return {
      networkInterface: interfaceXml(made, sim.network.zone(made.pool), sim.clock.monotonic()),
      clientToken,
    };
  },
  async AttachNetworkInterface(form, api) {
    const id = form.required("NetworkInterfaceId");
    await api.attachNetworkInterface(id, form.required("InstanceId"), Number(form.required("DeviceIndex")));
    return { attachmentId: attachmentIdOf(id), networkCardIndex: 0 };
  },
  async ModifyNetworkInterfaceAttribute(form, api) {
    const flag = form.required("Attachment.DeleteOnTermination") === "true";
    await api.modifyNetworkInterfaceAttribute(form.required("NetworkInterfaceId"), flag);
    return { return: true };
  },
  async DetachNetworkInterface(form, api) {
    await api.detachNetworkInterface(form.required("AttachmentId").replace("eni-attach-", "eni-"));
    return { return: true };
  },
  async DeleteNetworkInterface(form, api) {
    await api.deleteNetworkInterface(form.required("NetworkInterfaceId"));
    return { return: true };
  },
  async AssignPrivateIpAddresses(form, api) {
    const id = form.required("NetworkInterfaceId");
    const added = await assign(form, 4, (wanted, exact) => api.assignPrivateIpAddresses(id, wanted, exact));
    return {
      networkInterfaceId: id,
      assignedPrivateIpAddressesSet: added
        .filter((cidr) => cidr.endsWith("/32"))
        .map((cidr) => ({ privateIpAddress: addressOf(cidr) })),
      assignedIpv4PrefixSet: added
        .filter((cidr) => !cidr.endsWith("/32"))
        .map((ipv4Prefix) => ({ ipv4Prefix })),
    };
  },
  async AssignIpv6Addresses(form, api) {
    const id = form.required("NetworkInterfaceId");
    const added = await assign(form, 6, (wanted, exact) => api.assignIpv6Addresses(id, wanted, exact));
    return {
      networkInterfaceId: id,
      assignedIpv6Addresses: added.filter((cidr) => cidr.endsWith("/128")).map(addressOf),
      assignedIpv6PrefixSet: added.filter((cidr) => !cidr.endsWith("/128")),
    };
  },
  async UnassignPrivateIpAddresses(form, api) {
    await api.unassignPrivateIpAddresses(form.required("NetworkInterfaceId"), exactOf(form, 4));
    return { return: true };
  },
  async UnassignIpv6Addresses(form, api) {
    const id = form.required("NetworkInterfaceId");
    const cidrs = exactOf(form, 6);
    await api.unassignIpv6Addresses(id, cidrs);
    return { networkInterfaceId: id, unassignedIpv6Addresses: cidrs.map(addressOf) };
  },
};

const NAMES = {
  4: {
    count: "SecondaryPrivateIpAddressCount",
    list: "PrivateIpAddress",
    prefix: "Ipv4Prefix",
    single: 32,
    block: 28,
  },
  6: { count: "Ipv6AddressCount", list: "Ipv6Addresses", prefix: "Ipv6Prefix", single: 128, block: 80 },
} as const;

/** By count. */
function wantedOf(form: Form, family: Family): readonly Wanted[] {
  const { count, prefix, single, block } = NAMES[family];
  return [
    { family, prefix: single, count: form.number(count) ?? 0 },
    { family, prefix: block, count: form.number(`${prefix}Count`) ?? 0 },
  ].filter(({ count }) => count > 0);
}

function exactOf(form: Form, family: Family): readonly string[] {
  const { list, prefix, single } = NAMES[family];
  return [...form.list(list).map((address) => `${address}/${single}`), ...form.list(prefix)];
}

async function assign(
  form: Form,
  family: Family,
  request: (wanted: Wanted, exact?: readonly string[]) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const exact = exactOf(form, family);
  const { single, block } = NAMES[family];
  const prefix = exact.every((cidr) => cidr.endsWith(`/${single}`)) ? single : block;
  if (exact.length > 0) return request({ family, prefix, count: exact.length }, exact);
  const [wanted] = wantedOf(form, family);
  return wanted === undefined ? [] : request(wanted);
}

/** A page may be shorter than it was asked to be: the cloud has a size of its own. */
function pageOf(
  form: Form,
  { options }: SimCloud,
): { readonly maxResults: number; readonly nextToken?: string } {
  const { pageSize = 1000 } = options;
  const maxResults = Math.min(form.number("MaxResults") ?? pageSize, pageSize);
  const nextToken = form.text("NextToken");
  return {
    maxResults,
    ...(nextToken === undefined ? {} : { nextToken }),
  };
}
