import { createSpeaker } from "../../../src/speaker/speaker.ts";
import type { PeerConfig, SpeakerConfig } from "../../../src/api/config.ts";
import type { SpeakerDependencies } from "../../../src/speaker/deps.ts";
import type { Speaker } from "../../../src/speaker/types.ts";
import { memoryNetwork } from "../../../src/transport/memory.ts";
import type { Policy } from "../../../src/api/policy.ts";
import { VirtualClock } from "../../session/support/virtual-clock.ts";

/** Everything passes. */
export const ALL: Policy = { statements: [{ action: "accept" }] };

/** Everything passes, of IPv4, in both directions. */
export const OPEN = { "ipv4-unicast": { import: ALL, export: ALL } } as const;

type Overrides = Partial<Omit<SpeakerConfig, "peers">> & { readonly peers?: readonly Partial<PeerConfig>[] };

/** Speakers on a network in memory, whose time passes when it is told to. */
export class Fabric {
  readonly clock = new VirtualClock();
  readonly network = memoryNetwork({ clock: this.clock, latency: 1 });
  readonly #transports = new Map<string, ReturnType<typeof this.network.transport>>();
  readonly #speakers: Speaker[] = [];

  /** A speaker at `address` that listens; its peers are named by their addresses. */
  speaker(
    address: string,
    asn: number,
    peers: readonly (Partial<PeerConfig> & { readonly at: string; readonly asn: PeerConfig["remoteAsn"] })[],
    {
      restarting = false,
      ready,
      ...more
    }: Overrides & {
      readonly restarting?: boolean;
      readonly ready?: Promise<unknown>;
      readonly dependencies?: SpeakerDependencies;
    } = {},
  ): Speaker {
    const speaker = createSpeaker(this.config(address, asn, peers, more), {
      transport: this.transport(address),
      clock: this.clock,
      random: () => 0.5,
      defer: this.clock.turn,
      ...more.dependencies,
    });
    this.#speakers.push(speaker);
    void speaker.start({ restarting, ...(ready === undefined ? {} : { ready }) });
    return speaker;
  }

  config(
    address: string,
    asn: number,
    peers: readonly (Partial<PeerConfig> & { readonly at: string; readonly asn: PeerConfig["remoteAsn"] })[],
    more: Overrides = {},
  ): SpeakerConfig {
    return {
      asn,
      routerId: address,
      listen: { addresses: [address] },
      ...(more.routerId === undefined ? {} : { routerId: more.routerId }),
      peers: peers.map(({ at, asn: remoteAsn, ...rest }) => ({
        name: at,
        remote: { address: at },
        remoteAsn,
        families: OPEN,
        ...rest,
      })),
    };
  }

  transport(address: string): ReturnType<typeof this.network.transport> {
    const known = this.#transports.get(address) ?? this.network.transport({ address });
    this.#transports.set(address, known);
    return known;
  }

  async seconds(count: number): Promise<void> {
    await this.clock.advance(count * 1000);
  }

  /** Lets time pass until it is done, at most a minute. */
  async until<T>(work: Promise<T>): Promise<T> {
    let over = false;
    void work.catch(() => undefined).then(() => (over = true));
    for (let second = 0; second < 60 && !over; second++) {
      await this.seconds(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return work;
  }

  async close(): Promise<void> {
    const closing = Promise.all(this.#speakers.splice(0).map((speaker) => speaker.close("preserve")));
    await this.seconds(5);
    await closing;
  }
}

/** What a speaker thinks best, as text. */
export function best(speaker: Speaker): string[] {
  return [...speaker.routes()]
    .map(({ prefix, peer, attributes: { asPath, nextHop } }) => {
      const path = asPath.flatMap(({ asns }) => asns).join(" ");
      return `${prefix} ${peer ?? "local"} via ${nextHop} [${path}]`;
    })
    .toSorted();
}

export function states(speaker: Speaker): string[] {
  return speaker.peers().map(({ name, state }) => `${name} ${state}`);
}
