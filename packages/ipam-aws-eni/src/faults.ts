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
const isSkewed = ({ ahead = 0 }: Failure): boolean => Math.abs(ahead) > SKEW;
const credentials: Reading = (failure) => {
  const { message } = failure;
  const isLate = isSkewed(failure) || /signature (expired|not yet current)/i.test(message);
  return {
    kind: "credentials",
    why: isLate ? "clock-skew" : /expired/i.test(message) ? "expired" : "missing",
  };
};
const EXPIRED: CloudFault = { kind: "credentials", why: "expired" };
/** Of temporary credentials too: only where the clock is seen to be wrong it is the clock. */
const requestExpired: Reading = (failure) => (isSkewed(failure) ? CLOCK : EXPIRED);
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
  ExpiredToken: EXPIRED,
  ExpiredTokenException: EXPIRED,
  RequestExpired: requestExpired,
  "InvalidSecurity.RequestHasExpired": CLOCK,
  RequestInTheFuture: CLOCK,
  RequestTimeTooSkewed: CLOCK,
  InsufficientFreeAddressesInSubnet: noAddresses,
  InsufficientCidrBlocks: noBlocks,
  PrivateIpAddressLimitExceeded: noSlots,
  Ipv6AddressLimitExceeded: noSlots,
  "InvalidInterface.IpAddressLimitExceeded": noSlots,
  AttachmentLimitExceeded: noInterfaces,
  NetworkInterfaceLimitExceeded: quota("network-interfaces"),
  NetworkAddressUsageLimitExceeded: quota("network-address-usage"),
  "InvalidDeviceIndex.InUse": { kind: "conflict", what: "device-index" },
  "InvalidNetworkInterface.InUse": IN_USE,
  PrivateIpAddressInUse: IN_USE,
  "InvalidIPAddress.InUse": IN_USE,
  "Resource.AlreadyAssigned": IN_USE,
  IncorrectState: CHANGED,
  IncorrectInstanceState: CHANGED,
  InvalidState: CHANGED,
  "InvalidInstanceID.NotFound": { kind: "gone", what: "instance" },
  "InvalidNetworkInterfaceID.NotFound": { kind: "gone", what: "interface" },
  "InvalidNetworkInterface.NotFound": { kind: "gone", what: "interface" },
  "InvalidAttachmentID.NotFound": { kind: "gone", what: "interface" },
  "InvalidSubnetID.NotFound": { kind: "gone", what: "pool" },
  // EC2 spells it so too.
  "InvalidSubnetId.NotFound": { kind: "gone", what: "pool" },
  InvalidSubnet: { kind: "gone", what: "pool" },
  "InvalidSubnet.NotFound": { kind: "gone", what: "pool" },
  "InvalidAddress.NotFound": { kind: "gone", what: "address" },
  ConcurrentTagAccess: TRANSIENT,
  Unavailable: TRANSIENT,
  ServiceUnavailable: TRANSIENT,
  InternalError: failed,
  InternalFailure: failed,
  InvalidParameterValue: parameterValue,
  // The SDK's, before anything is sent.
  InvalidParameter: INVALID,
  // Of the connection. These are from before it was there; after it was, whoever knows.
  ECONNREFUSED: TRANSIENT,
  EAI_AGAIN: TRANSIENT,
  EHOSTUNREACH: TRANSIENT,
  ENETUNREACH: TRANSIENT,
  ENOTFOUND: TRANSIENT,
};

/** What it means. A refusal for a reason that is not known is `invalid`, where EC2 gave one; all else is `ambiguous`. */
export function faultOfEc2(failure: Failure, about: About): CloudFault {
  const { code, status, unsigned, message } = failure;
  if (unsigned === true)
    return { kind: "credentials", why: /expired/i.test(message) ? "expired" : "missing" };
  if (code.startsWith("ERR_TLS_") || code.includes("CERT_")) return TRANSIENT;
  const meaning = Object.hasOwn(MEANINGS, code) ? MEANINGS[code] : undefined;
  if (meaning !== undefined) return typeof meaning === "function" ? meaning(failure, about) : meaning;
  if (status === 429) return throttled(failure, about);
  return isRefusal(failure) ? INVALID : failed(failure, about);
}

/** EC2 itself says that it will not: nothing was done. Without its code somebody in between may have answered. */
function isRefusal({ code, status = 0 }: Failure): boolean {
  return status >= 400 && status < 500 && status !== 408 && !code.startsWith("HTTP ");
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
