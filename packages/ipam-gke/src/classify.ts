import { isNetloomError } from "@netloom/core";
import type { CloudFault } from "@netloom/ipam-cloud";
import { bucketOf } from "./throttles.ts";
import { toldBy, type Told } from "./told.ts";

const MINUTE = 60_000;

/** Nothing has been sent where there was nobody to send it to. */
const NOT_SENT = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/;

const RATE = /^(rateLimitExceeded|userRateLimitExceeded|RATE_LIMIT_EXCEEDED|tooManyRequests)$/;

/** About one resource, or how much is under way at once: the quotas of requests are not used up. */
const BUSY =
  /^(RESOURCE_OPERATION_RATE|CONCURRENT_OPERATIONS_QUOTA)_EXCEEDED$|^resourceOperationRateExceeded$/;

const NO_SCOPE = /^ACCESS_TOKEN_SCOPE_INSUFFICIENT$/;
const NO_API = /^(SERVICE_DISABLED|accessNotConfigured)$/;

/**
 * What an error of a request means.
 *
 * @param action - as `CloudCall.admit` names it, where it is known
 * @param now - milliseconds since 1970: quotas are full again at the next whole minute
 */
export function faultOfError(error: unknown, action: string | undefined, now: number): CloudFault {
  // There is no SDK: no request will ever be sent.
  if (isNetloomError(error)) return error.retryable ? { kind: "transient" } : { kind: "invalid" };
  const told = toldBy(error);
  if (told === undefined) return { kind: "ambiguous" };
  return told.status === undefined
    ? faultWithoutAnswer(told)
    : faultOfAnswer({ ...told, status: told.status }, action, now);
}

/** What the code of an operation's error means: `IP_SPACE_EXHAUSTED`. */
export function faultOfCode(code: string, message: string): CloudFault {
  const words = `${code} ${message}`;
  if (BUSY.test(code) || RATE.test(code)) return { kind: "throttled" };
  if (/^(RESOURCE_NOT_READY|resourceNotReady)$/.test(code)) return { kind: "transient" };
  if (/^(INVALID|UNSUPPORTED)_/.test(code)) return { kind: "invalid" };
  if (code === "PERMISSIONS_ERROR")
    return { kind: "denied", action: permissionOf(message, "instances.updateNetworkInterface") };
  if (/IP_SPACE_EXHAUSTED/.test(code)) return { kind: "exhausted", what: "pool-addresses" };
  if (/IP_IN_USE|IN_USE_BY_ANOTHER_RESOURCE/.test(code)) return { kind: "conflict", what: "in-use" };
  if (/^(QUOTA_EXCEEDED|quotaExceeded)$/.test(code)) return quota(message);
  // How Google calls that an interface has all the ranges it can have is nowhere written down.
  if (/alias.*(limit|maximum|too many)|(limit|maximum).*alias/i.test(words.replaceAll("_", " ")))
    return { kind: "exhausted", what: "interface-slots" };
  if (/(^|_)LIMIT_EXCEEDED$/.test(code)) return quota(message);
  if (/^(CONDITION_NOT_MET|conditionNotMet)$/.test(code)) return { kind: "conflict", what: "version" };
  // It began, and what became of it before it failed is not told.
  return { kind: "ambiguous" };
}

function quota(message: string): CloudFault {
  const id = /quota '?([A-Z0-9_]+)'?/i.exec(message)?.[1];
  return { kind: "exhausted", what: "quota", ...(id === undefined ? {} : { id }) };
}

function faultOfAnswer(told: Told & { status: number }, action: string | undefined, now: number): CloudFault {
  const { status, reasons, message } = told;
  if (isRate(told)) return throttled(action, now);
  for (const reason of reasons) {
    const fault = faultOfCode(reason, message);
    if (fault.kind !== "ambiguous") return fault;
  }
  switch (status) {
    case 401:
      return credentials(message);
    case 403:
      return { kind: "denied", action: deniedAction(told, action) };
    case 404:
      return gone(message);
    case 409:
    case 412:
      return { kind: "conflict", what: "version" };
    case 408:
      return { kind: "ambiguous" };
  }
  if (status < 500) return refused(message);
  // A change may have been made before its server failed.
  return action === undefined || action.endsWith(".updateNetworkInterface")
    ? { kind: "ambiguous" }
    : { kind: "transient" };
}

function faultWithoutAnswer({ network, message }: Told): CloudFault {
  if (/default credentials|no authentication was provided/i.test(message))
    return { kind: "credentials", why: "missing" };
  if (/invalid_grant|could not refresh access token/i.test(message)) return credentials(message);
  return network !== undefined && NOT_SENT.test(network) ? { kind: "transient" } : { kind: "ambiguous" };
}

function isRate({ status, reasons, message }: Told & { status: number }): boolean {
  if (status === 429 || reasons.some((reason) => RATE.test(reason))) return true;
  return status === 403 && /rate limit|quota exceeded for quota (group|metric)/i.test(message);
}

/** Until the next whole minute. */
function throttled(action: string | undefined, now: number): CloudFault {
  const bucket = bucketOf(action);
  return {
    kind: "throttled",
    retryAfter: MINUTE - (now % MINUTE),
    ...(bucket === undefined ? {} : { bucket }),
  };
}

function credentials(message: string): CloudFault {
  if (/iat and exp|clock|reasonable timeframe/i.test(message))
    return { kind: "credentials", why: "clock-skew" };
  const missing = /login required|missing required authentication|without credentials/i.test(message);
  return { kind: "credentials", why: missing ? "missing" : "expired" };
}

/** Where it is no permission that is missing, what is. */
function deniedAction({ reasons, message }: Told, action: string | undefined): string {
  const permission = permissionOf(message, action);
  if (reasons.some((reason) => NO_SCOPE.test(reason)))
    return `${permission} (the token lacks the scope https://www.googleapis.com/auth/compute)`;
  return reasons.some((reason) => NO_API.test(reason))
    ? `${permission} (the API compute.googleapis.com is not enabled in the project)`
    : permission;
}

/** Google names the permission; otherwise it is called as the method is. */
function permissionOf(message: string, action: string | undefined): string {
  const named = /'(compute\.[a-zA-Z.]+)' permission/.exec(message)?.[1];
  if (named !== undefined) return named;
  if (action === undefined) return "compute";
  return `compute.${action === "zoneOperations.wait" ? "zoneOperations.get" : action}`;
}

/** Named is what is not there; a project or a zone that is not is a mistake, and nothing that has gone. */
function gone(message: string): CloudFault {
  if (/\/subnetworks\/[^/' ]+' was not found/.test(message)) return { kind: "gone", what: "pool" };
  if (/\/instances\/[^/' ]+' was not found/.test(message)) return { kind: "gone", what: "instance" };
  return { kind: "invalid" };
}

function refused(message: string): CloudFault {
  return /field 'networkInterface'/.test(message) ? { kind: "gone", what: "interface" } : { kind: "invalid" };
}
