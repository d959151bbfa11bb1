import { type Clock, systemClock } from "../clock.ts";
import { BgpError } from "../errors.ts";
import { connectionPair } from "./memory-connection.ts";
import { Host } from "./memory-host.ts";
import { MemoryLink } from "./memory-link.ts";
import type { ConnectOptions, Connection, Transport } from "./transport.ts";

export interface MemoryNetworkOptions {
  /** @defaultValue the clock of the process */
  readonly clock?: Clock;
  /** From one host to another, in milliseconds. @defaultValue 0: at the clock's next turn */
  readonly latency?: number;
  /** Bytes that are on their way to a host, or wait there unread, until its sender has to. @defaultValue 65536 */
  readonly window?: number;
}

/** A network inside this process, for tests: the same calls and the same clock give the same course of events. */
export interface MemoryNetwork {
  /** What a host with these addresses opens connections by. Each call is another host. */
  transport(host: { readonly address: string | readonly string[] }): Transport;
  /** Nothing passes between two addresses any more, and nobody is told. What is under way waits. */
  cut(one: string, other: string): void;
  heal(one: string, other: string): void;
  /** A host reads so many bytes a millisecond from each connection; 0: none. Without a number, all at once again. */
  throttle(address: string, bytesPerMillisecond?: number): void;
}

/** Makes a network without hosts. TCP-MD5 keys and TTL security work as between neighbours. */
export function memoryNetwork(options: MemoryNetworkOptions = {}): MemoryNetwork {
  return new Network(options);
}

class Network implements MemoryNetwork {
  readonly #clock: Clock;
  readonly #latency: number;
  readonly #window: number;
  readonly #hosts = new Map<string, Host>();
  readonly #links = new Map<string, MemoryLink>();

  constructor({ clock = systemClock, latency = 0, window = 65_536 }: MemoryNetworkOptions) {
    this.#clock = clock;
    this.#latency = latency;
    this.#window = window;
  }

  transport({ address }: { readonly address: string | readonly string[] }): Transport {
    const addresses = typeof address === "string" ? [address] : address;
    const host = new Host(addresses, (from, options) => this.#connect(from, options));
    for (const one of addresses) {
      if (this.#hosts.has(one)) throw new TypeError(`${one} is another host's`);
      this.#hosts.set(one, host);
    }
    return host;
  }

  cut(one: string, other: string): void {
    this.#link(one, other).cut();
  }

  heal(one: string, other: string): void {
    this.#link(one, other).heal();
  }

  throttle(address: string, bytesPerMillisecond = Number.POSITIVE_INFINITY): void {
    const host = this.#hosts.get(address);
    if (host === undefined) throw new TypeError(`${address} is nobody's`);
    host.throttle(bytesPerMillisecond);
  }

  /** A SYN there, its answer back; silence wherever TCP would be silent. */
  #connect(from: Host, options: ConnectOptions): Promise<Connection> {
    const { address, port, signal } = options;
    const source = options.localAddress ?? from.sourceFor(address);
    const failed = (why: string): BgpError =>
      new BgpError("ERR_BGP_TRANSPORT", `connect to ${address} port ${port}: ${why}`);
    return new Promise((resolve, reject) => {
      if (signal.aborted || source === undefined) {
        reject(signal.aborted ? (signal.reason as Error) : failed("no address of that family"));
        return;
      }
      let over = false;
      const settle = (act: () => void): void => {
        if (over) return;
        over = true;
        signal.removeEventListener("abort", onAbort);
        act();
      };
      const onAbort = (): void => settle(() => reject(signal.reason as Error));
      signal.addEventListener("abort", onAbort);
      const link = this.#link(source, address);
      const answer = (act: () => void): void => link.carry(() => settle(act));
      link.carry(() => {
        const target = this.#hosts.get(address);
        if (target === undefined) return answer(() => reject(failed("no route to host")));
        const listener = target.listenerFor(address, port);
        if (listener === undefined) return answer(() => reject(failed("connection refused")));
        if (over || !listener.hears(source, options)) return;
        const local = { address: source, port: options.localPort ?? from.nextPort() };
        const ends = connectionPair({
          ...{ clock: this.#clock, link, window: this.#window },
          ...{ active: { host: from, ...local }, passive: { host: target, address, port } },
        });
        link.carry(() => {
          // Nobody waits for it any more.
          if (over) ends.active.destroy();
          else settle(() => resolve(ends.active));
        });
        listener.accept(ends.passive);
      });
    });
  }

  #link(one: string, other: string): MemoryLink {
    // Each way is the same cable: whoever asks second gets it turned round.
    const name = [one, other].sort().join(" ");
    let link = this.#links.get(name);
    if (link === undefined) this.#links.set(name, (link = new MemoryLink(this.#clock, this.#latency)));
    return link;
  }
}
