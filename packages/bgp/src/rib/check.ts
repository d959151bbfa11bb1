import { BgpError } from "../errors.ts";
import { parseAddress } from "../wire/address.ts";
import type { LargeCommunity } from "../wire/attributes.ts";
import { parseCommunity, parseLargeCommunity } from "../wire/communities.ts";

/** A configuration that cannot be right: says which input, and what would be. */
export function refuse(where: string, input: unknown, expected: string): BgpError {
  return new BgpError("ERR_BGP_CONFIG", `${where}: ${JSON.stringify(input)} is not ${expected}`, { input });
}

export function checkNumber(where: string, input: number, minimum: number, maximum: number): number {
  if (Number.isInteger(input) && input >= minimum && input <= maximum) return input;
  throw refuse(where, input, `a number from ${minimum} to ${maximum}`);
}

export function checkUint32(where: string, input: number): number {
  return checkNumber(where, input, 0, 0xffffffff);
}

export function checkAddress(where: string, input: string): string {
  if (typeof input === "string" && parseAddress(input) !== undefined) return input;
  throw refuse(where, input, "an IP address");
}

export function checkCommunities(where: string, inputs: readonly string[] = []): readonly number[] {
  return inputs.map((input, at) => {
    const community = parseCommunity(input);
    if (community === undefined)
      throw refuse(`${where}[${at}]`, input, "a community such as 65000:1 or no-export");
    return community;
  });
}

export function checkLargeCommunities(
  where: string,
  inputs: readonly string[] = [],
): readonly LargeCommunity[] {
  return inputs.map((input, at) => {
    const community = parseLargeCommunity(input);
    if (community === undefined)
      throw refuse(`${where}[${at}]`, input, "a large community such as 65000:1:2");
    return community;
  });
}
