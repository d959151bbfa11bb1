import { cidrAround, hostCidr, parseCidr, type Cidr, type Family, type Random } from "@netloom/core";
import { Refusal } from "./refusal.ts";

/** Blocks are aligned to these, as EC2's prefixes are. */
const BLOCK_PREFIX: Readonly<Record<Family, number>> = { 4: 28, 6: 80 };

/** Addresses at the beginning that a cloud keeps for itself; of IPv4, the last one too. */
const RESERVED = 4;

/** How single addresses are chosen: all over the subnet as EC2 does, or from its beginning. */
export type Placement = "scattered" | "packed";

type Group = "block" | Set<number>;

/** What is free in one CIDR of a subnet: single addresses, and blocks that no single has been taken from. */
export class AddressSpace {
  readonly cidr: Cidr;
  placement: Placement;
  readonly #random: Random;
  readonly #blockPrefix: number;
  readonly #groups: number;
  readonly #hosts: number;
  readonly #taken = new Map<number, Group>();
  #freeAddresses: number;

  constructor(cidr: string, random: Random, placement: Placement) {
    this.cidr = parseCidr(cidr);
    this.#random = random;
    this.placement = placement;
    this.#blockPrefix = Math.max(BLOCK_PREFIX[this.cidr.family], this.cidr.prefix);
    this.#groups = this.cidr.subnetCount(this.#blockPrefix);
    this.#hosts = 2 ** ((this.family === 4 ? 32 : 128) - this.#blockPrefix);
    this.#freeAddresses = this.#groups * this.#hosts;
    for (let host = 0; host < Math.min(RESERVED, this.#hosts); host++) this.#take(0, host);
    if (this.family === 4) this.#take(this.#groups - 1, this.#hosts - 1);
  }

  get family(): Family {
    return this.cidr.family;
  }

  get freeAddresses(): number {
    return this.#freeAddresses;
  }

  get freeBlocks(): number {
    return this.#groups - this.#taken.size;
  }

  /** Whether this prefix length is one it hands out. */
  offers(prefix: number): boolean {
    return prefix === this.#blockPrefix || prefix === (this.family === 4 ? 32 : 128);
  }

  /** A free one of this prefix length, or `undefined`. */
  take(prefix: number): string | undefined {
    return prefix === this.#blockPrefix ? this.#takeBlock() : this.#takeSingle();
  }

  /** @throws Refusal `address-taken`, or `invalid` where it cannot be had at all. */
  takeExactly(wanted: Cidr): void {
    const [group, host] = this.#locate(wanted);
    const taken = this.#taken.get(group);
    const isFree = host === undefined ? taken === undefined : taken !== "block" && taken?.has(host) !== true;
    if (!isFree) throw new Refusal("address-taken", wanted.toString(), `${wanted.toString()} is in use`);
    if (host === undefined) this.#takeWhole(group);
    else this.#take(group, host);
  }

  release(released: Cidr): void {
    const [group, host] = this.#locate(released);
    const taken = this.#taken.get(group);
    if (host === undefined) {
      if (taken !== "block") return;
      this.#taken.delete(group);
      this.#freeAddresses += this.#hosts;
    } else if (taken !== undefined && taken !== "block" && taken.delete(host)) {
      this.#freeAddresses++;
      if (taken.size === 0) this.#taken.delete(group);
    }
  }

  #locate(inner: Cidr): readonly [group: number, host: number | undefined] {
    if (!this.cidr.containsCidr(inner) || !this.offers(inner.prefix))
      throw new Refusal("invalid", inner.toString(), `${this.cidr.toString()} has no ${inner.toString()}`);
    if (inner.prefix === this.#blockPrefix) return [this.cidr.subnetIndex(inner), undefined];
    const block = cidrAround(inner.first, this.#blockPrefix);
    return [this.cidr.subnetIndex(block), block.subnetIndex(inner)];
  }

  #takeBlock(): string | undefined {
    const first = this.#start(this.#groups);
    for (let step = 0; step < this.#groups; step++) {
      const group = (first + step) % this.#groups;
      if (this.#taken.has(group)) continue;
      this.#takeWhole(group);
      return this.cidr.subnet(this.#blockPrefix, group).toString();
    }
    return undefined;
  }

  #takeSingle(): string | undefined {
    if (this.#freeAddresses === 0) return undefined;
    const first = this.#start(this.#groups);
    for (let step = 0; step < this.#groups; step++) {
      const group = (first + step) % this.#groups;
      const taken = this.#taken.get(group);
      if (taken === "block" || taken?.size === this.#hosts) continue;
      let host = this.#start(this.#hosts);
      while (taken?.has(host) === true) host = (host + 1) % this.#hosts;
      this.#take(group, host);
      return hostCidr(this.cidr.subnet(this.#blockPrefix, group).first.offset(host)).toString();
    }
    return undefined;
  }

  #start(limit: number): number {
    return this.placement === "packed" ? 0 : Math.floor(this.#random.next() * limit);
  }

  #take(group: number, host: number): void {
    const taken = this.#taken.get(group);
    if (taken === "block" || taken?.has(host) === true) return;
    if (taken === undefined) this.#taken.set(group, new Set([host]));
    else taken.add(host);
    this.#freeAddresses--;
  }

  #takeWhole(group: number): void {
    this.#taken.set(group, "block");
    this.#freeAddresses -= this.#hosts;
  }
}
