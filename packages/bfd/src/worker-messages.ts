import type { Intervals } from "./session.ts";
import type { SessionStatus, WatchOptions } from "./types.ts";

/** To the thread that does the work. */
export type Order =
  | { readonly kind: "watch"; readonly id: number; readonly options: WatchOptions }
  | { readonly kind: "set"; readonly id: number; readonly intervals: Partial<Intervals> }
  | { readonly kind: "close"; readonly id: number }
  | { readonly kind: "end" };

/** From it. */
export type Report =
  | {
      readonly kind: "status";
      readonly id: number;
      readonly status: SessionStatus;
      readonly changed: boolean;
    }
  | { readonly kind: "discarded"; readonly counts: ReadonlyMap<string, number> }
  | { readonly kind: "error"; readonly id: number | undefined; readonly error: PlainError };

/** An error, as far as it gets from one thread to another. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

export function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), properties: {} };
  // The cause stays behind: it may be anything.
  const kept = Object.entries(error).filter(([property]) => property !== "cause" && property !== "name");
  return { name: error.name, message: error.message, properties: Object.fromEntries(kept) };
}

export function errorOf({ name, message, properties }: PlainError): Error {
  return Object.assign(new Error(message), properties, { name });
}
