import { isNetloomError } from "@netloom/core";
import { CloudError, type CloudFault } from "@netloom/ipam-cloud";
import { faultOfEc2, type About, type Failure } from "./faults.ts";

/** EC2 refused a request, or did not answer it. Tells what was asked and why not, and nothing that is secret. */
export class Ec2Error extends CloudError {
  /** As EC2 names it, e.g. `AssignPrivateIpAddresses`. */
  readonly action: string;
  /** EC2's, e.g. `UnauthorizedOperation`; the system's, e.g. `ECONNRESET`, where there was no answer. */
  readonly code: string;
  /** For AWS's support, where EC2 gave one. */
  readonly requestId?: string;

  constructor(action: string, failure: Failure, fault: CloudFault) {
    super(fault, `${action}: ${failure.code}${detail(failure, fault)}`);
    this.action = action;
    this.code = failure.code;
    if (failure.requestId !== undefined) this.requestId = failure.requestId;
  }
}

/**
 * The SDK's error as one of ours. The SDK's own is not its cause: EC2's answer to a wrong signature quotes the request, with the
 * session's token in it.
 */
export function ec2Error(error: unknown, about: About, now: number): unknown {
  if (error instanceof CloudError || isNetloomError(error)) return error;
  const failure = failureIn(error, now);
  return failure === undefined ? error : new Ec2Error(about.action, failure, faultOfEc2(failure, about));
}

/** What an error of the SDK means; nothing is known of what was asked. */
export function classifyEc2(error: unknown, now: number): CloudFault {
  if (error instanceof Ec2Error) return error.fault;
  // Said before anything was sent: an option, or the SDK, is missing.
  if (isNetloomError(error)) return { kind: "invalid" };
  const failure = failureIn(error, now);
  return failure === undefined ? { kind: "ambiguous" } : faultOfEc2(failure, { action: "" });
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Ec2Error && codes.includes(error.code);
}

/** Whether EC2 refused for one of these kinds of reasons. */
export function isFaultOf(error: unknown, ...kinds: readonly CloudFault["kind"][]): boolean {
  return error instanceof Ec2Error && kinds.includes(error.fault.kind);
}

/** Of one of EC2's refusals, e.g. `conflict in-use`. */
export function faultKindOf(error: unknown): string | undefined {
  if (!(error instanceof Ec2Error)) return undefined;
  const { fault } = error;
  return "what" in fault ? `${fault.kind} ${fault.what}` : fault.kind;
}

/** Reads what the SDK throws by shape: there may be two copies of it. */
function failureIn(error: unknown, now: number): Failure | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, message } = error;
  if (/^(Credentials|Token|Process|)ProviderError$/.test(name))
    return { code: name, message, unsigned: true };
  const metadata = objectAt(error, "$metadata");
  const status = metadata?.["httpStatusCode"];
  if (typeof status === "number") {
    const headers = objectAt(objectAt(error, "$response"), "headers");
    const date = Date.parse(String(headers?.["date"]));
    const requestId = metadata?.["requestId"];
    return {
      // What the SDK says where EC2 gave no code.
      code: /^(Unknown|Error|NotFound)$/.test(name) ? `HTTP ${status}` : name,
      message,
      status,
      ...(Number.isNaN(date) ? {} : { ahead: date - now }),
      ...(typeof requestId === "string" ? { requestId } : {}),
    };
  }
  if (message.startsWith("Region is missing")) return { code: "InvalidParameter", message };
  const code: unknown = Reflect.get(error, "code");
  return typeof code === "string" ? { code, message } : undefined;
}

function objectAt(holder: unknown, key: string): Readonly<Record<string, unknown>> | undefined {
  if (typeof holder !== "object" || holder === null) return undefined;
  const value: unknown = Reflect.get(holder, key);
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}

function detail({ message, ahead, unsigned }: Failure, fault: CloudFault): string {
  if (fault.kind !== "credentials" || unsigned === true) return text(message);
  if (fault.why !== "clock-skew" || ahead === undefined) return text(message);
  const seconds = Math.round(Math.abs(ahead) / 1000);
  return `: this clock is ${seconds} s ${ahead > 0 ? "behind" : "ahead of"} EC2's`;
}

/** The first line: what is after it may quote the request. */
function text(message: string): string {
  const [line = ""] = message.split(/\r?\n| ?Encoded authorization failure message/, 1);
  const clean = line
    .replaceAll(/\b(AKIA|ASIA)[A-Z0-9]{12,}\b/g, "$1…")
    .replaceAll(/(x-amz-security-token\W+)\S+/gi, "$1…")
    .slice(0, 300);
  return clean === "" ? "" : `: ${clean}`;
}
