import { messageOf, NetloomError, type NetloomErrorOptions } from "@netloom/core";

/** Who the instance is that this runs on. */
export interface InstanceIdentity {
  /** E.g. `i-0123456789abcdef0`. */
  readonly instance: string;
  readonly instanceType: string;
  /** Availability zone, e.g. `eu-west-1a`. */
  readonly zone: string;
  readonly region: string;
  readonly account: string;
  /** Id of the VPC that its first interface is in. */
  readonly vpc: string;
}

export interface ImdsOptions {
  /** @defaultValue `AWS_EC2_METADATA_SERVICE_ENDPOINT`, or `http://169.254.169.254` */
  readonly endpoint?: string;
  /** For each answer, in milliseconds. @defaultValue 2000 */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

const IDENTITY = "dynamic/instance-identity/document";
const HOPS = "in a container set the instance's HttpPutResponseHopLimit to 2, or use the host's network";

/**
 * Asks the instance metadata service, version 2 of it: version 1 answers whoever can make this process send a request.
 *
 * @throws {@link NetloomError} `ERR_CLOUD_UNAVAILABLE` where nobody answers, `ERR_PERMISSION` where it is switched off,
 * `ERR_UNSUPPORTED` where it speaks version 1 only, `ERR_CLOUD_INVALID` where an answer makes no sense.
 */
export async function imds(options: ImdsOptions = {}): Promise<InstanceIdentity> {
  const { signal, timeout = 2000 } = options;
  const environment = process.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"];
  const endpoint = (options.endpoint ?? environment ?? "http://169.254.169.254").replace(/\/$/, "");
  const session: Session = { endpoint, timeout, ...(signal === undefined ? {} : { signal }) };
  const token = await tokenOf(session);
  const document = parse(await read(session, token, IDENTITY));
  const mac = await read(session, token, "meta-data/mac");
  const vpc = await read(session, token, `meta-data/network/interfaces/macs/${mac}/vpc-id`);
  return { ...document, vpc };
}

interface Session {
  readonly endpoint: string;
  readonly timeout: number;
  readonly signal?: AbortSignal;
}

async function tokenOf(session: Session): Promise<string> {
  const headers = { "x-aws-ec2-metadata-token-ttl-seconds": "60" };
  const answer = await ask(session, "api/token", { method: "PUT", headers });
  if (answer.status === 200) return answer.text;
  if (answer.status === 403) {
    throw failure("ERR_PERMISSION", `${session.endpoint} is switched off`, {
      remedy: "set the instance's HttpEndpoint to enabled, or give the option instance",
    });
  }
  if (answer.status >= 500) throw unavailable(session, `answers ${answer.status}`);
  throw failure("ERR_UNSUPPORTED", `${session.endpoint} does not give tokens (it answers ${answer.status})`, {
    input: session.endpoint,
    remedy: "IMDSv2 is needed: version 1 is not used; check what answers there, or give the option instance",
  });
}

async function read(session: Session, token: string, path: string): Promise<string> {
  const { status, text } = await ask(session, path, { headers: { "x-aws-ec2-metadata-token": token } });
  if (status === 200 && text !== "") return text;
  if (status === 401 || status >= 500) throw unavailable(session, `answers ${status} to ${path}`);
  throw failure("ERR_CLOUD_INVALID", `${session.endpoint} answers ${status} to ${path}`, {
    input: path,
    remedy: "check what answers there, or give the option instance",
  });
}

async function ask(
  { endpoint, timeout, signal }: Session,
  path: string,
  init: { readonly method?: string; readonly headers: Readonly<Record<string, string>> },
): Promise<{ readonly status: number; readonly text: string }> {
  signal?.throwIfAborted();
  const limit = AbortSignal.timeout(timeout);
  const either = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  try {
    return await send(`${endpoint}/latest/${path}`, { ...init, signal: either });
  } catch (error) {
    signal?.throwIfAborted();
    const why = limit.aborted
      ? `does not answer within ${timeout} ms`
      : `cannot be asked (${messageOf(error)})`;
    throw unavailable({ endpoint }, why, limit.aborted ? HOPS : undefined);
  }
}

/** With an agent of its own: a proxy, which `fetch` may go by, is an instance too, and would say who it is itself. */
async function send(
  url: string,
  options: {
    readonly method?: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly status: number; readonly text: string }> {
  const { request } = await import("node:http");
  return new Promise((resolve, reject) => {
    const sent = request(url, { ...options, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("error", reject);
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text: text.trim() }));
    });
    sent.on("error", reject).end();
  });
}

function parse(text: string): Omit<InstanceIdentity, "vpc"> {
  const document = objectIn(text);
  const field = (name: string): string => {
    const value = document[name];
    if (typeof value === "string" && value !== "") return value;
    throw failure("ERR_CLOUD_INVALID", `the instance's identity document has no ${name}`, {
      input: name,
      remedy: "check what answers there, or give the option instance",
    });
  };
  return {
    instance: field("instanceId"),
    instanceType: field("instanceType"),
    zone: field("availabilityZone"),
    region: field("region"),
    account: field("accountId"),
  };
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function unavailable(
  { endpoint }: { readonly endpoint: string },
  why: string,
  remedy?: string,
): NetloomError {
  return failure("ERR_CLOUD_UNAVAILABLE", `the instance metadata service at ${endpoint} ${why}`, {
    input: endpoint,
    retryable: true,
    remedy: remedy ?? "run on an EC2 instance, or give the option instance",
  });
}

function failure(code: string, message: string, options: NetloomErrorOptions): NetloomError {
  return new NetloomError(code, message, { backend: "aws-eni", ...options });
}
