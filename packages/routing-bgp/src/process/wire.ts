/**
 * How an agent and a `netloom-bgp` speak: a line of JSON each, over a Unix socket. The agent says hello with the versions
 * it knows, the process answers with the one to use or a refusal; then come calls with ids, their answers in the same
 * order, and events.
 */
import { NetloomError } from "@netloom/core";

/** The newest version of the protocol. One that changes what a message means gets another number. */
export const VERSION = 1;

/** Characters of a line at most. Sets of routes come in pieces well below. */
const LINE_LIMIT = 8 * 1024 * 1024;

export interface AgentHello {
  readonly type: "hello";
  readonly versions: readonly number[];
}

export interface ProcessHello {
  readonly type: "hello";
  readonly version: number;
  readonly pid: number;
  /** The speaker runs. */
  readonly configured: boolean;
  /** What it advertises, set by set, in short. */
  readonly digests: Readonly<Record<string, string>>;
}

export interface Refusal {
  readonly type: "refused";
  readonly code: string;
  readonly message: string;
}

export interface Call {
  readonly id: number;
  readonly call: string;
  readonly parameters: readonly unknown[];
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly code: string | undefined; readonly message: string } };

export interface EventMessage {
  readonly event: string;
  readonly parameters: readonly unknown[];
}

/** One line, without its end. Attributes have numbers of 64 bits and bytes, which JSON has not. */
export function encodeLine(message: unknown): string {
  return JSON.stringify(message, (_key, value: unknown) => {
    if (typeof value === "bigint") return { $bigint: value.toString() };
    if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
    return value;
  });
}

/** @throws `SyntaxError` where it is no JSON. */
export function decodeLine(line: string): unknown {
  return JSON.parse(line, (_key, value: unknown) => {
    if (typeof value !== "object" || value === null) return value;
    if ("$bigint" in value && typeof value.$bigint === "string") return BigInt(value.$bigint);
    if ("$bytes" in value && typeof value.$bytes === "string")
      return new Uint8Array(Buffer.from(value.$bytes, "base64"));
    return value;
  });
}

/**
 * The lines of a stream, one by one: no more is read than is asked for.
 *
 * @throws {@link NetloomError} `ERR_CAPACITY` where a line is longer than `limit`.
 */
export async function* linesOf(stream: AsyncIterable<unknown>, limit = LINE_LIMIT): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const pieces = decoder.decode(chunk as Uint8Array, { stream: true }).split("\n");
    for (const [index, piece] of pieces.entries()) {
      length += piece.length;
      if (length > limit) throw tooLong(limit);
      parts.push(piece);
      if (index === pieces.length - 1) break;
      yield parts.join("");
      parts = [];
      length = 0;
    }
  }
}

function tooLong(limit: number): NetloomError {
  return new NetloomError("ERR_CAPACITY", `a line of more than ${limit} characters`, {
    remedy: "send it in pieces",
    backend: "bgp",
  });
}
