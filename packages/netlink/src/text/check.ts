import { invalid } from "../errors.ts";

const MAX_U32 = 0xffff_ffff;

/** Returns `value` when it is an integer within the bounds, else throws `ERR_INVALID` naming it. */
export function integer(op: string, what: string, value: number, min = 0, max: number = MAX_U32): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(op, value, `${what}: an integer from ${min} to ${max}`);
}

/**
 * A device name as the kernel takes it (net/core/dev.c, dev_valid_name): 1–15 bytes, no slash, colon or
 * white space.
 */
export function deviceName(op: string, name: string): string {
  const good = typeof name === "string" && /^[^\s/:\0]+$/.test(name) && name !== "." && name !== "..";
  if (good && Buffer.byteLength(name) <= 15) return name;
  throw invalid(op, name, "a device name: 1 to 15 bytes without slash, colon or white space");
}
