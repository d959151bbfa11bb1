import type { IncomingMessage, ServerResponse } from "node:http";
import { SimCloudError, SimConnectionError } from "../cloud/refusal.ts";
import type { SimCloud } from "../cloud/sim-cloud.ts";
import { computeOf } from "../compute/gcp-like.ts";
import { errorJson, type Json } from "./compute-json.ts";
import { ComputeRequestError, methodOf } from "./compute-methods.ts";
import { serve, type CloudServer } from "./server.ts";

/**
 * Speaks Compute Engine's REST API (`/compute/v1`), as far as IPAM uses it. Requests must bear a token or an API key,
 * whatever it is.
 *
 * @param cloud - of every project, or of the one whose id it is given
 */
export function serveCompute(
  cloud: SimCloud | ((project: string) => SimCloud | undefined),
): Promise<CloudServer> {
  const cloudOf = typeof cloud === "function" ? cloud : () => cloud;
  return serve((request, response) => answer(cloudOf, request, response));
}

async function answer(
  cloudOf: (project: string) => SimCloud | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const url = new URL(request.url ?? "/", "http://127.0.0.1");
  try {
    if (request.headers.authorization === undefined && request.headers["x-goog-api-key"] === undefined)
      throw new ComputeRequestError(401, "required", "Login Required.");
    const method = methodOf(request.method ?? "GET", url.pathname);
    const project = url.pathname.split("/")[4]!;
    const sim = cloudOf(project);
    if (sim === undefined)
      throw new ComputeRequestError(404, "notFound", `The resource 'projects/${project}' was not found`);
    const body = bodyOf(Buffer.concat(chunks).toString());
    write(response, 200, await method(computeOf(sim), sim, url, body));
  } catch (error) {
    // As when a connection breaks: whether anything happened, the client cannot know.
    if (error instanceof SimConnectionError) response.destroy();
    else refuse(response, error, url.pathname);
  }
}

function refuse(response: ServerResponse, error: unknown, path: string): void {
  const [status, reason, message] =
    error instanceof ComputeRequestError
      ? [error.status, error.reason, error.message]
      : error instanceof SimCloudError
        ? refusalOf(error, path)
        : [500, "backendError", String(error)];
  write(response, status, errorJson(status, reason, message));
}

/** As Google words it: who is not allowed to do something is told the permission, what is gone is named by its path. */
function refusalOf({ code, subject, message }: SimCloudError, path: string): [number, string, string] {
  const resource = path.replace(/^\/compute\/v1\//, "").replace(/\/(updateNetworkInterface|wait)$/, "");
  switch (code) {
    case "rateLimitExceeded":
      return [403, code, `Quota exceeded for quota group '${subject}' and limit 'Queries per minute'.`];
    case "forbidden":
      return [403, code, `Required 'compute.${permissionOf(subject)}' permission for '${resource}'`];
    case "conditionNotMet":
      return [412, code, "Invalid fingerprint."];
    case "backendError":
      return [503, code, message];
    case "notFound.instance":
    case "notFound.subnetwork":
      return [404, "notFound", `The resource '${resource}' was not found`];
    case "notFound.networkInterface":
      return [400, "invalid", `Invalid value for field 'networkInterface': '${subject}'. It does not exist.`];
    default:
      return [400, code, message];
  }
}

/** Waiting for an operation takes what reading it takes. */
function permissionOf(action: string): string {
  return action === "zoneOperations.wait" ? "zoneOperations.get" : action;
}

function bodyOf(text: string): Json {
  if (text === "") return {};
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new ComputeRequestError(400, "parseError", "Parse Error");
  }
}

function write(response: ServerResponse, status: number, body: Json): void {
  response.writeHead(status, { "content-type": "application/json; charset=UTF-8" });
  response.end(JSON.stringify(body));
}
