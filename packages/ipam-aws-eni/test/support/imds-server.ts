import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Of what kind: as instances have it; version 1 only; switched off; one that never answers; one that forgets its tokens. */
export type ImdsKind = "v2" | "v1-only" | "off" | "silent" | "forgetful" | "nonsense";

export interface ImdsServer extends AsyncDisposable {
  readonly url: string;
  /** Method and path of every request. */
  readonly asked: readonly string[];
}

const TOKEN = "simulated-token";
const MAC = "02:00:00:00:00:01";

export interface ImdsFacts {
  readonly instanceId: string;
  readonly instanceType: string;
  readonly availabilityZone: string;
}

/** An instance metadata service on the loopback interface. */
export async function serveImds(kind: ImdsKind = "v2", facts: Partial<ImdsFacts> = {}): Promise<ImdsServer> {
  const asked: string[] = [];
  const document = {
    accountId: "123456789012",
    availabilityZone: "eu-west-1a",
    instanceId: "i-0123456789abcdef0",
    instanceType: "m6i.large",
    region: "eu-west-1",
    ...facts,
  };
  const answers: Readonly<Record<string, string>> = {
    "/latest/dynamic/instance-identity/document":
      kind === "nonsense" ? "<html>welcome</html>" : JSON.stringify(document),
    "/latest/meta-data/mac": MAC,
    [`/latest/meta-data/network/interfaces/macs/${MAC}/vpc-id`]: "vpc-sim",
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = "", url = "", headers } = request;
    asked.push(`${method} ${url}`);
    const end = (status: number, body = ""): void => void response.writeHead(status).end(body);
    if (kind === "silent") return;
    if (kind === "off") return end(403);
    if (method === "PUT") {
      if (kind === "v1-only") return end(405);
      const isToken = url === "/latest/api/token" && "x-aws-ec2-metadata-token-ttl-seconds" in headers;
      return isToken ? end(200, TOKEN) : end(400);
    }
    const isKnown = headers["x-aws-ec2-metadata-token"] === TOKEN && kind !== "forgetful";
    if (!isKnown && kind !== "v1-only") return end(401);
    const body = answers[url];
    return body === undefined ? end(404) : end(200, body);
  };
  const server = createServer(answer);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
