import { isNetloomError } from "../errors.ts";

/** Somebody else was first: read again. */
export function isRace(error: unknown): boolean {
  return (
    isNetloomError(error, "ERR_STORE_EXISTS") ||
    isNetloomError(error, "ERR_STORE_CONFLICT") ||
    isNetloomError(error, "ERR_STORE_NOT_FOUND")
  );
}
