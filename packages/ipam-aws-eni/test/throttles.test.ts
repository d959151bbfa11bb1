import { EC2_THROTTLES } from "@netloom/ipam-aws-eni";
import { EC2_THROTTLES as SIMULATED } from "@netloom/sim-cloud";
import { expect, it } from "vitest";

// EC2 Developer Guide, "Request throttling for the Amazon EC2 API".
it.each([
  ["CreateNetworkInterface", 100, 5],
  ["AttachNetworkInterface", 50, 5],
  ["DetachNetworkInterface", 50, 5],
  ["UnassignPrivateIpAddresses", 100, 5],
  ["UnassignIpv6Addresses", 50, 5],
  ["DescribeNetworkInterfaces", 100, 20],
  ["DescribeInstanceTypes", 100, 20],
  ["DescribeInstances", 50, 10],
])("has EC2's bucket of %s: %d tokens, %d a second", (action, capacity, perSecond) => {
  const buckets = EC2_THROTTLES.filter(({ actions }) => actions.includes(action));
  expect(buckets).toEqual([{ name: action, actions: [action], capacity, perSecond }]);
});

it("has the buckets that the simulated cloud has", () => {
  const known = EC2_THROTTLES.filter(({ name }) => name !== "DescribeSecurityGroups");
  expect(known).toEqual(SIMULATED);
});
