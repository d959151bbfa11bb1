/**
 * The simulated cloud over HTTP on the loopback interface, in the wire format of real ones: for their SDKs.
 *
 * @packageDocumentation
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { SimCloudError, SimConnectionError } from "../cloud/refusal.ts";
import type { SimCloud } from "../cloud/sim-cloud.ts";
import { ec2Of } from "../ec2/aws-like.ts";
import { EC2_ACTIONS } from "./ec2-actions.ts";
import { Form, MissingParameterError } from "./form.ts";
import { serve, type CloudServer } from "./server.ts";
import { element } from "./xml.ts";

export type { CloudServer } from "./server.ts";
export { serveCompute } from "./compute.ts";

export { arm, serveArm, type ArmMachineKind } from "./arm.ts";

/** Speaks EC2's Query API. Requests must be signed, by whomever: nobody checks the signature. */
export function serveEc2(sim: SimCloud): Promise<CloudServer> {
  return serve((request, response) => answer(sim, request, response));
}

async function answer(sim: SimCloud, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const form = new Form(Buffer.concat(chunks).toString());
  const name = form.text("Action") ?? "";
  try {
    if (request.headers.authorization === undefined)
      throw new SimCloudError("MissingAuthenticationToken", "", "Request is missing Authentication Token");
    const action = Object.hasOwn(EC2_ACTIONS, name) ? EC2_ACTIONS[name] : undefined;
    if (action === undefined) throw new SimCloudError("InvalidAction", name, `there is no action ${name}`);
    const body = await action(form, ec2Of(sim), sim);
    send(response, 200, `${name}Response`, { requestId: "sim", ...(body as object) });
  } catch (error) {
    // As when a connection breaks: whether anything happened, the client cannot know.
    if (error instanceof SimConnectionError) response.destroy();
    else refuse(response, error);
  }
}

function refuse(response: ServerResponse, error: unknown): void {
  const [code, status] =
    error instanceof SimCloudError
      ? [error.code, STATUS[error.code] ?? 400]
      : [error instanceof MissingParameterError ? "MissingParameter" : "InternalError", 400];
  const message = error instanceof Error ? error.message : String(error);
  const body = `<Errors>${element("Error", { Code: code, Message: message })}</Errors>${element("RequestID", "sim")}`;
  write(response, status, `<Response>${body}</Response>`);
}

const STATUS: Readonly<Record<string, number>> = {
  InternalError: 500,
  RequestLimitExceeded: 503,
  Unavailable: 503,
  UnauthorizedOperation: 403,
};

function send(
  response: ServerResponse,
  status: number,
  name: string,
  body: Parameters<typeof element>[1],
): void {
  const root = element(name, body).replace(
    `<${name}>`,
    `<${name} xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">`,
  );
  write(response, status, root);
}

function write(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "text/xml;charset=UTF-8" });
  response.end(`<?xml version="1.0" encoding="UTF-8"?>\n${body}`);
}
