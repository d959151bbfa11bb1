import { invalid } from "../errors.ts";

/** Passes an integer within bounds through. @throws {@link SocketError} `ERR_INVALID`. */
export function integer(op: string, what: string, value: number, low: number, high: number): number {
  if (!Number.isInteger(value) || value < low || value > high)
    throw invalid(op, value, `${what} from ${low} to ${high}`);
  return value;
}

export const port = (op: string, value: number): number => integer(op, "a port", value, 0, 0xffff);
