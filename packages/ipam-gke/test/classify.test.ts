import { NetloomError } from "@netloom/core";
import type { CloudFault } from "@netloom/ipam-cloud";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { faultOfCode, faultOfError } from "../src/classify.ts";
import { requestIdOf } from "../src/request-id.ts";

const UPDATE = "instances.updateNetworkInterface";
const READ = "instances.get";
/** 12:00:15. */
const NOW = Date.UTC(2026, 0, 1, 12, 0, 15);

interface Body {
  readonly code: number;
  readonly message: string;
  readonly reason?: string;
}

function textOf({ code, message, reason }: Body): string {
  return JSON.stringify({ error: { code, message, errors: [{ message, domain: "global", reason }] } });
}

/** As the SDK makes them of today: what it does not keep of the body stands beside it. */
function sdkError(body: Body): Error {
  const error = Object.assign(new Error(body.message), { code: 7, httpStatusCode: body.code });
  return Object.assign(error, { [Symbol.for("google-gax.rawHttpResponsePayload")]: textOf(body) });
}

/** As the HTTP client below it makes them, which older SDKs let through. */
function httpError(body: Body): Error {
  return Object.assign(new Error(textOf(body)), { status: body.code, code: String(body.code) });
}

/** A request that had no answer. */
function networkError(code: string): Error {
  const cause = Object.assign(new Error("socket hang up"), { code });
  return Object.assign(new Error("request failed", { cause }), { code: 14 });
}

const rate = { kind: "throttled", retryAfter: 45_000, bucket: "MutateRequestsPerMinute" } as const;

const ANSWERS: readonly (readonly [Body, CloudFault])[] = [
  [{ code: 403, reason: "rateLimitExceeded", message: "Rate Limit Exceeded" }, rate],
  [{ code: 429, message: "Too many requests" }, rate],
  [{ code: 403, message: "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute'" }, rate],
  [
    { code: 403, reason: "forbidden", message: "Required 'compute.subnetworks.use' permission for 'x'" },
    { kind: "denied", action: "compute.subnetworks.use" },
  ],
  [
    { code: 403, reason: "insufficientPermissions", message: "Insufficient Permission" },
    { kind: "denied", action: "compute.instances.updateNetworkInterface" },
  ],
  [
    { code: 412, reason: "conditionNotMet", message: "Invalid fingerprint." },
    { kind: "conflict", what: "version" },
  ],
  [
    { code: 400, reason: "IP_SPACE_EXHAUSTED", message: "IP space of 'x' is exhausted." },
    { kind: "exhausted", what: "pool-addresses" },
  ],
  [
    { code: 400, reason: "IP_IN_USE_BY_ANOTHER_RESOURCE", message: "IP '10.0.0.5' is in use" },
    { kind: "conflict", what: "in-use" },
  ],
  [
    { code: 403, reason: "quotaExceeded", message: "Quota 'IP_ALIASES' exceeded. Limit: 15000.0" },
    { kind: "exhausted", what: "quota", id: "IP_ALIASES" },
  ],
  [
    { code: 404, reason: "notFound", message: "The resource 'projects/p/zones/z/instances/i' was not found" },
    { kind: "gone", what: "instance" },
  ],
  [
    {
      code: 404,
      reason: "notFound",
      message: "The resource 'projects/p/regions/r/subnetworks/s' was not found",
    },
    { kind: "gone", what: "pool" },
  ],
  [
    { code: 404, reason: "notFound", message: "The resource 'projects/p' was not found" },
    { kind: "invalid" },
  ],
  [
    { code: 401, reason: "authError", message: "Invalid Credentials" },
    { kind: "credentials", why: "expired" },
  ],
  [
    { code: 401, reason: "required", message: "Login Required." },
    { kind: "credentials", why: "missing" },
  ],
  [
    { code: 403, reason: "resourceOperationRateExceeded", message: "Too many operations" },
    { kind: "throttled" },
  ],
  [
    { code: 403, reason: "CONCURRENT_OPERATIONS_QUOTA_EXCEEDED", message: "Too many at once" },
    { kind: "throttled" },
  ],
  [
    {
      code: 403,
      reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
      message: "Request had insufficient authentication scopes.",
    },
    {
      kind: "denied",
      action:
        "compute.instances.updateNetworkInterface (the token lacks the scope https://www.googleapis.com/auth/compute)",
    },
  ],
  [
    { code: 403, reason: "SERVICE_DISABLED", message: "Compute Engine API has not been used in project p" },
    {
      kind: "denied",
      action:
        "compute.instances.updateNetworkInterface (the API compute.googleapis.com is not enabled in the project)",
    },
  ],
  [
    { code: 403, reason: "accessNotConfigured", message: "Access Not Configured." },
    {
      kind: "denied",
      action:
        "compute.instances.updateNetworkInterface (the API compute.googleapis.com is not enabled in the project)",
    },
  ],
  [{ code: 400, reason: "resourceNotReady", message: "The resource is not ready" }, { kind: "transient" }],
  [
    { code: 400, reason: "invalid", message: "Invalid value for field 'resource.aliasIpRanges[0]'" },
    { kind: "invalid" },
  ],
  [{ code: 503, reason: "backendError", message: "Backend Error" }, { kind: "ambiguous" }],
];

describe("what Google's errors mean", () => {
  it.each(ANSWERS)("%j", (body, fault) => {
    expect(faultOfError(sdkError(body), UPDATE, NOW)).toEqual(fault);
    expect(faultOfError(httpError(body), UPDATE, NOW)).toEqual(fault);
  });

  it("knows ErrorInfo, where the reason is Google's newer one", () => {
    const error = Object.assign(new Error("Quota exceeded"), {
      httpStatusCode: 403,
      reason: "RATE_LIMIT_EXCEEDED",
    });
    expect(faultOfError(error, UPDATE, NOW)).toEqual(rate);
  });

  it("waits for a whole minute where the old one has just begun", () => {
    const error = sdkError({ code: 429, message: "" });
    expect(faultOfError(error, READ, Date.UTC(2026, 0, 1, 12))).toMatchObject({ retryAfter: 60_000 });
    fc.assert(
      fc.property(fc.nat(2 ** 42), (now) => {
        const fault = faultOfError(error, READ, now);
        expect(fault.kind === "throttled" && (now + fault.retryAfter!) % 60_000).toBe(0);
      }),
    );
  });

  it("takes a server that failed to read for one that may be asked again", () => {
    expect(faultOfError(sdkError({ code: 503, message: "" }), READ, NOW)).toEqual({ kind: "transient" });
    expect(faultOfError(sdkError({ code: 503, message: "" }), undefined, NOW)).toEqual({ kind: "ambiguous" });
  });

  it("tells what was never sent from what had no answer", () => {
    for (const code of ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH"])
      expect(faultOfError(networkError(code), UPDATE, NOW), code).toEqual({ kind: "transient" });
    // The SDK calls both UNAVAILABLE.
    for (const code of ["ECONNRESET", "ETIMEDOUT", "EPIPE"])
      expect(faultOfError(networkError(code), UPDATE, NOW), code).toEqual({ kind: "ambiguous" });
  });

  it.each([
    ["Could not load the default credentials. Browse to …", "missing"],
    ["invalid_grant: reauth related error", "expired"],
    ["invalid_grant: Invalid JWT: Token must be … Check your iat and exp values", "clock-skew"],
  ])("looks for what is wrong with credentials that were never sent: %s", (message, why) => {
    expect(faultOfError(new Error(message), READ, NOW)).toEqual({ kind: "credentials", why });
  });

  it("reads errors of operations", () => {
    expect(faultOfCode("IP_SPACE_EXHAUSTED_WITH_DETAILS", "")).toEqual({
      kind: "exhausted",
      what: "pool-addresses",
    });
    expect(faultOfCode("LIMIT_EXCEEDED", "The maximum number of alias IP ranges is 100")).toEqual({
      kind: "exhausted",
      what: "interface-slots",
    });
    expect(faultOfCode("QUOTA_EXCEEDED", "Quota 'IP_ALIASES' exceeded")).toMatchObject({ what: "quota" });
    for (const code of [
      "RATE_LIMIT_EXCEEDED",
      "RESOURCE_OPERATION_RATE_EXCEEDED",
      "CONCURRENT_OPERATIONS_QUOTA_EXCEEDED",
    ])
      expect(faultOfCode(code, ""), code).toEqual({ kind: "throttled" });
    expect(faultOfCode("RESOURCE_NOT_READY", "")).toEqual({ kind: "transient" });
    for (const code of ["INVALID_USAGE", "INVALID_FIELD_VALUE", "UNSUPPORTED_OPERATION"])
      expect(faultOfCode(code, ""), code).toEqual({ kind: "invalid" });
    expect(faultOfCode("PERMISSIONS_ERROR", "Required 'compute.subnetworks.use' permission for 'x'")).toEqual(
      { kind: "denied", action: "compute.subnetworks.use" },
    );
    expect(faultOfCode("PERMISSIONS_ERROR", "")).toEqual({
      kind: "denied",
      action: "compute.instances.updateNetworkInterface",
    });
    // What it did before it failed is not told.
    expect(faultOfCode("INTERNAL_ERROR", "")).toEqual({ kind: "ambiguous" });
  });

  it("takes nothing for certain that it does not know", () => {
    for (const error of [undefined, "text", 7, new Error("something new"), { status: 403 }])
      expect(faultOfError(error, UPDATE, NOW)).toEqual({ kind: "ambiguous" });
  });

  it("knows that a request which cannot be made was not", () => {
    const error = new NetloomError("ERR_UNSUPPORTED", "there is no SDK");
    expect(faultOfError(error, UPDATE, NOW)).toEqual({ kind: "invalid" });
  });
});

describe("the id of a request", () => {
  it("is a UUID of version 5: the same for the same intent and fingerprint, and for another another", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        expect(requestIdOf(one, "f")).toMatch(
          /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        );
        expect(requestIdOf(one, "f") === requestIdOf(other, "f")).toBe(one === other);
        expect(requestIdOf("grow-1", one) === requestIdOf("grow-1", other)).toBe(one === other);
      }),
    );
  });
});
