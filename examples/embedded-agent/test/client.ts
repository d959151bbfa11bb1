import type { Service } from "../service.ts";

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** Where it is JSON. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** Asks a service over HTTP, by loopback: `POST /pods`. */
export async function ask(
  { port }: Pick<Service, "port">,
  question: `${string} /${string}`,
  body?: unknown,
): Promise<Answer> {
  const [method = "", path = ""] = question.split(" ");
  const sent = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, ...sent });
  const text = await response.text();
  const json = response.headers.get("content-type") === "application/json" && text !== "";
  return { status: response.status, text, json: json ? (JSON.parse(text) as Answer["json"]) : {} };
}
