import type { CloudFault } from "@netloom/ipam-cloud";

/** What a request was about. */
export interface About {
  /** As EC2 names it. */
  readonly action: string;
  readonly pool?: string;
  readonly interface?: string;
  readonly instance?: string;
  /** It asked for prefixes. */
  readonly blocks?: boolean;
}

/** What came of a request that failed. */
export interface Failure {
  /** EC2's code, or the system's where there was no answer. */
  readonly code: string;
  readonly message: string;
  /** HTTP status; without one there was no answer. */
  readonly status?: number;
  /** By how many milliseconds EC2's clock is ahead of this one. */
  readonly ahead?: number;
  readonly requestId?: string;
  /** Before anything was sent: there are no credentials to sign with. */
  readonly unsigned?: boolean;
}

/** A signature is good for five minutes. */
const SKEW = 4 * 60_000;

type Reading = (failure: Failure, about: About) => CloudFault;
type Meaning = CloudFault | Reading;

const INVALID: CloudFault = { kind: "invalid" };
const TRANSIENT: CloudFault = { kind: "transient" };
const IN_USE: CloudFault = { kind: "conflict", what: "in-use" };
const CHANGED: CloudFault = { kind: "conflict", what: "version" };
const CLOCK: CloudFault = { kind: "credentials", why: "clock-skew" };

const throttled: Reading = (_, { action }) =>
  action === "" ? { kind: "throttled" } : { kind: "throttled", bucket: action };
const denied: Reading = ({ message }, { action }) => ({
  kind: "denied",
  // It may be another than the one asked for: who creates with tags needs `ec2:CreateTags`.
  action: /perform: ([\w-]+:\w+)/.exec(message)?.[1] ?? `ec2:${action === "" ? "*" : action}`,
});
const credentials: Reading = ({ message, ahead = 0 }) => {
  const isLate = Math.abs(ahead) > SKEW || /signature (expired|not yet current)/i.test(message);
  return {
    kind: "credentials",
    why: isLate ? "clock-skew" : /expired/i.test(message) ? "expired" : "missing",
  };
};
const expired: CloudFault = { kind: "credentials", why: "expired" };
const noAddresses: Reading = (_, { pool }) => ({ kind: "exhausted", what: "pool-addresses", ...id(pool) });
const noBlocks: Reading = (_, { pool }) => ({ kind: "exhausted", what: "pool-blocks", ...id(pool) });
const noSlots: Reading = (_, about) => ({
  kind: "exhausted",
  what: "interface-slots",
  ...id(about.interface),
});
const noInterfaces: Reading = (_, { instance }) => ({
  kind: "exhausted",
  what: "node-interfaces",
  ...id(instance),
});
const quota = (name: string): CloudFault => ({ kind: "exhausted", what: "quota", id: name });
/** Whether something happened EC2 does not say; of a read it does not matter. */
const failed: Reading = (_, { action }) =>
  action.startsWith("Describe") ? TRANSIENT : { kind: "ambiguous" };

/** By EC2's codes (EC2 API reference, "Error codes"), and those of the machines that check signatures before it. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  RequestLimitExceeded: throttled,
  Throttling: throttled,
  ThrottlingException: throttled,
  RequestThrottled: throttled,
  EC2ThrottledException: throttled,
  TooManyRequestsException: throttled,
  UnauthorizedOperation: denied,
  AccessDenied: denied,
  AccessDeniedException: denied,
  AuthFailure: credentials,
  SignatureDoesNotMatch: credentials,
  InvalidSignatureException: credentials,
  InvalidClientTokenId: credentials,
  InvalidAccessKeyId: credentials,
  UnrecognizedClientException: credentials,
  MissingAuthenticationToken: credentials,
  ExpiredToken: expired,
  ExpiredTokenException: expired,
  RequestExpired: CLOCK,
  RequestInTheFuture: CLOCK,
  RequestTimeTooSkewed: CLOCK,
  InsufficientFreeAddressesInSubnet: noAddresses,
  InsufficientCidrBlocks: noBlocks,
  PrivateIpAddressLimitExceeded: noSlots,
  Ipv6AddressLimitExceeded: noSlots,
  AttachmentLimitExceeded: noInterfaces,
  NetworkInterfaceLimitExceeded: quota("network-interfaces"),
  NetworkAddressUsageLimitExceeded: quota("network-address-usage"),
  "InvalidDeviceIndex.InUse": { kind: "conflict", what: "device-index" },
  "InvalidNetworkInterface.InUse": IN_USE,
  PrivateIpAddressInUse: IN_USE,
  "InvalidIPAddress.InUse": IN_USE,
  IncorrectState: CHANGED,
  IncorrectInstanceState: CHANGED,
  "InvalidInstanceID.NotFound": { kind: "gone", what: "instance" },
  "InvalidNetworkInterfaceID.NotFound": { kind: "gone", what: "interface" },
  "InvalidAttachmentID.NotFound": { kind: "gone", what: "interface" },
  "InvalidSubnetID.NotFound": { kind: "gone", what: "pool" },
  "InvalidSubnet.NotFound": { kind: "gone", what: "pool" },
  "InvalidAddress.NotFound": { kind: "gone", what: "address" },
  Unavailable: TRANSIENT,
  ServiceUnavailable: TRANSIENT,
  InternalError: failed,
  InternalFailure: failed,
  InvalidParameterValue: parameterValue,
  DryRunOperation: INVALID,
  IdempotentParameterMismatch: INVALID,
  IncompleteSignature: INVALID,
  InvalidAction: INVALID,
  InvalidInstanceType: INVALID,
  InvalidParameter: INVALID,
  InvalidParameterCombination: INVALID,
  InvalidQueryParameter: INVALID,
  MalformedQueryString: INVALID,
  MissingAction: INVALID,
  MissingParameter: INVALID,
  OperationNotPermitted: INVALID,
  OptInRequired: INVALID,
  UnknownParameter: INVALID,
  Unsupported: INVALID,
  UnsupportedOperation: INVALID,
  ValidationError: INVALID,
  // Of the connection. These are from before it was there; after it was, whoever knows.
  ECONNREFUSED: TRANSIENT,
  EAI_AGAIN: TRANSIENT,
  EHOSTUNREACH: TRANSIENT,
  ENETUNREACH: TRANSIENT,
  ENOTFOUND: TRANSIENT,
};

/** What it means. What is not known is `ambiguous`. */
export function faultOfEc2(failure: Failure, about: About): CloudFault {
  const { code, status, unsigned, message } = failure;
  if (unsigned === true)
    return { kind: "credentials", why: /expired/i.test(message) ? "expired" : "missing" };
  if (code.startsWith("ERR_TLS_") || code.includes("CERT_")) return TRANSIENT;
  const meaning = Object.hasOwn(MEANINGS, code) ? MEANINGS[code] : undefined;
  if (meaning !== undefined) return typeof meaning === "function" ? meaning(failure, about) : meaning;
  if (status === 429) return throttled(failure, about);
  if (
    /^(Invalid\w+\.(Malformed|NotFound)|Invalid(GroupId|Subnet|SubnetID|VpcID|NetworkInterfaceID)\b)/.test(
      code,
    )
  )
    return INVALID;
  return failed(failure, about);
}

/** One code for much: EC2 tells some things in the message only. */
function parameterValue({ message }: Failure, about: About): CloudFault {
  if (/interface attached at device/i.test(message)) return { kind: "conflict", what: "device-index" };
  if (/sufficient free .*(addresses|prefixes)/i.test(message))
    return about.blocks === true
      ? { kind: "exhausted", what: "pool-blocks", ...id(about.pool) }
      : { kind: "exhausted", what: "pool-addresses", ...id(about.pool) };
  if (/(currently in use|move is not allowed|already assigned)/i.test(message)) return IN_USE;
  return INVALID;
}

function id(value: string | undefined): { readonly id?: string } {
  return value === undefined ? {} : { id: value };
}
