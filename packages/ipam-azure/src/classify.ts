import type { CloudFault } from "@netloom/ipam-cloud";
import { OperationFailedError } from "./gate.ts";
import { retryAfterOf } from "./retry-after.ts";
import {
  MACHINE_UPDATES,
  NETWORK_READS,
  NETWORK_UPDATES,
  SUBSCRIPTION_READS,
  SUBSCRIPTION_WRITES,
} from "./throttles.ts";

/** What is read of an SDK's `RestError`. */
interface RestError {
  readonly message: string;
  readonly code?: string;
  readonly statusCode?: number;
  readonly request?: { readonly method?: string; readonly url?: string };
  readonly response?: { readonly headers?: { get(name: string): string | undefined } };
}

/** Azure's codes that mean one thing wherever they come from: nothing was changed. */
const FAULTS: Readonly<Record<string, CloudFault>> = {
  SubnetIsFull: { kind: "exhausted", what: "pool-addresses" },
  SubnetIsFullWithDetails: { kind: "exhausted", what: "pool-addresses" },
  PrivateIPAddressLimitReached: { kind: "exhausted", what: "interface-slots" },
  PrivateIPAddressInUse: { kind: "conflict", what: "in-use" },
  PrivateIPAddressIsAllocated: { kind: "conflict", what: "in-use" },
  PrivateIPAddressNotInSubnet: { kind: "invalid" },
  PrivateIPAddressInReservedRange: { kind: "invalid" },
  QuotaExceeded: { kind: "exhausted", what: "quota" },
  PreconditionFailed: { kind: "conflict", what: "version" },
  EtagMismatch: { kind: "conflict", what: "version" },
  AnotherOperationInProgress: { kind: "transient" },
  RetryableError: { kind: "transient" },
  ReferencedResourceNotProvisioned: { kind: "transient" },
  // A mistake, and no machine that has gone.
  SubscriptionNotFound: { kind: "invalid" },
  InvalidSubscriptionId: { kind: "invalid" },
  ResourceGroupNotFound: { kind: "invalid" },
  ReadOnlyDisabledSubscription: { kind: "invalid" },
  ExpiredAuthenticationToken: { kind: "credentials", why: "expired" },
};

/** The request was never sent. */
const UNSENT = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENETDOWN)$/;

/** Errors of `@azure/identity`, which come before a request. */
const NO_TOKEN =
  /^(CredentialUnavailableError|AuthenticationError|AggregateAuthenticationError|AuthenticationRequiredError)$/;

/** What an error of the SDK means. */
export function classify(error: unknown): CloudFault {
  if (!(error instanceof Error)) return { kind: "ambiguous" };
  // It was accepted: only where its end says why is it certain that nothing happened.
  if (error instanceof OperationFailedError) return FAULTS[error.code] ?? { kind: "ambiguous" };
  if (NO_TOKEN.test(error.name)) return { kind: "credentials", why: "missing" };
  if (error.name !== "RestError") return { kind: "ambiguous" };
  const rest = error as RestError;
  if (rest.statusCode === undefined)
    return UNSENT.test(rest.code ?? "") ? { kind: "transient" } : { kind: "ambiguous" };
  // However it is called then: compute has other names for it than network.
  if (rest.statusCode === 429) return throttled(rest);
  return FAULTS[rest.code ?? ""] ?? byStatus(rest, rest.statusCode);
}

function byStatus(error: RestError, status: number): CloudFault {
  switch (status) {
    case 401:
      return { kind: "credentials", why: whyOf(error.message) };
    case 403:
      return { kind: "denied", action: deniedAction(error) };
    case 404:
      return { kind: "gone", what: whatOf(error) };
    case 409:
      return error.code === "ScopeLocked"
        ? { kind: "denied", action: deniedAction(error) }
        : { kind: "transient" };
    case 412:
      return { kind: "conflict", what: "version" };
    case 503:
      return { kind: "transient" };
  }
  if (status >= 500) return error.request?.method === "GET" ? { kind: "transient" } : { kind: "ambiguous" };
  return status >= 400 ? { kind: "invalid" } : { kind: "ambiguous" };
}

function throttled(error: RestError): CloudFault {
  const retryAfter = retryAfterOf(error.response?.headers?.get("retry-after"));
  return {
    kind: "throttled",
    bucket: bucketOf(error),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}

/** The resource manager says that it is the one; of compute's it is the narrowest that is full first. */
function bucketOf({ code, request }: RestError): string {
  const reads = request?.method === "GET";
  if (code === "SubscriptionRequestsThrottled") return reads ? SUBSCRIPTION_READS : SUBSCRIPTION_WRITES;
  if (/\/Microsoft\.Network\//i.test(pathOf(request?.url))) return reads ? NETWORK_READS : NETWORK_UPDATES;
  return reads ? SUBSCRIPTION_READS : MACHINE_UPDATES;
}

function whyOf(message: string): "missing" | "expired" | "clock-skew" {
  if (/not yet valid|not valid yet|nbf/i.test(message)) return "clock-skew";
  return /expired|lifetime/i.test(message) ? "expired" : "missing";
}

/** The last one that is named: where what is missing is about another resource, the first one is what was allowed. */
function deniedAction({ message, code, request }: RestError): string {
  const named = [...message.matchAll(/perform actions?(?:\(s\))? '([^']+)'/g)].at(-1)?.[1];
  return named ?? code ?? `${request?.method ?? "request"} ${pathOf(request?.url)}`;
}

function whatOf({ code, request }: RestError): "instance" | "interface" | "pool" {
  const path = pathOf(request?.url);
  if (/\/subnets\/[^/]+$/i.test(path) || code === "SubnetNotFound") return "pool";
  return /\/Microsoft\.Network\/networkInterfaces\//i.test(path) ? "interface" : "instance";
}

function pathOf(url: string | undefined): string {
  return url === undefined ? "" : new URL(url).pathname;
}
