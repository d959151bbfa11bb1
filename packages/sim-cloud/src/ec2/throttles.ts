import type { ThrottleBucket } from "@netloom/ipam-cloud";

const MUTATIONS = [
  "CreateNetworkInterface",
  "AttachNetworkInterface",
  "ModifyNetworkInterfaceAttribute",
  "DetachNetworkInterface",
  "DeleteNetworkInterface",
  "AssignPrivateIpAddresses",
  "AssignIpv6Addresses",
  "UnassignPrivateIpAddresses",
  "UnassignIpv6Addresses",
];
const DESCRIPTIONS = [
  "DescribeNetworkInterfaces",
  "DescribeInstances",
  "DescribeInstanceTypes",
  "DescribeSubnets",
];

/** A bucket for each action, as EC2 has them. The numbers are configuration: real accounts differ. */
export const EC2_THROTTLES: readonly ThrottleBucket[] = [
  ...MUTATIONS.map((action) => ({ name: action, actions: [action], capacity: 100, perSecond: 5 })),
  ...DESCRIPTIONS.map((action) => ({ name: action, actions: [action], capacity: 50, perSecond: 10 })),
];
