import type { FdbEntry, FdbEntryOptions, ListFdbOptions } from "./model/neighbour.ts";
import { type Request, request } from "./request.ts";
import type { Session } from "./session.ts";
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "./wire/message.ts";
import {
  decodeFdbEntry,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
  writeFdbEntry,
  writeListFdb,
} from "./wire/neighbour.ts";

/** A request that adds a forwarding entry. */
export function addFdbEntry(options: FdbEntryOptions): Request {
  return write("add", NLM_F_CREATE | NLM_F_EXCL, options);
}

/** A request that adds one more remote to a MAC address of a VXLAN device. */
export function appendFdbEntry(options: FdbEntryOptions): Request {
  return write("append", NLM_F_CREATE | NLM_F_APPEND, options);
}

/** A request that adds a forwarding entry or overwrites the one for the same MAC address. */
export function replaceFdbEntry(options: FdbEntryOptions): Request {
  return write("replace", NLM_F_CREATE | NLM_F_REPLACE, options);
}

/** A request that deletes a forwarding entry, or, if a remote is named, that remote of it. */
export function deleteFdbEntry(options: FdbEntryOptions): Request {
  return request(`delete fdb entry ${options.mac}`, RTM_DELNEIGH, 0, (writer, op) => {
    writeFdbEntry(writer, op, options);
  });
}

function write(verb: string, flags: number, options: FdbEntryOptions): Request {
  return request(`${verb} fdb entry ${options.mac}`, RTM_NEWNEIGH, flags, (writer, op) => {
    writeFdbEntry(writer, op, options);
  });
}

/** The forwarding databases of a namespace's bridges and VXLAN devices. */
export class Fdb {
  readonly #session: Session;

  /** @internal */
  constructor(session: Session) {
    this.#session = session;
  }

  /** All entries, or those of one device. */
  list({ device }: ListFdbOptions = {}): FdbEntry[] {
    const list = request("list fdb", RTM_GETNEIGH, 0, (writer, op) => {
      writeListFdb(writer, op, device);
    });
    return this.#session.conversation.dump(list, decodeFdbEntry);
  }

  /**
   * @throws {@link NetlinkError} `ERR_EXISTS`, `ERR_NOT_FOUND`, `ERR_UNSUPPORTED` when the device has no
   * such table.
   */
  add(options: FdbEntryOptions): void {
    this.#session.conversation.execute(addFdbEntry(options));
  }

  /** Adds one more remote to a MAC address of a VXLAN device: broadcast goes to all of them. */
  append(options: FdbEntryOptions): void {
    this.#session.conversation.execute(appendFdbEntry(options));
  }

  /** Adds an entry or overwrites the one for the same MAC address, all its remotes included. */
  replace(options: FdbEntryOptions): void {
    this.#session.conversation.execute(replaceFdbEntry(options));
  }

  /**
   * Deletes an entry, or, if a remote is named, that remote of it.
   *
   * @throws {@link NetlinkError} `ERR_NOT_FOUND`
   */
  delete(options: FdbEntryOptions): void {
    this.#session.conversation.execute(deleteFdbEntry(options));
  }
}
