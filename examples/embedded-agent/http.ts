import type { IncomingMessage, ServerResponse } from "node:http";
import { isNetloomError, messageOf } from "@netloom/core";

export interface Question {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  /** A text, or something to be told as JSON. */
  readonly body?: unknown;
  /** @defaultValue of a text `text/plain`, else `application/json` */
  readonly type?: string;
}

/** `undefined`: that is another's. */
export type Handler = (question: Question) => Promise<Reply | undefined>;

/** The question makes no sense: 400. */
export class BadQuestion extends Error {
  override readonly name = "BadQuestion";
}

const LONGEST = 65_536;

/** A listener for `createServer`: the first handler that has an answer gives it. */
export function answerWith(handlers: readonly Handler[]) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    ask(handlers, request)
      .catch(failure)
      .then(({ status, body, type }) => {
        const text = typeof body === "string";
        response.writeHead(status, { "content-type": type ?? (text ? "text/plain" : "application/json") });
        return response.end(text || body === undefined ? body : `${JSON.stringify(body)}\n`);
      })
      .catch((error: unknown) => response.destroy(error as Error));
  };
}

async function ask(handlers: readonly Handler[], request: IncomingMessage): Promise<Reply> {
  const { method = "GET" } = request;
  const path = pathOf(request.url ?? "/");
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) {
    // What is too long is read to its end all the same: else nobody would hear the answer.
    if (body.length <= LONGEST) body += String(chunk);
  }
  if (body.length > LONGEST) return { status: 413 };
  for (const handler of handlers) {
    const reply = await handler({ method, path, body });
    if (reply !== undefined) return reply;
  }
  return { status: 404 };
}

function pathOf(url: string): string {
  try {
    return decodeURIComponent(new URL(url, "http://localhost").pathname);
  } catch (error) {
    throw new BadQuestion("the path makes no sense", { cause: error });
  }
}

const STATUS: Readonly<Record<string, number>> = {
  ERR_CLOSED: 503,
  ERR_ENDPOINT_EXISTS: 409,
  ERR_PERMISSION: 500,
  ERR_SYSCALL: 500,
};

/** Errors of the network have codes: whoever asked can tell them apart, and whether to ask again. */
function failure(error: unknown): Reply {
  const message = messageOf(error);
  if (!isNetloomError(error)) return { status: error instanceof BadQuestion ? 400 : 500, body: { message } };
  const { code, retryable } = error;
  return { status: STATUS[code] ?? (retryable ? 503 : 400), body: { code, message, retryable } };
}
