import { NetloomError, messageOf } from "../errors.ts";
import type { Address } from "./address.ts";
import { Cidr, cidrAround, formatCidr } from "./cidr.ts";
import { parseAddress } from "./parse.ts";

/**
 * Reads `address/length`. IPv6 text at or below `::ffff:0:0/96` names an IPv4 prefix, as it does for addresses:
 * `::ffff:10.0.0.0/104` is 10.0.0.0/8.
 *
 * @throws {@link NetloomError} `ERR_CIDR_INVALID`, suggesting what was probably meant: a bare address, a netmask in
 *   place of the length, or host bits set (10.0.0.1/24 is refused with 10.0.0.0/24 as the remedy).
 */
export function parseCidr(text: string): Cidr {
  const slash = typeof text === "string" ? text.indexOf("/") : -1;
  if (slash < 0) throw refuseWithoutLength(text);
  const address = addressOf(text, text.slice(0, slash));
  return new Cidr(address, lengthOf(text, address, text.slice(slash + 1), text.includes(":")));
}

function addressOf(input: string, text: string): Address {
  try {
    return parseAddress(text);
  } catch (error) {
    throw new NetloomError(
      "ERR_CIDR_INVALID",
      `${JSON.stringify(input)} is not a CIDR: ${messageOf(error)}`,
      {
        input,
        cause: error,
      },
    );
  }
}

function lengthOf(input: string, address: Address, text: string, written6: boolean): number {
  const mapped = written6 && address.family === 4;
  const least = mapped ? 96 : 0;
  const most = written6 ? 128 : 32;
  const length = /^(?:0|[1-9]\d{0,2})$/.test(text) ? Number(text) : -1;
  if (length >= least && length <= most) return mapped ? length - 96 : length;
  const meant = netmaskLength(text);
  throw new NetloomError(
    "ERR_CIDR_INVALID",
    `${JSON.stringify(input)} is not a CIDR: ${JSON.stringify(text)} is no length`,
    {
      input,
      remedy:
        meant !== undefined && address.family === 4
          ? `write ${formatCidr(cidrAround(address, meant))}`
          : `use a whole number from ${least} to ${most} after the slash`,
    },
  );
}

/** 255.255.0.0 is 16; `undefined` when it is no netmask. */
function netmaskLength(text: string): number | undefined {
  if (!/^\d+(\.\d+){3}$/.test(text)) return undefined;
  const value = text.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const length = Math.clz32(~value);
  return value === (length === 0 ? 0 : (-1 << (32 - length)) >>> 0) ? length : undefined;
}

function refuseWithoutLength(text: unknown): NetloomError {
  const shown = typeof text === "string" ? JSON.stringify(text) : String(text);
  return new NetloomError("ERR_CIDR_INVALID", `${shown} is not a CIDR: it has no prefix length`, {
    input: text,
    remedy:
      typeof text === "string" && text.includes(":")
        ? "add one, e.g. /64 or /128"
        : "add one, e.g. /24 or /32",
  });
}
