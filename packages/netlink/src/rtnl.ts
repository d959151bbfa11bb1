import { Addresses } from "./addresses.ts";
import { type EventGroup, GROUPS } from "./events.ts";
import { Fdb } from "./fdb.ts";
import { Links } from "./links.ts";
import { Neighbours } from "./neighbours.ts";
import { Netns } from "./netns.ts";
import type { AsyncOptions, Request } from "./request.ts";
import { Routes } from "./routes.ts";
import { Rules } from "./rules.ts";
import { Session } from "./session.ts";
import { type SubscribeOptions, Subscription } from "./subscription.ts";

export interface RtnlOptions {
  /**
   * The namespace to work in: a handle, or what {@link Netns.open} takes.
   *
   * @defaultValue {@link Netns.home}
   */
  readonly netns?: Netns | string;
}

const EVENT_BUFFER = 0x40_0000;

/**
 * rtnetlink of one network namespace. Bound to it when opened; after that the calling thread need not be
 * inside.
 *
 * Requests are synchronous: the kernel answers within the system call, in some 10 µs. The few that make it
 * wait have asynchronous variants (`links.deleteAsync`, `links.setAsync`, `executeAsync`, `batchAsync`).
 *
 * @example
 * using rtnl = Rtnl.open({ netns: "blue" });
 * rtnl.links.create({ kind: "veth", name: "veth0", peer: { name: "veth1", up: true }, up: true });
 * rtnl.addresses.add({ device: "veth0", address: "10.0.0.1/24" });
 */
export class Rtnl implements Disposable {
  readonly links: Links;
  readonly addresses: Addresses;
  readonly routes: Routes;
  readonly rules: Rules;
  readonly neighbours: Neighbours;
  readonly fdb: Fdb;
  readonly #session: Session;

  private constructor(session: Session) {
    this.#session = session;
    this.links = new Links(session);
    this.addresses = new Addresses(session);
    this.routes = new Routes(session);
    this.rules = new Rules(session);
    this.neighbours = new Neighbours(session);
    this.fdb = new Fdb(session);
  }

  /**
   * Opens a handle. Needs CAP_SYS_ADMIN to enter another namespace; listing in one's own needs nothing,
   * changing CAP_NET_ADMIN. A `netns` handle passed in stays the caller's and may be closed.
   *
   * @throws {@link NetlinkError} `ERR_NOT_FOUND`, `ERR_PERMISSION`, `ERR_UNSUPPORTED` on other platforms
   * and before Linux 4.20.
   */
  static open({ netns = Netns.home }: RtnlOptions = {}): Rtnl {
    const own = typeof netns === "string" ? Netns.open(netns) : netns.clone();
    try {
      return new Rtnl(new Session(own));
    } catch (error) {
      own.close();
      throw error;
    }
  }

  /** The namespace this handle works in, lent. @throws {@link NetlinkError} `ERR_CLOSED` */
  get netns(): Netns {
    return this.#session.netns;
  }

  get closed(): boolean {
    return this.#session.isClosed;
  }

  /** Carries out one request. @throws {@link NetlinkError} */
  execute(request: Request): void {
    this.#session.conversation.execute(request);
  }

  /** Carries out one request on another thread. @throws {@link NetlinkError} */
  async executeAsync(request: Request, { signal }: AsyncOptions = {}): Promise<void> {
    await this.#session.executeAsync(request, signal);
  }

  /**
   * Carries out many requests, 500 per system call: about twice as fast as one by one. Each stands for
   * itself: one that is refused does not keep the others from being carried out. Device names are looked up
   * before their lot is sent, once per batch; so name no device that the same batch renames. A generator is
   * read as the batch proceeds, so a million requests need no room.
   *
   * @example
   * rtnl.batch(pods.map((pod) => addRoute({ to: pod.address, device: pod.device })));
   *
   * @throws {@link BatchError} with every refusal and the request it belongs to.
   */
  batch(requests: Iterable<Request>): void {
    this.#session.conversation.batch(requests);
  }

  /**
   * Like {@link batch}, on another thread; called off, it ends between two lots.
   *
   * @throws {@link BatchError}
   */
  async batchAsync(requests: Iterable<Request>, { signal }: AsyncOptions = {}): Promise<void> {
    await this.#session.batchAsync(requests, signal);
  }

  /**
   * Watches the namespace, from now on.
   *
   * @example
   * for await (const event of rtnl.subscribe(["link"], { signal })) {
   *   if (event.type === "link:changed") console.log(event.link.name, event.link.state);
   * }
   */
  subscribe(groups: readonly EventGroup[], options: SubscribeOptions = {}): Subscription {
    const socket = this.#session.openSocket(options.receiveBuffer ?? EVENT_BUFFER);
    try {
      for (const group of groups) for (const number of GROUPS[group]) socket.join(number);
    } catch (error) {
      socket.close();
      throw error;
    }
    return new Subscription(socket, options.signal);
  }

  /**
   * Gives up the socket and the namespace. What was configured stays, subscriptions go on, asynchronous
   * requests under way finish, and those that still wait for their turn fail with `ERR_CLOSED`. May be
   * called again.
   */
  close(): void {
    this.#session.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
