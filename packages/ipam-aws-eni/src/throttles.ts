import type { ThrottleBucket } from "@netloom/ipam-cloud";
import type { Ec2Action } from "./ec2.ts";

interface Rate {
  readonly capacity: number;
  readonly perSecond: number;
  readonly actions: readonly Ec2Action[];
}

/** EC2 Developer Guide, "Request throttling for the Amazon EC2 API". */
const RATES: readonly Rate[] = [
  {
    // Actions with a rate of their own.
    capacity: 100,
    perSecond: 5,
    actions: [
      "AssignIpv6Addresses",
      "AssignPrivateIpAddresses",
      "CreateNetworkInterface",
      "DeleteNetworkInterface",
      "ModifyNetworkInterfaceAttribute",
      "UnassignPrivateIpAddresses",
    ],
  },
  {
    // All others that change something.
    capacity: 50,
    perSecond: 5,
    actions: ["AttachNetworkInterface", "DetachNetworkInterface", "UnassignIpv6Addresses"],
  },
  {
    // Reads with a filter or by pages, as these always are here, and of instance types.
    capacity: 100,
    perSecond: 20,
    actions: [
      "DescribeInstanceTypes",
      "DescribeNetworkInterfaces",
      "DescribeSecurityGroups",
      "DescribeSubnets",
    ],
  },
  // By id, without filter and pages.
  { capacity: 50, perSecond: 10, actions: ["DescribeInstances"] },
];

/** A bucket for each action, as EC2 has them. Accounts differ: the figures are configuration. */
export const EC2_THROTTLES: readonly ThrottleBucket[] = RATES.flatMap(({ actions, ...rate }) =>
  actions.map((action) => ({ name: action, actions: [action], ...rate })),
);

/** These, and of {@link EC2_THROTTLES} those whose action none of them has. */
export function throttlesWith(given: readonly ThrottleBucket[]): readonly ThrottleBucket[] {
  const named = new Set(given.flatMap(({ actions }) => actions));
  return [...given, ...EC2_THROTTLES.filter(({ actions }) => !actions.some((action) => named.has(action)))];
}
