import { exportBmp, type BmpExporter } from "../bmp/exporter.ts";
import { BgpError } from "../errors.ts";
import { Rib } from "../rib/rib.ts";
import type { Connection } from "../transport/transport.ts";
import { FAMILIES, type Family } from "../wire/family.ts";
import { cease, CEASE, encodeNotification } from "../wire/notification.ts";
import { callerOf } from "./callers.ts";
import { checkConfig } from "./check-config.ts";
import type { PeerConfig, SpeakerConfig } from "../api/config.ts";
import { worldOf, type SpeakerDependencies, type World } from "./deps.ts";
import { Doors } from "./doors.ts";
import { effectOf } from "./effect.ts";
import { Events } from "./events.ts";
import { requireSupport } from "./expectations.ts";
import { Loader } from "./loader.ts";
import { Monitors, type SessionMonitor } from "./monitor.ts";
import { Peer, type PeerHost } from "./peer.ts";
import type { PeerStatus, RibRoute } from "../api/status.ts";
import type { LocalRoute } from "../api/local-route.ts";
import type { CloseMode, ConfigEffect, Speaker, SpeakerEvents, StartOptions } from "./types.ts";

/**
 * Makes a speaker. Nothing happens before {@link Speaker.start}.
 *
 * @throws {@link BgpError} `ERR_BGP_CONFIG`, naming the peer and the field.
 */
export function createSpeaker(config: SpeakerConfig, dependencies: SpeakerDependencies = {}): Speaker {
  const world = worldOf(dependencies);
  checkConfig(config);
  requireSupport(config, world);
  return new BgpSpeaker(config, world);
}

/** Seconds: how long peers keep what we told them, where the configuration does not say (RFC 4724). */
const RESTART_TIME = 120;

/** Best routes told at once. */
const BATCH = 1000;

class BgpSpeaker implements Speaker {
  readonly #world: World;
  readonly #rib: Rib;
  readonly #events = new Events((event, anybody) => {
    // What nobody asks for need not be written down: it costs more than all else together.
    if (event === "best:changed") this.#rib.watchBest(anybody);
  });
  readonly #monitors = new Monitors((error) => this.#events.report(error));
  readonly #peers = new Map<string, Peer>();
  readonly #loader: Loader;
  readonly #doors: Doors;
  #config: SpeakerConfig;
  #exporter: BmpExporter | undefined;
  #status: "idle" | "running" | "closed" = "idle";
  #turn: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #restartOver = 0;
  #ready: Promise<unknown> = Promise.resolve();

  constructor(config: SpeakerConfig, world: World) {
    this.#world = world;
    this.#config = config;
    this.#rib = this.#makeRib();
    this.#loader = new Loader(this.#rib, world);
    this.#doors = new Doors({
      transport: world.transport,
      onConnection: (connection) => this.#called(connection),
      onError: (error) => this.#events.report(error),
    });
  }

  start(options: StartOptions = {}): Promise<void> {
    return this.#inTurn(() => this.#start(options));
  }

  plan(config: SpeakerConfig): ConfigEffect {
    checkConfig(config);
    requireSupport(config, this.#world);
    return effectOf(this.#config, config);
  }

  apply(config: SpeakerConfig): Promise<ConfigEffect> {
    return this.#inTurn(() => this.#apply(config));
  }

  advertise(set: string, routes: Iterable<LocalRoute>): void {
    if (this.#status === "closed") throw closed();
    this.#rib.advertise(set, routes);
    this.#loader.overtake(set);
  }

  async load(set: string, routes: Iterable<LocalRoute>): Promise<void> {
    await this.#loader.load(set, routes, () => {
      if (this.#status === "closed") throw closed();
    });
  }

  peers(): readonly PeerStatus[] {
    return [...this.#peers.values()].map((peer) => peer.status());
  }

  routes(query?: {
    readonly peer: string;
    readonly direction: "received" | "advertised";
  }): Iterable<RibRoute> {
    if (query === undefined) return this.#rib.best();
    return this.#peer(query.peer).routes(query.direction);
  }

  explain(name: string, prefix: string): string {
    const peer = this.#peer(name);
    if (peer.state !== "established") return `${name} is ${peer.state}: it is told nothing`;
    return this.#rib.explain(name, prefix);
  }

  refresh(name: string, direction: "in" | "out", family?: Family): void {
    const peer = this.#peer(name);
    for (const each of family === undefined ? FAMILIES : [family]) peer.refresh(direction, each);
  }

  reset(name: string, message?: string): void {
    this.#peer(name).reset(message);
  }

  on<Name extends keyof SpeakerEvents>(
    event: Name,
    listener: (...parameters: SpeakerEvents[Name]) => void,
  ): () => void {
    return this.#events.on(event, listener);
  }

  monitor(monitor: SessionMonitor): () => void {
    return this.#monitors.add(
      monitor,
      [...this.#peers.values()].flatMap((peer) => peer.monitored() ?? []),
    );
  }

  close(mode: CloseMode = this.#closeMode(), message?: string): Promise<void> {
    this.#status = "closed";
    return (this.#closing ??= this.#inTurn(() => this.#close(mode, message)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What changes who there is comes one after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #start({ restarting = false, ready = Promise.resolve() }: StartOptions): Promise<void> {
    if (this.#status === "running") return;
    if (this.#status === "closed") throw closed();
    // A gate that fails is as good as one that opens late: peers flush what has not been told by then.
    this.#ready = ready.catch((error: unknown) => this.#events.report(error));
    if (restarting) this.#restartOver = this.#world.clock.monotonic() + this.#restartTime();
    await this.#doors.configure(this.#config);
    if (this.#isClosed()) throw closed();
    this.#status = "running";
    this.#export();
    for (const peer of this.#config.peers) this.#add(peer);
  }

  async #apply(config: SpeakerConfig): Promise<ConfigEffect> {
    if (this.#isClosed()) throw closed();
    const effect = this.plan(config);
    const before = this.#config;
    if (this.#status === "running") await this.#openDoors(config, before);
    this.#config = config;
    if (this.#status !== "running") return effect;
    this.#export();
    const again = effect.reset.map(({ peer }) => peer);
    await Promise.all([
      ...effect.removed.map((name) => this.#remove(name, CEASE.peerDeconfigured)),
      ...again.map((name) => this.#remove(name, CEASE.otherConfigurationChange)),
    ]);
    if (this.#isClosed()) throw closed();
    // As somebody else, with nothing of what the peers told the one before.
    if (before.asn !== config.asn || before.routerId !== config.routerId) this.#rib.setIdentity(config);
    for (const peer of config.peers) {
      if (effect.added.includes(peer.name) || again.includes(peer.name)) this.#add(peer);
      else if (effect.soft.includes(peer.name)) this.#configure(peer);
    }
    return effect;
  }

  /** Where the new ones cannot be had, the old ones stay. */
  async #openDoors(config: SpeakerConfig, before: SpeakerConfig): Promise<void> {
    try {
      await this.#doors.configure(config);
    } catch (error) {
      await this.#doors.configure(before).catch((again: unknown) => this.#events.report(again));
      throw error;
    }
  }

  async #close(mode: CloseMode, message: string | undefined): Promise<void> {
    const { administrativeShutdown: subcode } = CEASE;
    const how = mode === "preserve" ? ("silent" as const) : { subcode, message, hard: true };
    const peers = [...this.#peers.values()];
    this.#peers.clear();
    await Promise.all([this.#doors.close(), ...peers.map((peer) => peer.stop(how))]);
    await this.#exporter?.close();
    this.#events.clear();
  }

  /** Asked after each wait. */
  #isClosed(): boolean {
    return this.#status === "closed";
  }

  /** Where every peer keeps what we told it, the end of a process need not be the end of its routes. */
  #closeMode(): CloseMode {
    return this.#config.peers.every(({ gracefulRestart }) => gracefulRestart !== false)
      ? "preserve"
      : "withdraw";
  }

  #makeRib(): Rib {
    const { asn, routerId } = this.#config;
    const rib: Rib = new Rib({
      asn,
      routerId,
      onBest: () => queueMicrotask(() => this.#tellBest()),
      onWork: () => this.#world.defer(() => this.#workOn(rib)),
    });
    rib.watchBest(this.#events.has("best:changed"));
    return rib;
  }

  /** A table that goes at once goes in pieces. */
  #workOn(rib: Rib): void {
    if (rib.work()) this.#world.defer(() => this.#workOn(rib));
  }

  /** A batch a turn: whoever installs a full table must not keep sessions waiting. */
  #tellBest(): void {
    if (this.#status === "closed") return;
    const changes = this.#rib.takeBestChanges(BATCH);
    if (changes.length === 0) return;
    this.#events.emit("best:changed", changes);
    this.#world.defer(() => this.#tellBest());
  }

  #export(): void {
    const { bmp, routerId } = this.#config;
    const { transport, clock, random, slices } = this.#world;
    if (bmp === undefined) {
      void this.#exporter?.close();
      this.#exporter = undefined;
      return;
    }
    const config = { ...bmp, sysName: bmp.sysName ?? routerId };
    if (this.#exporter !== undefined) return this.#exporter.configure(config);
    const onError = (error: BgpError): void => this.#events.report(error);
    this.#exporter = exportBmp(this, { ...config, transport, clock, random, slices, onError });
  }

  #called(connection: Connection): void {
    const config = callerOf(connection, this.#config.peers);
    const peer = config === undefined ? undefined : this.#callee(config, connection);
    if (peer !== undefined && !this.#isClosed()) return peer.accept(connection);
    connection.write(encodeNotification(cease("connectionRejected")));
    connection.end(1000);
  }

  /** A dynamic peer is made when it calls. */
  #callee(config: PeerConfig, { remote }: Connection): Peer | undefined {
    if (!("dynamic" in config.remote)) return this.#peers.get(config.name);
    const name = `${config.name}/${remote.address}`;
    const known = this.#peers.get(name);
    if (known !== undefined) return known;
    const { limit = 100 } = config.remote;
    const siblings = [...this.#peers.values()].filter((peer) => peer.config.name === config.name);
    if (siblings.length >= limit) return undefined;
    const peer = new Peer(this.#host(), config, name);
    this.#peers.set(name, peer);
    peer.start();
    return peer;
  }

  #add(config: PeerConfig): void {
    if ("dynamic" in config.remote) return;
    const peer = new Peer(this.#host(), config);
    this.#peers.set(config.name, peer);
    peer.start();
  }

  #configure(config: PeerConfig): void {
    for (const peer of this.#named(config.name)) peer.configure(config);
  }

  async #remove(name: string, subcode: number): Promise<void> {
    const peers = this.#named(name);
    for (const peer of peers) this.#peers.delete(peer.name);
    await Promise.all(peers.map((peer) => peer.stop({ subcode, hard: true })));
  }

  /** Those that share a configuration: one, or all dynamic ones of it. */
  #named(name: string): Peer[] {
    return [...this.#peers.values()].filter(({ config }) => config.name === name);
  }

  #peer(name: string): Peer {
    const peer = this.#peers.get(name);
    if (peer !== undefined) return peer;
    const known = [...this.#peers.keys()].join(", ");
    throw new BgpError("ERR_BGP_CONFIG", `there is no peer ${name}`, {
      input: name,
      remedy: known === "" ? "no peer is configured" : `there are ${known}`,
    });
  }

  #host(): PeerHost {
    const { asn, routerId } = this.#config;
    return {
      world: this.#world,
      rib: this.#rib,
      asn,
      routerId,
      ready: this.#ready,
      monitors: this.#monitors,
      restarting: () => this.#world.clock.monotonic() < this.#restartOver,
      changed: (peer, before, reason) => {
        this.#events.emit("peer:changed", peer.status(), before, reason);
        // Whoever called and came to nothing takes nobody's place.
        if (before !== "established" && !peer.calling) this.#gone(peer);
      },
      complete: (peer, family) => this.#events.emit("rib:complete", peer.name, family),
      malformed: (peer, faults) => this.#events.emit("update:malformed", peer.name, faults),
      report: (error) => this.#events.report(error),
      gone: (peer) => this.#gone(peer),
    };
  }

  /** A dynamic peer that has gone for good is made again when it calls again. */
  #gone(peer: Peer): void {
    if (!("dynamic" in peer.config.remote) || this.#peers.get(peer.name) !== peer) return;
    this.#peers.delete(peer.name);
    // Not from within what its session tells of.
    this.#world.defer(() => void peer.stop("silent"));
  }

  /** Milliseconds: longest that any peer keeps what we told it. */
  #restartTime(): number {
    const times = this.#config.peers.map(({ gracefulRestart }) =>
      gracefulRestart === false ? 0 : (gracefulRestart?.restartTime ?? RESTART_TIME),
    );
    return Math.max(0, ...times) * 1000;
  }
}

function closed(): BgpError {
  return new BgpError("ERR_BGP_CLOSED", "the speaker is closed", { remedy: "make another one" });
}
