import type { Address, AddressOptions, ListAddressesOptions } from "./model/address.ts";
import { type Request, request } from "./request.ts";
import type { Session } from "./session.ts";
import {
  decodeAddress,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
  writeAddress,
  writeAddressKey,
  writeListAddresses,
} from "./wire/address.ts";
import { families } from "./wire/family.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "./wire/message.ts";

/** Enough to tell one address from another. */
export type AddressKey = Pick<AddressOptions, "device" | "address" | "peer">;

/** A request that adds an address. */
export function addAddress(options: AddressOptions): Request {
  return write(`add address ${options.address}`, NLM_F_CREATE | NLM_F_EXCL, options);
}

/** A request that adds an address or, if it is there, changes its lifetimes, flags and metric. */
export function replaceAddress(options: AddressOptions): Request {
  return write(`replace address ${options.address}`, NLM_F_CREATE | NLM_F_REPLACE, options);
}

/** A request that deletes an address. */
export function deleteAddress(key: AddressKey): Request {
  return request(`delete address ${key.address}`, RTM_DELADDR, 0, (writer, op) => {
    writeAddressKey(writer, op, key);
  });
}

function write(what: string, flags: number, options: AddressOptions): Request {
  return request(what, RTM_NEWADDR, flags, (writer, op) => {
    writeAddress(writer, op, options);
  });
}

/** The addresses of a namespace, IPv4 and IPv6. */
export class Addresses {
  readonly #session: Session;

  /** @internal */
  constructor(session: Session) {
    this.#session = session;
  }

  /** IPv4 before IPv6, by device. */
  list({ family, device }: ListAddressesOptions = {}): Address[] {
    return families(family).flatMap((version) => {
      const list = request("list addresses", RTM_GETADDR, 0, (writer, op) => {
        writeListAddresses(writer, op, version, device);
      });
      return this.#session.conversation.dump(list, (message) => {
        const address = decodeAddress(message);
        return address?.family === version ? address : undefined;
      });
    });
  }

  /**
   * @throws {@link NetlinkError} `ERR_EXISTS`, `ERR_NOT_FOUND` when the device does not exist,
   * `ERR_INVALID`, …
   */
  add(options: AddressOptions): void {
    this.#session.conversation.execute(addAddress(options));
  }

  /** Adds an address or, if it is there, changes its lifetimes, flags and metric. */
  replace(options: AddressOptions): void {
    this.#session.conversation.execute(replaceAddress(options));
  }

  /**
   * Deletes an address; of IPv4 also those it is primary for, unless net.ipv4.conf.*.promote_secondaries is
   * set.
   *
   * @throws {@link NetlinkError} `ERR_NOT_FOUND`
   */
  delete(key: AddressKey): void {
    this.#session.conversation.execute(deleteAddress(key));
  }
}
