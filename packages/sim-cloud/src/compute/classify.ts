import type { CloudFault } from "@netloom/ipam-cloud";
import { SimCloudError } from "../cloud/refusal.ts";

/** What Google's codes mean. */
export function classifyCompute(error: unknown): CloudFault {
  if (!(error instanceof SimCloudError)) return { kind: "ambiguous" };
  const { code, subject } = error;
  switch (code) {
    case "rateLimitExceeded":
      return { kind: "throttled", bucket: subject };
    case "IP_SPACE_EXHAUSTED":
      return { kind: "exhausted", what: "pool-addresses", id: subject };
    case "IP_SPACE_EXHAUSTED_FOR_RANGE":
      return { kind: "exhausted", what: "pool-blocks", id: subject };
    case "ALIAS_IP_RANGE_LIMIT_EXCEEDED":
      return { kind: "exhausted", what: "interface-slots", id: subject };
    case "QUOTA_EXCEEDED":
      return { kind: "exhausted", what: "quota", id: subject };
    case "conditionNotMet":
      return { kind: "conflict", what: "version" };
    case "IP_IN_USE_BY_ANOTHER_RESOURCE":
      return { kind: "conflict", what: "in-use" };
    case "notFound.instance":
      return { kind: "gone", what: "instance" };
    case "notFound.networkInterface":
      return { kind: "gone", what: "interface" };
    case "notFound.subnetwork":
      return { kind: "gone", what: "pool" };
    case "forbidden":
      return { kind: "denied", action: `compute.${subject}` };
    case "backendError":
      return { kind: "transient" };
    case "invalid":
      return { kind: "invalid" };
    default:
      return { kind: "ambiguous" };
  }
}
