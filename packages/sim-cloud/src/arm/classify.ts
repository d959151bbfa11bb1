import type { CloudFault } from "@netloom/ipam-cloud";
import { SimCloudError } from "../cloud/refusal.ts";

/** What Azure's codes mean. */
export function classifyArm(error: unknown): CloudFault {
  if (!(error instanceof SimCloudError)) return { kind: "ambiguous" };
  const { code, subject } = error;
  switch (code) {
    case "TooManyRequests":
      return { kind: "throttled", bucket: subject };
    case "SubnetIsFull":
      return { kind: "exhausted", what: "pool-addresses", id: subject };
    case "SubnetHasNoFreeBlock":
      return { kind: "exhausted", what: "pool-blocks", id: subject };
    case "PrivateIPAddressLimitReached":
      return { kind: "exhausted", what: "interface-slots", id: subject };
    case "QuotaExceeded":
      return { kind: "exhausted", what: "quota", id: subject };
    case "PreconditionFailed":
      return { kind: "conflict", what: "version" };
    case "PrivateIPAddressInUse":
      return { kind: "conflict", what: "in-use" };
    case "ResourceNotFound":
      return { kind: "gone", what: "instance" };
    case "NetworkInterfaceNotFound":
      return { kind: "gone", what: "interface" };
    case "SubnetNotFound":
      return { kind: "gone", what: "pool" };
    case "AuthorizationFailed":
      return { kind: "denied", action: `Microsoft.Network/${subject}` };
    case "ServiceUnavailable":
    case "InternalServerError":
      return { kind: "transient" };
    case "InvalidRequestFormat":
      return { kind: "invalid" };
    default:
      return { kind: "ambiguous" };
  }
}
