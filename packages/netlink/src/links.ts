import { isNetlinkError } from "./errors.ts";
import type { CreateLinkOptions, DeviceRef, Link, LinkChanges, ListLinksOptions } from "./model/link.ts";
import type { Netns } from "./netns.ts";
import { type AsyncOptions, type Request, request } from "./request.ts";
import { converseIn, type Session } from "./session.ts";
import {
  decodeLink,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  writeCreateLink,
  writeDeleteLink,
  writeGetLink,
  writeLinkChanges,
  writeListLinks,
} from "./wire/link.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "./wire/message.ts";

/** A request that changes a device. */
export function setLink(device: DeviceRef, changes: LinkChanges): Request {
  return request(`set link ${device}`, RTM_NEWLINK, 0, (writer, op) => {
    writeLinkChanges(writer, op, device, changes);
  });
}

/** A request that deletes a device. */
export function deleteLink(device: DeviceRef): Request {
  return request(`delete link ${device}`, RTM_DELLINK, 0, (writer, op) => {
    writeDeleteLink(writer, op, device);
  });
}

/**
 * Not exported by the package: an alias and a peer that is up take further requests, which only
 * {@link Links.create} sends.
 */
export function createLink(options: CreateLinkOptions): Request {
  return request(`create link ${options.name}`, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, (writer, op) => {
    writeCreateLink(writer, op, options);
  });
}

/** The network devices of a namespace. */
export class Links {
  readonly #session: Session;

  /** @internal */
  constructor(session: Session) {
    this.#session = session;
  }

  /** All devices, or those asked for, in the order of their indexes. */
  list(options: ListLinksOptions = {}): Link[] {
    const list = request("list links", RTM_GETLINK, 0, (writer, op) => {
      writeListLinks(writer, op, options);
    });
    const links = this.#session.conversation.dump(list, decodeLink);
    // Asked for a kind it does not know, the kernel lists everything. So the choice is made here.
    return options.kind === undefined ? links : links.filter(({ kind }) => kind === options.kind);
  }

  /** @throws {@link NetlinkError} `ERR_NOT_FOUND` */
  get(device: DeviceRef): Link {
    const get = request(`get link ${device}`, RTM_GETLINK, 0, (writer, op) => {
      writeGetLink(writer, op, device);
    });
    return this.#session.conversation.query(get, decodeLink);
  }

  /** Like {@link get}, but undefined when there is no such device. */
  find(device: DeviceRef): Link | undefined {
    try {
      return this.get(device);
    } catch (error) {
      if (isNetlinkError(error, "ERR_NOT_FOUND")) return undefined;
      throw error;
    }
  }

  /**
   * Creates a device and returns it as it became. If a later step fails (the alias, raising the peer),
   * the device is deleted again, and its peer with it.
   *
   * @throws {@link NetlinkError} `ERR_EXISTS`, `ERR_UNSUPPORTED` when the kernel has no such kind,
   * `ERR_INVALID`, …
   */
  create(options: CreateLinkOptions): Link {
    const create = createLink(options);
    const steps = laterSteps(options);
    const { conversation } = this.#session;
    conversation.execute(create);
    try {
      for (const step of steps) conversation.execute(step);
      if (options.kind === "veth" && options.peer.up === true)
        this.#raise(options.peer.name, options.peer.netns);
      return this.get(options.name);
    } catch (error) {
      this.#undo(options.name);
      throw error;
    }
  }

  /**
   * Changes a device. The kernel applies the changes one by one and stops at the first it refuses:
   * those before it stay. Taking a device down and moving it to another namespace wait for readers in
   * the kernel (some 10 ms); {@link setAsync} does that off the main thread.
   *
   * @throws {@link NetlinkError} `ERR_NOT_FOUND`, `ERR_INVALID`, …
   */
  set(device: DeviceRef, changes: LinkChanges): void {
    this.#session.conversation.execute(setLink(device, changes));
  }

  /** Like {@link set}, on another thread. */
  async setAsync(device: DeviceRef, changes: LinkChanges, { signal }: AsyncOptions = {}): Promise<void> {
    await this.#session.executeAsync(setLink(device, changes), signal);
  }

  /**
   * Deletes a device; of a veth pair both. Blocks the event loop for some 20 ms while the kernel waits for
   * its readers; {@link deleteAsync} does not.
   *
   * @throws {@link NetlinkError} `ERR_NOT_FOUND`, `ERR_UNSUPPORTED` for devices that cannot be deleted
   * (loopback).
   */
  delete(device: DeviceRef): void {
    this.#session.conversation.execute(deleteLink(device));
  }

  /** Like {@link delete}, on another thread. */
  async deleteAsync(device: DeviceRef, { signal }: AsyncOptions = {}): Promise<void> {
    await this.#session.executeAsync(deleteLink(device), signal);
  }

  /** The peer may be in another namespace, and only a socket of that namespace can raise it there. */
  #raise(name: string, netns: Netns | undefined): void {
    const raise = setLink(name, { up: true });
    if (netns === undefined) this.#session.conversation.execute(raise);
    else converseIn(netns, (conversation) => conversation.execute(raise));
  }

  #undo(name: string): void {
    try {
      this.delete(name);
    } catch {
      // What made this necessary is the error to report.
    }
  }
}

/** What the kernel does not take in the message that creates a device. */
function laterSteps({ name, alias }: CreateLinkOptions): Request[] {
  return alias === undefined ? [] : [setLink(name, { alias })];
}
