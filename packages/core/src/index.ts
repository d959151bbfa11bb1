export { ERROR_CODES, NetloomError, isNetloomError, messageOf } from "./errors.ts";
export type { ErrorCode, NetloomErrorOptions } from "./errors.ts";
