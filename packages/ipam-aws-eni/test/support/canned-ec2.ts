import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Breaks the connection. */
export const DROP = Symbol("drop");

/** What is said to a request: XML inside of the answer's element, a refusal, or nothing at all. */
export type Said =
  | string
  | { readonly code: string; readonly message?: string; readonly status?: number; readonly date?: string }
  | { readonly status: number; readonly body: string }
  | typeof DROP;

export interface CannedEc2 extends AsyncDisposable {
  readonly url: string;
  /** Parameters of every request, in order. */
  readonly requests: readonly URLSearchParams[];
}

/** Answers each action as it is told to, or one request after the other where it is told a list. */
export async function cannedEc2(
  answers: Readonly<Record<string, Said | readonly Said[]>>,
): Promise<CannedEc2> {
  const requests: URLSearchParams[] = [];
  const counts = new Map<string, number>();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    requests.push(form);
    const action = form.get("Action") ?? "";
    const given = answers[action] ?? answers["*"] ?? { code: "InvalidAction" };
    const count = counts.get(action) ?? 0;
    counts.set(action, count + 1);
    const said = Array.isArray(given)
      ? (given as readonly Said[])[Math.min(count, given.length - 1)]!
      : given;
    say(response, action, said as Said);
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function say(response: ServerResponse, action: string, said: Said): void {
  if (said === DROP) return void response.destroy();
  if (typeof said === "string")
    return void response
      .writeHead(200, { "content-type": "text/xml" })
      .end(`<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">${said}</${action}Response>`);
  if ("body" in said) return void response.writeHead(said.status).end(said.body);
  const { code, message = "no", status = 400, date } = said;
  response.writeHead(status, { "content-type": "text/xml", ...(date === undefined ? {} : { date }) });
  response.end(
    `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>r-1</RequestID></Response>`,
  );
}
