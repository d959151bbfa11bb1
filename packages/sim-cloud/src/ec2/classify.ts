import type { CloudFault } from "@netloom/ipam-cloud";
import { SimCloudError } from "../cloud/refusal.ts";

/** What EC2's codes mean. */
export function classifyEc2(error: unknown): CloudFault {
  if (!(error instanceof SimCloudError)) return { kind: "ambiguous" };
  const { code, subject } = error;
  switch (code) {
    case "RequestLimitExceeded":
      return { kind: "throttled", bucket: subject };
    case "InsufficientFreeAddressesInSubnet":
      return { kind: "exhausted", what: "pool-addresses", id: subject };
    case "InsufficientCidrBlocks":
      return { kind: "exhausted", what: "pool-blocks", id: subject };
    case "PrivateIpAddressLimitExceeded":
      return { kind: "exhausted", what: "interface-slots", id: subject };
    case "AttachmentLimitExceeded":
      return { kind: "exhausted", what: "node-interfaces", id: subject };
    case "NetworkAddressUsageLimitExceeded":
      return { kind: "exhausted", what: "quota", id: subject };
    case "InvalidDeviceIndex.InUse":
      return { kind: "conflict", what: "device-index" };
    case "InvalidNetworkInterface.InUse":
    case "PrivateIpAddressInUse":
      return { kind: "conflict", what: "in-use" };
    case "InvalidInstanceID.NotFound":
      return { kind: "gone", what: "instance" };
    case "InvalidNetworkInterfaceID.NotFound":
      return { kind: "gone", what: "interface" };
    case "InvalidSubnetID.NotFound":
      return { kind: "gone", what: "pool" };
    case "UnauthorizedOperation":
      return { kind: "denied", action: `ec2:${subject}` };
    case "Unavailable":
    case "InternalError":
      return { kind: "transient" };
    case "InvalidParameterValue":
    case "IdempotentParameterMismatch":
      return { kind: "invalid" };
    default:
      return { kind: "ambiguous" };
  }
}
