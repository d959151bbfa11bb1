import type { IpFamily } from "../text/ip.ts";
import { invalid } from "../errors.ts";

const AF_INET = 2;
export const AF_BRIDGE = 7;
const AF_INET6 = 10;

/** The address family number of an IP version. */
export function familyNumber(op: string, family: IpFamily): number {
  if (family === 4) return AF_INET;
  if (family === 6) return AF_INET6;
  throw invalid(op, family, "an IP version (4 or 6)");
}

/** The IP version of an address family; undefined for anything else. */
export function ipFamily(number: number | undefined): IpFamily | undefined {
  if (number === AF_INET) return 4;
  return number === AF_INET6 ? 6 : undefined;
}

/** What an address that the message leaves out stands for. */
export function anyAddress(family: IpFamily): string {
  return family === 4 ? "0.0.0.0" : "::";
}

/** The versions a list asks for, one dump each: a kernel without IPv6 then answers the IPv4 part as ever. */
export function families(family: IpFamily | undefined): readonly IpFamily[] {
  return family === undefined ? [4, 6] : [family];
}
