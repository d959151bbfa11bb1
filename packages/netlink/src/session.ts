import { Conversation } from "./conversation.ts";
import { closed } from "./errors.ts";
import type { Netns } from "./netns.ts";
import type { Request } from "./request.ts";
import { type NetlinkSocket, openNetlinkSocket } from "./sys/netlink-socket.ts";

/** 500 refusals, as the kernel counts, with room to spare. */
const RECEIVE_BUFFER = 0x10_0000;
/**
 * Slow requests hold a thread of libuv's pool (4 by default) and the kernel lets one change links at a time,
 * so more of them would only starve file operations.
 */
const SLOW_AT_ONCE = 2;

const waiting: (() => void)[] = [];
let running = 0;

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
    return openNetlinkSocket({ namespaceFd: this.netns.fd, receiveBuffer });
  }

  executeAsync(request: Request): Promise<void> {
    return this.#apart((conversation) => conversation.executeAsync(request));
  }

  batchAsync(requests: readonly Request[]): Promise<void> {
    return this.#apart((conversation) => conversation.batchAsync(requests));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conversation.close();
    this.#netns.close();
  }

  /** A socket of its own, so that its answer does not mix with those of synchronous requests. */
  async #apart(work: (conversation: Conversation) => Promise<void>): Promise<void> {
    await slot();
    try {
      const conversation = new Conversation(this.openSocket(RECEIVE_BUFFER));
      try {
        await work(conversation);
      } finally {
        conversation.close();
      }
    } finally {
      release();
    }
  }
}

/** Runs `work` with a short-lived conversation in another namespace. */
export function converseIn(netns: Netns, work: (conversation: Conversation) => void): void {
  const socket = openNetlinkSocket({ namespaceFd: netns.fd, receiveBuffer: RECEIVE_BUFFER });
  try {
    work(new Conversation(socket));
  } finally {
    socket.close();
  }
}

async function slot(): Promise<void> {
  if (running < SLOW_AT_ONCE) {
    running += 1;
    return;
  }
  // Handed over by release(), which leaves the count as it is.
  await new Promise<void>((resolve) => waiting.push(resolve));
}

function release(): void {
  const next = waiting.shift();
  if (next === undefined) running -= 1;
  else next();
}
