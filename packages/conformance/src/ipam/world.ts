import assert from "node:assert/strict";
import {
  isNetloomError,
  parseAddress,
  parseCidr,
  type AllocateOptions,
  type Family,
  type Ipam,
  type IpamContext,
  type Lease,
} from "@netloom/core";
import type { Check } from "../kit/check.ts";

/** An IPAM, what it is started with, and what stands around it. */
export interface IpamWorld {
  readonly context: IpamContext;
  readonly families: readonly Family[];
  /** What most checks ask for. */
  readonly ask: AllocateOptions;
  readonly patience: number;
  /** One that has not been started. */
  readonly create: () => Ipam;
  /** One that has, with its surroundings. The second of a world is the first after a restart. */
  readonly start: () => Promise<Ipam>;
  readonly surround: () => Promise<void>;
  /** Lets its node have another range of each family, once it has started. */
  readonly grow: () => Promise<void>;
}

export type IpamCheck = Check<IpamWorld>;

/** Leases until there are no more. */
export async function exhaust(ipam: Ipam, ask: AllocateOptions, owner = "filler"): Promise<readonly Lease[]> {
  const leases: Lease[] = [];
  for (;;) {
    try {
      leases.push(await ipam.allocate(`${owner}${leases.length}`, ask));
    } catch (error) {
      if (isNetloomError(error, "ERR_IPAM_EXHAUSTED")) return leases;
      throw error;
    }
    assert.ok(leases.length < 10_000, "the ranges that the kit gave are small, and there is no end to them");
  }
}

export function addressesOf(leases: readonly Lease[]): readonly string[] {
  return leases.flatMap(({ addresses }) => addresses);
}

export function familyOf(address: string): Family {
  return parseAddress(address).family;
}

/** Free addresses of each family. */
export function freeOf(ipam: Ipam, family: Family): number {
  return sum(ipam, family, ({ free }) => free);
}

type Range = ReturnType<Ipam["status"]>["ranges"][number];

function sum(ipam: Ipam, family: Family, count: (range: Range) => number): number {
  return ipam
    .status()
    .ranges.filter(({ range }) => range.includes(":") === (family === 6))
    .reduce((total, range) => total + count(range), 0);
}

export function isIn(ranges: readonly string[], address: string): boolean {
  return ranges.some((range) => parseCidr(range).contains(parseAddress(address)));
}

/** An address of a family that is in no range of the node. */
export function foreign(family: Family): string {
  return family === 4 ? "203.0.113.7" : "2001:db8:ffff::7";
}

/** Nothing of it has changed meanwhile. */
export async function unchanged(what: string, ipam: Ipam, act: () => Promise<unknown>): Promise<void> {
  const before = ipam.status();
  await act();
  assert.deepEqual(ipam.status(), before, what);
}

/** One address of each of these families, and no more. */
export function assertFamilies(addresses: readonly string[], families: readonly Family[]): void {
  const ascending = (found: readonly Family[]): readonly Family[] => found.toSorted((a, b) => a - b);
  assert.deepEqual(ascending(addresses.map(familyOf)), ascending(families));
}
