import { isNetloomError, messageOf, NetloomError } from "../errors.ts";

/** Where something stands in a policy: which one, once that is known, and the path in it, empty for all of it. */
export interface Place {
  readonly policy?: string | undefined;
  readonly path: string;
}

export function inside({ policy, path }: Place, step: string): Place {
  return { policy, path: step.startsWith("[") ? `${path}${step}` : `${path}.${step}` };
}

/** An object with these fields at most: a misspelt one would change what a policy means. */
export function objectAt(input: unknown, place: Place, known: readonly string[]): Record<string, unknown> {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw invalid(place, input, "is no object", `write an object with ${known.join(", ")}`);
  }
  const stranger = Object.keys(input).find((key) => !known.includes(key));
  if (stranger !== undefined) {
    throw invalid(inside(place, stranger), input, "is unknown", `known here: ${known.join(", ")}`);
  }
  return input as Record<string, unknown>;
}

export function listAt(input: unknown, place: Place, of: string): readonly unknown[] {
  if (Array.isArray(input)) return input;
  throw invalid(place, input, "is no list", `write a list of ${of}`);
}

export function integerAt(input: unknown, place: Place, least: number, most: number): number | undefined {
  if (input === undefined) return undefined;
  if (typeof input === "number" && Number.isInteger(input) && input >= least && input <= most) return input;
  throw invalid(place, input, "is out of range", `write a whole number from ${least} to ${most}`);
}

export function booleanAt(input: unknown, place: Place): boolean | undefined {
  if (input === undefined || typeof input === "boolean") return input;
  throw invalid(place, input, "is no boolean", "write true or false");
}

/** One of a list of words. */
export function wordAt<T extends string>(input: unknown, place: Place, words: readonly T[], of: string): T {
  const word = words.find((known) => known === input);
  if (word !== undefined) return word;
  throw invalid(place, input, `is no ${of}`, `write one of ${words.join(", ")}`);
}

/** Adds the place to what a smaller parser says. */
export function parsedAt<T>(place: Place, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isNetloomError(error)) throw error;
    throw new NetloomError("ERR_POLICY_INVALID", `${whole(place)}: ${messageOf(error)}`, {
      input: error.input,
      cause: error,
    });
  }
}

export function invalid(place: Place, input: unknown, what: string, remedy: string): NetloomError {
  const shown = input === undefined ? "" : ` ${show(input)}`;
  return new NetloomError("ERR_POLICY_INVALID", `${whole(place)}${shown} ${what}`, { input, remedy });
}

function whole({ policy, path }: Place): string {
  if (policy === undefined) return path;
  return path === "" ? `policy ${policy}` : `policy ${policy}: ${path}`;
}

function show(input: unknown): string {
  const text = JSON.stringify(input) ?? String(input);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
