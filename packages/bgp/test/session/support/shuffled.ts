import type { ConnectOptions, Connection, Transport } from "../../../src/transport/transport.ts";

/** What is under way in one direction of one connection: in order, and in no order with anything else. */
class Lane {
  readonly items: (() => void)[] = [];
  /** Whoever receives does not read. */
  blocked = false;
}

/**
 * Hosts, and whatever is under way between them: it arrives in the order that the test chooses. Only what TCP promises holds:
 * each direction of a connection keeps its order.
 */
export class Shuffled {
  readonly #lanes: Lane[] = [];
  readonly #accepting = new Map<string, (connection: Connection) => void>();
  /** Ends that nobody has closed. */
  readonly open = new Set<Connection>();

  lane(): Lane {
    const lane = new Lane();
    this.#lanes.push(lane);
    return lane;
  }

  host(address: string, onConnection: (connection: Connection) => void): Transport {
    this.#accepting.set(address, onConnection);
    return {
      supports: { md5: false, ttl: false, interface: false },
      connect: (options) => this.#connect(address, options),
      listen: () => Promise.reject(new Error("listens anyway")),
    };
  }

  /** Lets one thing happen. @returns false: nothing is under way */
  step(choice: number): boolean {
    const ready = this.#lanes.filter(({ items, blocked }) => items.length > 0 && !blocked);
    const lane = ready[choice % Math.max(1, ready.length)];
    lane?.items.shift()?.();
    return lane !== undefined;
  }

  #connect(from: string, { address, signal }: ConnectOptions): Promise<Connection> {
    const there = this.lane();
    const back = this.lane();
    return new Promise((resolve, reject) => {
      let active: End | undefined;
      signal.addEventListener("abort", () => {
        if (active === undefined) there.items.length = 0;
        else active.destroy();
        reject(signal.reason as Error);
      });
      there.items.push(() => {
        active = new End(this, from, address, there, back);
        const passive = new End(this, address, from, back, there);
        active.peer = passive;
        passive.peer = active;
        const answer = active;
        back.items.push(() => {
          if (this.open.has(answer)) resolve(answer);
          else reject(new Error("reset before it was there"));
        });
        this.#accepting.get(address)?.(passive);
      });
    });
  }
}

class End implements Connection {
  readonly local: Connection["local"];
  readonly remote: Connection["remote"];
  readonly bufferedBytes = 0;
  onData: (bytes: Uint8Array) => void = () => undefined;
  onDrain: () => void = () => undefined;
  onClose: (error: Error | undefined) => void = () => undefined;
  peer: End | undefined;
  readonly #network: Shuffled;
  readonly #out: Lane;
  readonly #in: Lane;
  #closed = false;

  constructor(network: Shuffled, local: string, remote: string, out: Lane, incoming: Lane) {
    this.#network = network;
    this.local = { address: local, port: 1 };
    this.remote = { address: remote, port: 2 };
    this.#out = out;
    this.#in = incoming;
    network.open.add(this);
  }

  write(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#out.items.push(() => {
      if (this.peer !== undefined && !this.peer.#closed) this.peer.onData(bytes);
    });
  }
  pause(): void {
    this.#in.blocked = true;
  }
  resume(): void {
    this.#in.blocked = false;
  }
  end(): void {
    this.#close();
  }
  destroy(): void {
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.resume();
    this.#network.open.delete(this);
    this.#out.items.push(() => {
      this.peer?.destroy();
    });
    this.#network.lane().items.push(() => {
      this.onClose(undefined);
    });
  }
}
