import { Conversation } from "./conversation.ts";
import { closed } from "./errors.ts";
import { Limiter } from "./limiter.ts";
import type { Netns } from "./netns.ts";
import type { Request } from "./request.ts";
import { type NetlinkSocket, openNetlinkSocket } from "./sys/netlink-socket.ts";

/** 500 refusals, as the kernel counts, with room to spare. */
const RECEIVE_BUFFER = 0x10_0000;
/**
 * Slow requests hold a thread of libuv's pool (4 by default) and the kernel lets one change links at a time,
 * so more of them would only starve file operations.
 */
const slow = new Limiter(2);

/** What the collections of a handle share: its namespace, its socket, and the way off the main thread. */
export class Session {
  readonly #netns: Netns;
  readonly #conversation: Conversation;
  #closed = false;

  /** Owns `netns` from now on. */
  constructor(netns: Netns) {
    this.#netns = netns;
    this.#conversation = new Conversation(this.openSocket(RECEIVE_BUFFER));
  }

  /** @throws {@link NetlinkError} `ERR_CLOSED` */
  get conversation(): Conversation {
    if (this.#closed) throw closed("use rtnetlink handle");
    return this.#conversation;
  }

  /** @throws {@link NetlinkError} `ERR_CLOSED` */
  get netns(): Netns {
    if (this.#closed) throw closed("use rtnetlink handle");
    return this.#netns;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** A further socket in the namespace. */
  openSocket(receiveBuffer: number): NetlinkSocket {
    return openNetlinkSocket({ netns: this.netns, receiveBuffer });
  }

  executeAsync(request: Request, signal: AbortSignal | undefined): Promise<void> {
    return this.#apart((conversation) => conversation.executeAsync(request), signal);
  }

  batchAsync(requests: Iterable<Request>, signal: AbortSignal | undefined): Promise<void> {
    return this.#apart((conversation) => conversation.batchAsync(requests, signal), signal);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conversation.close();
    this.#netns.close();
  }

  /** A socket of its own, so that its answer does not mix with those of synchronous requests. */
  #apart(
    work: (conversation: Conversation) => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    return slow.run(async () => {
      const conversation = new Conversation(this.openSocket(RECEIVE_BUFFER));
      try {
        await work(conversation);
      } finally {
        conversation.close();
      }
    }, signal);
  }
}

/** Runs `work` with a short-lived conversation in another namespace. */
export function converseIn(netns: Netns, work: (conversation: Conversation) => void): void {
  const socket = openNetlinkSocket({ netns, receiveBuffer: RECEIVE_BUFFER });
  try {
    work(new Conversation(socket));
  } finally {
    socket.close();
  }
}
