import type { Family } from "@netloom/core";
import { CloudError, type AssignRequest, type CloudCall, type UnassignRequest } from "@netloom/ipam-cloud";
import type { Ec2 } from "./ec2.ts";
import { faultKindOf, isFaultOf } from "./errors.ts";
import { findInterface } from "./network.ts";
import { addressOf, canonical, interfaceOf } from "./views.ts";

/** Addresses and IPv4 prefixes by count or exactly these, IPv6 prefixes. Resolves to what is new. */
export async function assign(ec2: Ec2, request: AssignRequest, call: CloudCall): Promise<readonly string[]> {
  const { interface: id, family, prefix, count, exact } = request;
  const isBlock = prefix === (family === 4 ? 28 : 80);
  if (!isBlock && !(family === 4 && prefix === 32))
    throw new CloudError({ kind: "invalid" }, `EC2 has no /${prefix} of IPv${family} for pods`);
  if (exact === undefined) return send(ec2, request, undefined, isBlock, call);
  let missing = exact;
  // What the interface has of them EC2 refuses to assign again.
  for (let attempt = 1; missing.length > 0; attempt++) {
    try {
      await send(ec2, { ...request, count }, missing, isBlock, call);
      break;
    } catch (error) {
      if (faultKindOf(error) !== "conflict in-use" || attempt > 2) throw error;
      const has = await cidrsOf(ec2, id, call);
      const rest = missing.filter((cidr) => !has.has(cidr));
      if (rest.length === missing.length) throw error;
      missing = rest;
    }
  }
  return exact;
}

async function send(
  ec2: Ec2,
  { interface: id, family, count }: AssignRequest,
  exact: readonly string[] | undefined,
  blocks: boolean,
  call: CloudCall,
): Promise<readonly string[]> {
  const about = { interface: id, blocks };
  const input = { NetworkInterfaceId: id };
  if (family === 6) {
    const which = exact === undefined ? { Ipv6PrefixCount: count } : { Ipv6Prefixes: [...exact] };
    const answer = await ec2.send("AssignIpv6Addresses", { ...input, ...which }, call, about);
    return (answer.AssignedIpv6Prefixes ?? []).map((cidr) => canonical(cidr, 6));
  }
  const which = blocks
    ? exact === undefined
      ? { Ipv4PrefixCount: count }
      : { Ipv4Prefixes: [...exact] }
    : exact === undefined
      ? { SecondaryPrivateIpAddressCount: count }
      : { PrivateIpAddresses: exact.map(addressOf) };
  const answer = await ec2.send("AssignPrivateIpAddresses", { ...input, ...which }, call, about);
  const prefixes = answer.AssignedIpv4Prefixes?.map(({ Ipv4Prefix }) => Ipv4Prefix) ?? [];
  const singles = answer.AssignedPrivateIpAddresses?.map(({ PrivateIpAddress }) => PrivateIpAddress) ?? [];
  return [...prefixes, ...singles].filter((text) => text !== undefined).map((text) => canonical(text, 4));
}

/** What the interface does not have is no error. */
export async function unassign(ec2: Ec2, request: UnassignRequest, call: CloudCall): Promise<void> {
  const { interface: id, cidrs } = request;
  for (const [family, single] of [
    [4, true],
    [4, false],
    [6, false],
  ] as const) {
    let given = cidrs.filter(
      (cidr) => cidr.includes(":") === (family === 6) && cidr.endsWith("/32") === single,
    );
    while (given.length > 0) {
      try {
        await take(ec2, id, family, single, given, call);
        break;
      } catch (error) {
        if (faultKindOf(error) === "gone interface") break;
        if (!isFaultOf(error, "invalid", "gone")) throw error;
        // EC2 takes all or none: where some are gone, the others are asked for without them.
        const has = await cidrsOf(ec2, id, call);
        const rest = given.filter((cidr) => has.has(cidr));
        if (rest.length === given.length) throw error;
        given = rest;
      }
    }
  }
}

async function take(
  ec2: Ec2,
  id: string,
  family: Family,
  single: boolean,
  cidrs: readonly string[],
  call: CloudCall,
): Promise<void> {
  const input = { NetworkInterfaceId: id };
  if (family === 6) {
    await ec2.send("UnassignIpv6Addresses", { ...input, Ipv6Prefixes: [...cidrs] }, call, { interface: id });
    return;
  }
  const which = single ? { PrivateIpAddresses: cidrs.map(addressOf) } : { Ipv4Prefixes: [...cidrs] };
  await ec2.send("UnassignPrivateIpAddresses", { ...input, ...which }, call, { interface: id });
}

/** What it has for pods, as it is seen now. */
async function cidrsOf(ec2: Ec2, id: string, call: CloudCall): Promise<ReadonlySet<string>> {
  const one = await findInterface(ec2, id, call);
  const addresses = one === undefined ? [] : interfaceOf(one, "").addresses;
  return new Set(addresses.filter(({ role }) => role !== "primary").map(({ cidr }) => cidr));
}
