import { Address, type Cidr, formatAddress, formatCidr } from "../address/index.ts";
import { NetloomError } from "../errors.ts";
import { type FreeSpace, RotatingSpace, VastSpace } from "./free-space.ts";
import { checkOwner } from "./owner.ts";

/** An address that is never handed out, and who keeps it: `router`, `node`, `health`… */
export interface ReservedAddress {
  readonly address: Address;
  readonly owner: string;
}

export interface AddressRangeOptions {
  /** Hand out the first address too (the network address of IPv4, subnet-router anycast of IPv6). @defaultValue false */
  readonly allowFirst?: boolean;
  /** Hand out the last address too (the broadcast address of IPv4). @defaultValue false */
  readonly allowLast?: boolean;
  /** Those outside the range are not handed out anyway and are passed over. @defaultValue none */
  readonly reserved?: Iterable<ReservedAddress>;
  /** Uniform in [0, 1): where each search begins. @defaultValue after the address handed out last */
  readonly random?: () => number;
}

export type AddressState = "allocated" | "quarantined" | "reserved";

/** An address that is not free. */
export interface AddressEntry {
  readonly address: Address;
  readonly owner: string;
  readonly state: AddressState;
}

/** Always: allocated + free + reserved + quarantined = capacity. */
export interface AddressCounts {
  readonly capacity: number;
  readonly allocated: number;
  readonly free: number;
  readonly reserved: number;
  readonly quarantined: number;
}

/** Above this a bitmap would outweigh the addresses that one node can use. */
const LARGEST_BITMAP = 2 ** 24;
const LARGEST_CAPACITY = 2 ** 32;

/**
 * The addresses of one prefix, and who has each. An address is free, allocated to an owner, reserved for good, or
 * quarantined: its owner is gone, but somebody may still believe the old binding.
 *
 * An owner has at most one allocated address. Owners should be names that never come back, such as a sandbox id
 * and interface: a release that arrives late then cannot hit a successor.
 *
 * The first and last address of prefixes shorter than /31 and /127 are reserved unless allowed. Of a prefix with
 * more than 2^32 addresses only the first 2^32 are used. An address that was given back is handed out again only
 * after every other free one (above 2^24 addresses: by chance).
 */
export class AddressRange {
  readonly cidr: Cidr;
  readonly #capacity: number;
  readonly #random: (() => number) | undefined;
  readonly #space: FreeSpace;
  /** By offset from the first address. */
  readonly #allocated = new Map<number, string>();
  readonly #quarantined = new Map<number, string>();
  readonly #reserved = new Map<number, string>();
  readonly #offsetOf = new Map<string, number>();
  #cursor = 0;

  constructor(cidr: Cidr, options: AddressRangeOptions = {}) {
    this.cidr = cidr;
    this.#capacity = Math.min(cidr.size, LARGEST_CAPACITY);
    this.#random = options.random;
    this.#space =
      this.#capacity <= LARGEST_BITMAP
        ? new RotatingSpace(this.#capacity)
        : new VastSpace(this.#capacity, (offset) => this.#stateAt(offset) !== undefined);
    const hasEnds = cidr.size > 2;
    if (hasEnds && options.allowFirst !== true) this.#reserve(cidr.first, "network");
    if (hasEnds && options.allowLast !== true) this.#reserve(cidr.last, "broadcast");
    for (const { address, owner } of options.reserved ?? []) this.#reserve(address, owner);
  }

  /**
   * Hands out a free address; to an owner that has one already, the same again.
   *
   * @throws {@link NetloomError} `ERR_IPAM_EXHAUSTED` with the counts of the range, retryable.
   */
  allocate(owner: string): Address {
    checkOwner(owner);
    const held = this.#offsetOf.get(owner);
    if (held !== undefined) return this.#addressAt(held);
    const offset = this.#space.take(this.#start());
    if (offset < 0) throw this.#exhausted();
    this.#cursor = (offset + 1) % this.#capacity;
    this.#allocated.set(offset, owner);
    this.#offsetOf.set(owner, offset);
    return this.#addressAt(offset);
  }

  /**
   * Takes exactly this address, as after a restart. Claiming what one has already is no error.
   *
   * @param state `quarantined` restores an address whose owner was gone before the restart.
   * @throws {@link NetloomError} `ERR_IPAM_OUT_OF_RANGE` when it is not in the range; `ERR_IPAM_CONFLICT` when it is
   *   reserved, has another owner or is quarantined, or when the owner has another address.
   */
  claim(address: Address, owner: string, state: "allocated" | "quarantined" = "allocated"): Address {
    checkOwner(owner);
    const offset = this.#offset(address);
    if (offset < 0) {
      throw new NetloomError(
        "ERR_IPAM_OUT_OF_RANGE",
        `${formatAddress(address)} is not in ${formatCidr(this.cidr)}`,
        {
          input: formatAddress(address),
          remedy: "claim it from the range that holds it",
        },
      );
    }
    const before = this.#stateAt(offset);
    if (before === state && this.#ownerAt(offset) === owner) return address;
    if (before !== undefined) throw this.#conflict(offset, before, owner);
    if (state === "allocated") this.#checkHoldsNothing(owner, address);
    this.#space.claim(offset);
    if (state === "allocated") this.#offsetOf.set(owner, offset);
    (state === "allocated" ? this.#allocated : this.#quarantined).set(offset, owner);
    return address;
  }

  /**
   * The owner is gone: quarantines the address if it is allocated to exactly this owner.
   *
   * @returns whether anything changed.
   */
  retire(address: Address, owner: string): boolean {
    const offset = this.#offset(address);
    if (this.#allocated.get(offset) !== owner) return false;
    this.#forget(offset, owner);
    this.#quarantined.set(offset, owner);
    return true;
  }

  /**
   * Frees the address if it is, or was until it was retired, this owner's. Anything else is a release that came
   * late or twice, and changes nothing.
   *
   * @returns whether anything changed.
   */
  release(address: Address, owner: string): boolean {
    const offset = this.#offset(address);
    if (this.#allocated.get(offset) === owner) this.#forget(offset, owner);
    else if (this.#quarantined.get(offset) === owner) this.#quarantined.delete(offset);
    else return false;
    this.#space.release(offset);
    return true;
  }

  /** Who has the address, in whatever state; `undefined` when it is free or out of range. */
  ownerOf(address: Address): string | undefined {
    return this.#ownerAt(this.#offset(address));
  }

  /** The address allocated to `owner`. */
  addressOf(owner: string): Address | undefined {
    const offset = this.#offsetOf.get(owner);
    return offset === undefined ? undefined : this.#addressAt(offset);
  }

  /** Everything that is not free, in no particular order. */
  *entries(): IterableIterator<AddressEntry> {
    for (const state of ["reserved", "quarantined", "allocated"] as const) {
      const owners = { reserved: this.#reserved, quarantined: this.#quarantined, allocated: this.#allocated }[
        state
      ];
      for (const [offset, owner] of owners) yield { address: this.#addressAt(offset), owner, state };
    }
  }

  status(): AddressCounts {
    return {
      capacity: this.#capacity,
      allocated: this.#allocated.size,
      free: this.#space.free,
      reserved: this.#reserved.size,
      quarantined: this.#quarantined.size,
    };
  }

  #start(): number {
    return this.#random === undefined ? this.#cursor : Math.floor(this.#random() * this.#capacity);
  }

  #reserve(address: Address, owner: string): void {
    checkOwner(owner);
    const offset = this.#offset(address);
    if (offset < 0 || !this.#space.claim(offset)) return;
    this.#reserved.set(offset, owner);
  }

  #forget(offset: number, owner: string): void {
    this.#allocated.delete(offset);
    this.#offsetOf.delete(owner);
  }

  /** -1 when the address is not in the range. */
  #offset(address: Address): number {
    const { first } = this.cidr;
    if (address.w0 !== first.w0 || address.w1 !== first.w1 || address.w2 !== first.w2) return -1;
    const offset = address.w3 - first.w3;
    return offset >= 0 && offset < this.#capacity ? offset : -1;
  }

  #addressAt(offset: number): Address {
    const { w0, w1, w2, w3 } = this.cidr.first;
    return new Address(w0, w1, w2, w3 + offset);
  }

  #ownerAt(offset: number): string | undefined {
    return this.#allocated.get(offset) ?? this.#quarantined.get(offset) ?? this.#reserved.get(offset);
  }

  #stateAt(offset: number): AddressState | undefined {
    if (this.#allocated.has(offset)) return "allocated";
    if (this.#quarantined.has(offset)) return "quarantined";
    return this.#reserved.has(offset) ? "reserved" : undefined;
  }

  #checkHoldsNothing(owner: string, address: Address): void {
    const held = this.addressOf(owner);
    if (held === undefined) return;
    const text = `${formatAddress(address)} cannot go to ${owner}, which has ${formatAddress(held)}`;
    throw new NetloomError("ERR_IPAM_CONFLICT", text, {
      input: formatAddress(address),
      remedy: "release that one first, or name the second owner apart",
    });
  }

  #conflict(offset: number, state: AddressState, owner: string): NetloomError {
    const address = formatAddress(this.#addressAt(offset));
    const word = { allocated: "allocated to", quarantined: "quarantined after", reserved: "reserved for" }[
      state
    ];
    const waiting = state === "quarantined";
    const text = `${address} cannot go to ${owner}: it is ${word} ${this.#ownerAt(offset)}`;
    return new NetloomError("ERR_IPAM_CONFLICT", text, {
      input: address,
      remedy: waiting ? "wait until it is released, or claim another address" : "claim another address",
      retryable: waiting,
    });
  }

  #exhausted(): NetloomError {
    const { capacity, allocated, reserved, quarantined } = this.status();
    const counts = `${allocated} allocated, ${reserved} reserved, ${quarantined} quarantined of ${capacity}`;
    return new NetloomError("ERR_IPAM_EXHAUSTED", `no free address in ${formatCidr(this.cidr)} (${counts})`, {
      input: formatCidr(this.cidr),
      remedy: "release addresses or add a range",
      retryable: true,
    });
  }
}
