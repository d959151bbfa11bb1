import type { ListNeighboursOptions, Neighbour, NeighbourKey, NeighbourOptions } from "./model/neighbour.ts";
import { type Request, request } from "./request.ts";
import type { Session } from "./session.ts";
import { families } from "./wire/family.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "./wire/message.ts";
import {
  decodeNeighbour,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
  writeListNeighbours,
  writeNeighbour,
  writeNeighbourKey,
} from "./wire/neighbour.ts";

/** A request that adds an ARP or neighbour discovery entry. */
export function addNeighbour(options: NeighbourOptions): Request {
  return write(`add neighbour ${options.address}`, NLM_F_CREATE | NLM_F_EXCL, options);
}

/** A request that adds an ARP or neighbour discovery entry or overwrites the one for the same address. */
export function replaceNeighbour(options: NeighbourOptions): Request {
  return write(`replace neighbour ${options.address}`, NLM_F_CREATE | NLM_F_REPLACE, options);
}

/** A request that deletes an ARP or neighbour discovery entry. */
export function deleteNeighbour(key: NeighbourKey): Request {
  return request(`delete neighbour ${key.address}`, RTM_DELNEIGH, 0, (writer, op) => {
    writeNeighbourKey(writer, op, key);
  });
}

function write(what: string, flags: number, options: NeighbourOptions): Request {
  return request(what, RTM_NEWNEIGH, flags, (writer, op) => {
    writeNeighbour(writer, op, options);
  });
}

/** The ARP (IPv4) and neighbour discovery (IPv6) tables of a namespace. */
export class Neighbours {
  readonly #session: Session;

  /** @internal */
  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * All entries, or those asked for; IPv4 before IPv6. Entries that need no resolution (`noarp`) are listed
   * too.
   */
  list({ family, device, proxy }: ListNeighboursOptions = {}): Neighbour[] {
    return families(family).flatMap((version) => {
      const list = request("list neighbours", RTM_GETNEIGH, 0, (writer, op) => {
        writeListNeighbours(writer, op, version, { device, proxy });
      });
      return this.#session.conversation.dump(list, (message) => {
        const neighbour = decodeNeighbour(message);
        return neighbour?.family === version ? neighbour : undefined;
      });
    });
  }

  /** @throws {@link NetlinkError} `ERR_EXISTS`, `ERR_NOT_FOUND` when the device does not exist, … */
  add(options: NeighbourOptions): void {
    this.#session.conversation.execute(addNeighbour(options));
  }

  /** Adds an entry or overwrites the one for the same address. */
  replace(options: NeighbourOptions): void {
    this.#session.conversation.execute(replaceNeighbour(options));
  }

  /** @throws {@link NetlinkError} `ERR_NOT_FOUND` */
  delete(key: NeighbourKey): void {
    this.#session.conversation.execute(deleteNeighbour(key));
  }
}
