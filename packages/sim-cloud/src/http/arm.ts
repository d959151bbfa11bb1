import type { IncomingMessage, ServerResponse } from "node:http";
import { ARM_PERMISSIONS } from "../arm/permissions.ts";
import { ArmRestApi } from "../arm/rest-api.ts";
import { Refusal, SimCloudError, SimConnectionError } from "../cloud/refusal.ts";
import type { SimCloud } from "../cloud/sim-cloud.ts";
import { ARM_ROUTES, wireCode, type ArmAnswer } from "./arm-routes.ts";
import { serve, type CloudServer } from "./server.ts";
import { armNode, simNode, SUBSCRIPTION, subnetId } from "./arm-ids.ts";

export type { ArmMachineKind } from "./arm-ids.ts";

/** What things of the simulated cloud are called in Azure's resource manager. */
export const arm = {
  /** The only subscription there is. */
  subscription: SUBSCRIPTION,
  /** A node by its machine's resource id: of a machine on its own by default. */
  node: armNode,
  /** The node as the simulated cloud knows it. */
  simNode,
  /** A pool's resource id. */
  subnetId,
  /** What an account must be allowed to, for a request. */
  permission: (action: string): string => ARM_PERMISSIONS[action] ?? action,
} as const;

/**
 * Speaks Azure's resource manager API, as far as IPAM uses it: machines on their own and of a scale set, their interfaces,
 * subnets, operations. Each machine is both kinds, as the client asks. Requests must bear a token, whichever.
 */
export function serveArm(sim: SimCloud): Promise<CloudServer> {
  const api = new ArmRestApi(sim);
  return serve((request, response) => answer(api, sim, request, response));
}

async function answer(
  api: ArmRestApi,
  sim: SimCloud,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  try {
    const { body, headers = {} } = await ask(api, sim, request, Buffer.concat(chunks).toString());
    send(response, 200, body, headers);
  } catch (error) {
    // As when a connection breaks: whether anything happened, the client cannot know.
    if (error instanceof SimConnectionError) response.destroy();
    else refuse(api, response, error);
  }
}

async function ask(
  api: ArmRestApi,
  sim: SimCloud,
  request: IncomingMessage,
  text: string,
): Promise<ArmAnswer> {
  const { method, headers } = request;
  const url = `http://${headers.host ?? "127.0.0.1"}`;
  const { pathname: path, searchParams: query } = new URL(request.url ?? "/", url);
  if (headers.authorization?.startsWith("Bearer ") !== true)
    throw new SimCloudError("AuthenticationFailed", "", "The 'Authorization' header is missing.");
  if (!query.has("api-version"))
    throw new SimCloudError("MissingApiVersionParameter", "", "The api-version query parameter is required.");
  for (const route of ARM_ROUTES) {
    const names = method === route.method ? route.path.exec(path)?.slice(1) : undefined;
    if (names === undefined) continue;
    return route.answer({
      names,
      api,
      sim,
      url,
      path,
      skipToken: query.get("$skiptoken") ?? undefined,
      ifMatch: headers["if-match"],
      body: method === "PUT" ? parse(text) : undefined,
    });
  }
  throw new SimCloudError("InvalidResourceType", path, `there is nothing at ${path}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SimCloudError("InvalidRequestContent", "", "the body is no JSON");
  }
}

function refuse(api: ArmRestApi, response: ServerResponse, error: unknown): void {
  if (!(error instanceof SimCloudError)) {
    const [status, code] =
      error instanceof Refusal ? [400, "InvalidRequestFormat"] : [500, "InternalServerError"];
    return send(response, status, { error: { code, message: String(error) } });
  }
  const { code, subject, message } = error;
  send(
    response,
    STATUS[code] ?? 400,
    { error: { code: wireCode(code), message: code === "AuthorizationFailed" ? denial(subject) : message } },
    code === "TooManyRequests" ? { "retry-after": retryAfter(api, subject) } : {},
  );
}

const STATUS: Readonly<Record<string, number>> = {
  AuthenticationFailed: 401,
  AuthorizationFailed: 403,
  Conflict: 409,
  InternalServerError: 500,
  InvalidResourceType: 404,
  NetworkInterfaceNotFound: 404,
  PreconditionFailed: 412,
  ResourceNotFound: 404,
  ServiceUnavailable: 503,
  SubnetNotFound: 404,
  TooManyRequests: 429,
};

function denial(action: string): string {
  const scope = `/subscriptions/${SUBSCRIPTION}`;
  return `The client 'sim' with object id 'sim' does not have authorization to perform action '${arm.permission(action)}' over scope '${scope}' or the scope is invalid.`;
}

/** Seconds until the bucket has another token. */
function retryAfter({ throttles }: ArmRestApi, bucket: string): string {
  const { perSecond = 1 } = throttles.find(({ name }) => name === bucket) ?? {};
  return String(Math.max(1, Math.ceil(1 / perSecond)));
}

function send(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
  response.end(JSON.stringify(body));
}
