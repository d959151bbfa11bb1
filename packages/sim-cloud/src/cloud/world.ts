import { parseCidr, type Clock, type Family } from "@netloom/core";
import type { Wanted } from "@netloom/ipam-cloud";
import { History } from "./history.ts";
import type { Network } from "./network.ts";
import type { SimCloudOptions } from "./options.ts";
import {
  stateOf,
  type InstanceType,
  type SimAddress,
  type SimInstance,
  type SimInterface,
} from "./records.ts";
import { Refusal } from "./refusal.ts";

export interface NewInterface {
  readonly pool: string;
  readonly want: readonly Wanted[];
  readonly tags: Readonly<Record<string, string>>;
  readonly securityGroups: readonly string[];
  readonly primary?: boolean;
}

/** An address of a set that replaces another: this one, or one of the cloud's choice under a name. */
export interface Wish {
  readonly cidr?: string;
  readonly name?: string;
  readonly family: Family;
  readonly prefix: number;
}

/** What is true in the cloud, and the only ways in which it changes: each whole or not at all. */
export class World {
  readonly interfaces: History<SimInterface>;
  readonly instances: History<SimInstance>;
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #options: SimCloudOptions;
  readonly #types: Readonly<Record<string, InstanceType>>;
  readonly #byInstance = new Map<string, Set<string>>();
  #lastId = 0;

  constructor(
    network: Network,
    clock: Clock,
    types: Readonly<Record<string, InstanceType>>,
    options: SimCloudOptions,
  ) {
    const memory = options.lag ?? 0;
    this.interfaces = new History(memory);
    this.instances = new History(memory);
    this.#network = network;
    this.#clock = clock;
    this.#types = types;
    this.#options = options;
  }

  /** Of an instance's type; `undefined` for one that the cloud does not know. */
  typeOf(instance: SimInstance): InstanceType | undefined {
    return this.#types[instance.type];
  }

  /** Those that are, or lately were, attached to it. */
  attachedTo(instance: string): readonly SimInterface[] {
    return [...(this.#byInstance.get(instance) ?? [])]
      .map((id) => this.interfaces.get(id))
      .filter((one) => one !== undefined)
      .filter((one) => one.attachment?.instance === instance && this.stateOf(one) !== "detached");
  }

  stateOf(one: SimInterface): ReturnType<typeof stateOf> {
    return stateOf(one, this.#clock.monotonic());
  }

  addInstance(instance: SimInstance): void {
    this.instances.set(instance.id, instance, this.#clock.monotonic());
  }

  /** Its interfaces go with it or stay behind, as each says. */
  removeInstance(id: string): void {
    this.instance(id);
    for (const one of this.attachedTo(id)) {
      if (one.attachment!.deleteWithInstance) this.#drop(one);
      else this.#put(withoutAttachment(one));
    }
    this.#byInstance.delete(id);
    this.instances.set(id, undefined, this.#clock.monotonic());
  }

  create({ pool, want, tags, securityGroups, primary = false }: NewInterface): SimInterface {
    const quota = this.#options.quotas?.interfaces ?? Infinity;
    if ([...this.interfaces.values()].length >= quota)
      throw new Refusal("quota", "interfaces", `the account may have ${quota} interfaces`);
    this.#checkUnits(1 + want.reduce((sum, { count }) => sum + count, 0));
    const [own] = this.#network.take(pool, { family: 4, prefix: 32, count: 1 });
    const addresses: SimAddress[] = [{ cidr: own!, role: "primary" }];
    try {
      for (const wanted of want) addresses.push(...this.#network.take(pool, wanted).map(asAddress));
    } catch (error) {
      this.#network.release(pool, cidrsOf(addresses));
      throw error;
    }
    const number = ++this.#lastId;
    const hex = number.toString(16);
    const created: SimInterface = {
      id: `eni-${hex.padStart(17, "0")}`,
      pool,
      mac: `02:00:${hex.padStart(8, "0").match(/../g)!.join(":")}`,
      primary,
      tags,
      securityGroups,
      addresses,
      createdAt: this.#clock.now(),
      version: 1,
    };
    return this.#put(created);
  }

  attach(id: string, instance: string, index: number, deleteWithInstance: boolean): SimInterface {
    const one = this.interface(id);
    const host = this.instance(instance);
    if (this.stateOf(one) !== "detached") throw new Refusal("in-use", id, `${id} is in use`);
    if (this.#network.zone(one.pool) !== host.zone)
      throw new Refusal("invalid", id, `${id} is in another zone than ${instance}`);
    const others = this.attachedTo(instance);
    const limit = this.typeOf(host)?.interfaces ?? Infinity;
    if (others.length >= limit)
      throw new Refusal("node-interfaces", instance, `${instance} may have ${limit} interfaces`);
    if (others.some(({ attachment }) => attachment!.index === index))
      throw new Refusal("index-taken", instance, `${instance} has an interface at index ${index}`);
    this.#checkSlots(one.addresses, host, id);
    const readyAt = this.#clock.monotonic() + (one.primary ? 0 : (this.#options.attachTime ?? 0));
    const attachment = { instance, index, deleteWithInstance, readyAt };
    this.#byInstance.set(instance, (this.#byInstance.get(instance) ?? new Set()).add(id));
    return this.#put({ ...withoutAttachment(one), attachment });
  }

  setDeleteWithInstance(id: string, deleteWithInstance: boolean): void {
    const one = this.interface(id);
    if (one.attachment === undefined) throw new Refusal("invalid", id, `${id} is not attached`);
    this.#put({ ...one, attachment: { ...one.attachment, deleteWithInstance } });
  }

  detach(id: string): void {
    const one = this.interface(id);
    if (one.primary) throw new Refusal("invalid", id, `${id} is the first interface`);
    if (one.attachment === undefined || this.stateOf(one) === "detached")
      throw new Refusal("invalid", id, `${id} is not attached`);
    const leavesAt = this.#clock.monotonic() + (this.#options.detachTime ?? 0);
    this.#put({ ...one, attachment: { ...one.attachment, leavesAt } });
  }

  delete(id: string): void {
    const one = this.interface(id);
    if (this.stateOf(one) !== "detached") throw new Refusal("in-use", id, `${id} is in use`);
    this.#drop(one);
  }

  /** So many of the cloud's choice. */
  assign(id: string, wanted: Wanted): readonly string[] {
    const one = this.interface(id);
    const extra = Array.from({ length: wanted.count }, () => asAddress(placeholder(wanted)));
    this.#checkRoom(one, extra);
    const taken = this.#network.take(one.pool, wanted);
    this.#put(withAddresses(one, [...one.addresses, ...taken.map(asAddress)]));
    return taken;
  }

  /** Exactly these: what it has already is no error. */
  assignExactly(id: string, addresses: readonly SimAddress[]): readonly string[] {
    const one = this.interface(id);
    const known = new Set(cidrsOf(one.addresses));
    const added = addresses.filter(({ cidr }) => !known.has(cidr));
    if (added.length === 0) return [];
    this.#checkRoom(one, added);
    this.#network.takeExactly(one.pool, cidrsOf(added));
    this.#put(withAddresses(one, [...one.addresses, ...added]));
    return cidrsOf(added);
  }

  /** These and no others, but for the primary one. @throws Refusal `version` where it has another. */
  replace(id: string, wishes: readonly Wish[], version: number): SimInterface {
    const one = this.interface(id);
    if (one.version !== version) throw new Refusal("version", id, `${id} has version ${one.version}`);
    const isKept = ({ cidr, name, role }: SimAddress): boolean =>
      role === "primary" ||
      wishes.some((wish) =>
        wish.cidr === undefined ? wish.name !== undefined && wish.name === name : wish.cidr === cidr,
      );
    const kept = one.addresses.filter(isKept);
    const added = wishes.filter(
      ({ cidr, name }) =>
        !kept.some((address) =>
          cidr === undefined ? name !== undefined && address.name === name : address.cidr === cidr,
        ),
    );
    this.#checkRoom(
      { ...one, addresses: kept },
      added.map((wish) => asAddress(wish.cidr ?? placeholder(wish))),
    );
    const taken: SimAddress[] = [];
    try {
      for (const { cidr, name, family, prefix } of added) {
        const wanted = { family, prefix, count: 1 };
        if (cidr !== undefined) this.#network.takeExactly(one.pool, [cidr]);
        const found = cidr ?? this.#network.take(one.pool, wanted)[0]!;
        taken.push({ ...asAddress(found), ...(name === undefined ? {} : { name }) });
      }
    } catch (error) {
      this.#network.release(one.pool, cidrsOf(taken));
      throw error;
    }
    this.#network.release(one.pool, cidrsOf(one.addresses.filter((address) => !kept.includes(address))));
    return this.#put(withAddresses(one, [...kept, ...taken]));
  }

  /** @throws Refusal `invalid` for a primary address or one it does not have. */
  unassign(id: string, cidrs: readonly string[]): void {
    const one = this.interface(id);
    for (const cidr of cidrs) {
      const role = one.addresses.find((address) => address.cidr === cidr)?.role;
      if (role === undefined) throw new Refusal("invalid", cidr, `${id} has no ${cidr}`);
      if (role === "primary") throw new Refusal("invalid", cidr, `${cidr} is the primary address of ${id}`);
    }
    const kept = one.addresses.filter(({ cidr }) => !cidrs.includes(cidr));
    this.#network.release(one.pool, cidrs);
    this.#put(withAddresses(one, kept));
  }

  instance(id: string): SimInstance {
    const instance = this.instances.get(id);
    if (instance === undefined) throw new Refusal("instance-gone", id, `there is no ${id}`);
    return instance;
  }

  interface(id: string): SimInterface {
    const one = this.interfaces.get(id);
    if (one === undefined) throw new Refusal("interface-gone", id, `there is no ${id}`);
    return one;
  }

  #checkRoom(one: SimInterface, added: readonly SimAddress[]): void {
    this.#checkUnits(added.length);
    const instance = one.attachment === undefined ? undefined : this.instances.get(one.attachment.instance);
    if (instance !== undefined) this.#checkSlots([...one.addresses, ...added], instance, one.id);
  }

  #checkSlots(addresses: readonly SimAddress[], instance: SimInstance, id: string): void {
    const slots = this.typeOf(instance)?.slots;
    if (slots === undefined) return;
    for (const family of [4, 6] as const) {
      const count = addresses.filter(({ cidr }) => familyOf(cidr) === family).length;
      const limit = slots[family] ?? 0;
      if (count > limit)
        throw new Refusal("interface-slots", id, `${id} may have ${limit} addresses of IPv${family}`);
    }
  }

  #checkUnits(more: number): void {
    const limit = this.#options.quotas?.addressUnits;
    if (limit === undefined) return;
    const used = [...this.interfaces.values()].reduce((sum, { addresses }) => sum + addresses.length, 0);
    if (used + more > limit)
      throw new Refusal("quota", "address-units", `the network may have ${limit} addresses and blocks`);
  }

  #put(one: SimInterface): SimInterface {
    this.interfaces.set(one.id, one, this.#clock.monotonic());
    return one;
  }

  #drop(one: SimInterface): void {
    this.#network.release(one.pool, cidrsOf(one.addresses));
    if (one.attachment !== undefined) this.#byInstance.get(one.attachment.instance)?.delete(one.id);
    this.interfaces.set(one.id, undefined, this.#clock.monotonic());
  }
}

export function asAddress(cidr: string): SimAddress {
  const { family, prefix } = parseCidr(cidr);
  return { cidr, role: prefix === (family === 4 ? 32 : 128) ? "secondary" : "block" };
}

function familyOf(cidr: string): Family {
  return cidr.includes(":") ? 6 : 4;
}

function placeholder({ family, prefix }: Omit<Wanted, "count">): string {
  return family === 4 ? `0.0.0.0/${prefix}` : `::/${prefix}`;
}

function cidrsOf(addresses: readonly SimAddress[]): readonly string[] {
  return addresses.map(({ cidr }) => cidr);
}

function withAddresses(one: SimInterface, addresses: readonly SimAddress[]): SimInterface {
  return { ...one, addresses, version: one.version + 1 };
}

function withoutAttachment(one: SimInterface): SimInterface {
  const { attachment: _, ...rest } = one;
  return rest;
}
