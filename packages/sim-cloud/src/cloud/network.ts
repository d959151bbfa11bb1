import { parseCidr, type Family, type Random } from "@netloom/core";
import type { CloudPool, Wanted } from "@netloom/ipam-cloud";
import { AddressSpace, type Placement } from "./address-space.ts";
import type { SimPoolDefinition } from "./records.ts";
import { Refusal } from "./refusal.ts";

interface Subnet {
  readonly definition: SimPoolDefinition;
  readonly spaces: readonly AddressSpace[];
}

/** The subnets, and what of them is taken. */
export class Network {
  readonly #subnets = new Map<string, Subnet>();

  constructor(definitions: readonly SimPoolDefinition[], random: Random, placement: Placement) {
    for (const definition of definitions) {
      const spaces = definition.cidrs.map((cidr) => {
        const space = new AddressSpace(cidr, random, "scattered");
        if (space.family === 4) {
          const count = Math.floor(space.freeAddresses * (definition.occupied ?? 0));
          for (let taken = 0; taken < count; taken++) space.take(32);
        }
        space.placement = placement;
        return space;
      });
      this.#subnets.set(definition.id, { definition, spaces });
    }
  }

  get ids(): readonly string[] {
    return [...this.#subnets.keys()];
  }

  describe(id: string): CloudPool {
    const { definition, spaces } = this.#subnet(id);
    const ipv4 = spaces.filter(({ family }) => family === 4);
    const free = ipv4.reduce((sum, { freeAddresses }) => sum + freeAddresses, 0);
    return {
      id,
      zone: this.zone(id),
      cidrs: definition.cidrs,
      tags: definition.tags ?? {},
      ...(ipv4.length === 0 ? {} : { freeAddresses: { 4: free } }),
      ...(definition.routeDomain === undefined ? {} : { routeDomain: definition.routeDomain }),
    };
  }

  zone(id: string): string {
    return this.#subnet(id).definition.zone ?? "zone-a";
  }

  families(id: string): readonly Family[] {
    return [...new Set(this.#subnet(id).spaces.map(({ family }) => family))];
  }

  /** What a client of a real cloud cannot see: how many whole blocks are left. */
  freeBlocks(id: string, family: Family): number {
    return this.#of(id, family).reduce((sum, { freeBlocks }) => sum + freeBlocks, 0);
  }

  freeAddresses(id: string, family: Family): number {
    return this.#of(id, family).reduce((sum, { freeAddresses }) => sum + freeAddresses, 0);
  }

  /** All of them or none. @throws Refusal `pool-addresses`, `pool-blocks` or `invalid`. */
  take(id: string, { family, prefix, count }: Wanted): readonly string[] {
    const spaces = this.#of(id, family).filter((space) => space.offers(prefix));
    if (spaces.length === 0) throw new Refusal("invalid", id, `${id} has no /${prefix} of IPv${family}`);
    const taken: string[] = [];
    while (taken.length < count) {
      const next = this.#one(spaces, prefix);
      if (next === undefined) {
        this.release(id, taken);
        const what = prefix === 32 || prefix === 128 ? "addresses" : "blocks";
        throw new Refusal(`pool-${what}`, id, `${id} has not ${count} free ${what}`);
      }
      taken.push(next);
    }
    return taken;
  }

  /** @throws Refusal `address-taken` or `invalid`, and none is taken. */
  takeExactly(id: string, cidrs: readonly string[]): void {
    const taken: string[] = [];
    try {
      for (const cidr of cidrs) {
        this.#spaceOf(id, cidr).takeExactly(parseCidr(cidr));
        taken.push(cidr);
      }
    } catch (error) {
      this.release(id, taken);
      throw error;
    }
  }

  release(id: string, cidrs: readonly string[]): void {
    for (const cidr of cidrs) this.#spaceOf(id, cidr).release(parseCidr(cidr));
  }

  #one(spaces: readonly AddressSpace[], prefix: number): string | undefined {
    for (const space of spaces) {
      const taken = space.take(prefix);
      if (taken !== undefined) return taken;
    }
    return undefined;
  }

  #of(id: string, family: Family): readonly AddressSpace[] {
    return this.#subnet(id).spaces.filter((space) => space.family === family);
  }

  #spaceOf(id: string, cidr: string): AddressSpace {
    const wanted = parseCidr(cidr);
    const space = this.#subnet(id).spaces.find((space) => space.cidr.containsCidr(wanted));
    if (space === undefined) throw new Refusal("invalid", id, `${cidr} is not in ${id}`);
    return space;
  }

  #subnet(id: string): Subnet {
    const subnet = this.#subnets.get(id);
    if (subnet === undefined) throw new Refusal("pool-gone", id, `there is no ${id}`);
    return subnet;
  }
}
