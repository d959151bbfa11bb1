import type { BestChange, PeerStatus, RibRoute, Speaker, SpeakerConfig } from "@netloom/bgp";
import type { Clock, Timer } from "@netloom/core";
import { KernelRoutes, type KernelNextHop, type RouteTable } from "./kernel-routes.ts";

export interface LearnedRoutesOptions {
  readonly table: RouteTable;
  readonly clock: Clock;
  readonly report: (error: unknown) => void;
  /** Milliseconds until what an earlier process left is removed, whoever has told all by then. @defaultValue 120000 */
  readonly sweepAfter?: number | undefined;
}

const SWEEP_AFTER = 120_000;
/** Refusals are tried again: a device comes up, another's route goes. */
const RETRY_AFTER = 5000;
/** Nobody tells of routes that went with their device. */
const AUDIT_EVERY = 30_000;

/** Keeps the best learned routes of a speaker in a table. */
export class LearnedRoutes implements AsyncDisposable {
  readonly #options: LearnedRoutesOptions;
  readonly #routes: KernelRoutes;
  readonly #timers = new Set<Timer>();
  readonly #stops: (() => void)[] = [];
  #config: SpeakerConfig;
  #swept = false;
  #flushDue = false;
  #refused = "";
  #closed = false;

  constructor(config: SpeakerConfig, options: LearnedRoutesOptions) {
    this.#config = config;
    this.#options = options;
    this.#routes = new KernelRoutes(options.table);
  }

  /** Before the speaker starts. */
  async start(speaker: Speaker): Promise<void> {
    this.#stops.push(
      speaker.on("best:changed", (changes) => this.#changed(changes)),
      speaker.on("rib:complete", () => this.#told(speaker.peers())),
    );
    await this.#routes.adopt();
    this.#after(this.#options.sweepAfter ?? SWEEP_AFTER, () => this.#sweep());
    this.#audit();
  }

  /** What the speaker had learned before. Resolves when that has been written. */
  async take(routes: Iterable<RibRoute>): Promise<void> {
    for (const route of routes) this.#routes.set(route.prefix, this.#nextHops(route));
    await this.#flush();
  }

  /** Peers have other devices now. */
  configure(config: SpeakerConfig): void {
    this.#config = config;
  }

  /** How many routes are wanted, and in the table. */
  get counts(): { readonly wanted: number; readonly installed: number } {
    return { wanted: this.#routes.size, installed: this.#routes.installed };
  }

  /** The routes stay: whoever comes next adopts them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const stop of this.#stops) stop();
    for (const timer of this.#timers) timer.cancel();
    await this.#routes.flush().catch(this.#options.report);
    await this.#options.table[Symbol.asyncDispose]();
  }

  /** Nothing was learned any more: what is installed goes. */
  clear(): void {
    this.#routes.clear();
  }

  #changed(changes: readonly BestChange[]): void {
    for (const { prefix, route } of changes) this.#routes.set(prefix, this.#nextHops(route));
    this.#flushSoon();
  }

  #nextHops(route: RibRoute | undefined): readonly KernelNextHop[] {
    if (route?.peer === undefined) return [];
    const { nextHop, linkLocalNextHop } = route.attributes;
    const device = deviceOf(this.#config, route.peer);
    if (device === undefined) return [{ via: nextHop }];
    // Where the link is known, the address on it is sure to be reached (RFC 2545 section 3).
    const via = linkLocalNextHop ?? nextHop;
    return [isLinkLocal(via) ? { via, device } : { via }];
  }

  #told(peers: readonly PeerStatus[]): void {
    const all = peers.every(
      ({ state, families }) => state === "established" && families.every(({ endOfRib }) => endOfRib),
    );
    if (all) this.#sweep();
  }

  #sweep(): void {
    if (this.#swept) return;
    this.#swept = true;
    this.#routes.complete();
    this.#flushSoon();
  }

  #audit(): void {
    this.#after(AUDIT_EVERY, () => {
      this.#routes
        .audit()
        .then((lost) => (lost > 0 ? this.#flushSoon() : undefined))
        .catch(this.#options.report);
      this.#audit();
    });
  }

  #flushSoon(): void {
    if (this.#flushDue || this.#closed) return;
    this.#flushDue = true;
    this.#after(0, () => void this.#flush());
  }

  async #flush(): Promise<void> {
    this.#flushDue = false;
    try {
      const refusals = await this.#routes.flush();
      const refused = refusals.map(({ error }) => String(error)).join("\n");
      // The same refusal is told once, not at every attempt.
      if (refused !== this.#refused) for (const { error } of refusals) this.#options.report(error);
      this.#refused = refused;
      if (refusals.length > 0) this.#after(RETRY_AFTER, () => this.#flushSoon());
    } catch (error) {
      this.#options.report(error);
      this.#after(RETRY_AFTER, () => this.#flushSoon());
    }
  }

  #after(milliseconds: number, work: () => void): void {
    if (this.#closed) return;
    const timer = this.#options.clock.after(milliseconds, () => {
      this.#timers.delete(timer);
      work();
    });
    this.#timers.add(timer);
  }
}

/** The device on which a peer is, where its configuration says so. */
function deviceOf(config: SpeakerConfig, name: string): string | undefined {
  const peer = config.peers.find((one) => one.name === name);
  if (peer === undefined) return undefined;
  if ("interface" in peer.remote) return peer.remote.interface;
  if ("address" in peer.remote && peer.remote.address.includes("%")) return peer.remote.address.split("%")[1];
  return peer.transport?.interface;
}

function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/.test(address);
}
