import type { ThrottleBucket } from "@netloom/ipam-cloud";

interface Rate {
  readonly capacity: number;
  readonly perSecond: number;
  readonly actions: readonly string[];
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
    // Reads with a filter or by pages, which is how these are asked for, and of instance types.
    capacity: 100,
    perSecond: 20,
    actions: ["DescribeInstanceTypes", "DescribeNetworkInterfaces", "DescribeSubnets"],
  },
  // By id, without filter and pages.
  { capacity: 50, perSecond: 10, actions: ["DescribeInstances"] },
];

/** A bucket for each action, as EC2 has them. The numbers are configuration: real accounts differ. */
export const EC2_THROTTLES: readonly ThrottleBucket[] = RATES.flatMap(({ actions, ...rate }) =>
  actions.map((action) => ({ name: action, actions: [action], ...rate })),
);
