import type { ThrottleBucket } from "@netloom/ipam-cloud";
import type { Ec2Action } from "./ec2.ts";

const CHANGES: readonly Ec2Action[] = [
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
const READS: readonly Ec2Action[] = [
  "DescribeNetworkInterfaces",
  "DescribeInstances",
  "DescribeInstanceTypes",
  "DescribeSubnets",
  "DescribeSecurityGroups",
];

/** A bucket for each action, as EC2 has them. Accounts differ: the figures are configuration. */
export const EC2_THROTTLES: readonly ThrottleBucket[] = [
  ...CHANGES.map((action) => ({ name: action, actions: [action], capacity: 100, perSecond: 5 })),
  ...READS.map((action) => ({ name: action, actions: [action], capacity: 50, perSecond: 10 })),
];

/** These, and of {@link EC2_THROTTLES} those whose action none of them has. */
export function throttlesWith(given: readonly ThrottleBucket[]): readonly ThrottleBucket[] {
  const named = new Set(given.flatMap(({ actions }) => actions));
  return [...given, ...EC2_THROTTLES.filter(({ actions }) => !actions.some((action) => named.has(action)))];
}
