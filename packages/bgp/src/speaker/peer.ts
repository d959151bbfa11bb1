import { isDeepStrictEqual } from "node:util";
import { BgpError } from "../errors.ts";
import type { AdjOut } from "../rib/adj-out.ts";
import type { RibPeer } from "../rib/peer.ts";
import type { Rib, RibPeerId } from "../rib/rib.ts";
import { familiesOf } from "../session/open.ts";
import type { Down, SessionHandler } from "../session/handler.ts";
import { Session } from "../session/session.ts";
import { configuredTarget, type Target } from "../session/target.ts";
import type { Connection } from "../transport/transport.ts";
import type { Family } from "../wire/family.ts";
import type { Negotiated } from "../wire/negotiate.ts";
import { encodeEndOfRib } from "../wire/pack.ts";
import { encodeRouteRefresh } from "../wire/route-refresh.ts";
import type { AttributeFault, Update } from "../wire/update.ts";
import { withoutScope } from "./callers.ts";
import type { PeerConfig } from "../api/config.ts";
import type { World } from "./deps.ts";
import { Flush } from "./flush.ts";
import type { MonitoredSession, Monitors } from "./monitor.ts";
import { statusOf } from "./peer-status.ts";
import { PathWatch } from "./path-watch.ts";
import { restartOf, Retention } from "./retention.ts";
import { CEASE } from "../wire/notification.ts";
import type { FamilyStatus, PeerState, PeerStatus, RibRoute } from "../api/status.ts";

/** What a peer needs of the speaker it belongs to. */
export interface PeerHost {
  readonly world: World;
  readonly rib: Rib;
  readonly asn: number;
  readonly routerId: string;
  /** This process has taken the place of another a moment ago. */
  restarting(): boolean;
  /** Everything of ours has been told: End-of-RIB may go out. */
  readonly ready: Promise<unknown>;
  readonly monitors: Monitors;
  changed(peer: Peer, before: PeerState, reason: BgpError | undefined): void;
  complete(peer: Peer, family: Family): void;
  malformed(peer: Peer, faults: readonly AttributeFault[]): void;
  report(error: unknown): void;
  /** The session is down, and none of its routes are kept. */
  gone(peer: Peer): void;
}

/** One peer: its session, its routes in the RIB, and what it is told. */
export class Peer implements SessionHandler {
  readonly name: string;
  readonly #host: PeerHost;
  readonly #session: Session;
  readonly #retention: Retention;
  #config: PeerConfig;
  #ribPeer: RibPeerId | undefined;
  #ribFacts: RibPeer | undefined;
  /** Of #ribPeer: with another AS or identifier it is somebody else. */
  #ribIdentity = "";
  #flush: Flush | undefined;
  readonly #outs = new Map<Family, AdjOut>();
  readonly #pathWatch: PathWatch;
  /** Everything is being told again, between two marks. */
  readonly #refreshing = new Set<Family>();
  readonly #complete = new Set<Family>();
  #established = 0;
  #negotiated: Negotiated | undefined;
  #monitored: MonitoredSession | undefined;

  /** @param name - of a dynamic peer: with its address, for several share a configuration */
  constructor(host: PeerHost, config: PeerConfig, name = config.name) {
    this.name = name;
    this.#host = host;
    this.#config = config;
    const { world, asn, routerId } = host;
    const { clock } = world;
    this.#retention = new Retention(
      {
        markStale: (family) => this.#inRib((rib, peer) => rib.markStale(peer, family)),
        markLongLivedStale: (family) => this.#inRib((rib, peer) => rib.markLongLivedStale(peer, family)),
        sweepStale: (family) => this.#inRib((rib, peer) => rib.sweepStale(peer, family)),
        drop: (family) => this.#inRib((rib, peer) => rib.drop(peer, family)),
      },
      clock,
      () => {
        if (this.state === "established") return;
        this.#forget();
        host.gone(this);
      },
    );
    this.#pathWatch = new PathWatch({
      detector: world.failureDetector,
      onDown: () => this.#session.reset(CEASE.bfdDown, undefined, { hard: true }),
      report: (error) => host.report(error),
    });
    this.#session = new Session({
      config,
      local: { asn: config.localAsn ?? asn, routerId },
      facts: () => ({ restarting: this.#established === 0 && host.restarting() }),
      resolve: () => this.#target(),
      transport: world.transport,
      clock,
      random: world.random,
      turn: world.defer,
      slices: world.slices,
      handler: this,
    });
  }

  get config(): PeerConfig {
    return this.#config;
  }

  get state(): PeerState {
    return this.#session.state;
  }

  /** A connection is there, or under way. */
  get calling(): boolean {
    return (
      this.state === "connect" ||
      this.state === "open-sent" ||
      this.state === "open-confirm" ||
      this.state === "established"
    );
  }

  start(): void {
    if (this.#config.shutdown === undefined) this.#session.start();
  }

  accept(connection: Connection): void {
    this.#session.accept(connection);
  }

  /** What changes under an open session; the rest needs a peer of its own. */
  configure(config: PeerConfig): void {
    const before = this.#config;
    this.#config = config;
    this.#session.configure(config);
    const { rib } = this.#host;
    if (this.#ribPeer !== undefined && this.#ribFacts !== undefined) {
      rib.setPolicies(this.#ribPeer, config.families ?? {});
      this.#ribFacts = { ...this.#ribFacts, enforceFirstAs: enforcesFirstAs(config) };
      rib.setPeer(this.#ribPeer, this.#ribFacts);
    }
    for (const family of familiesOf(config)) this.#checkLimit(family);
    if (this.state === "established" && !isDeepStrictEqual(before.failureDetector, config.failureDetector))
      this.#watchPath();
    if (before.shutdown === config.shutdown) return;
    if (config.shutdown === undefined) this.#session.start();
    else
      void this.#session.stop({
        subcode: CEASE.administrativeShutdown,
        message: config.shutdown,
        hard: true,
      });
  }

  async stop(how: Parameters<Session["stop"]>[0]): Promise<void> {
    await this.#session.stop(how);
    this.#retention.clear();
    this.#forget();
  }

  reset(message: string | undefined): void {
    this.#session.reset(CEASE.administrativeReset, message);
  }

  refresh(direction: "in" | "out", family: Family): void {
    const { negotiated } = this.#session;
    if (negotiated?.context.families.includes(family) !== true) return;
    if (direction === "out") return this.refreshRequested(family, "request");
    if (negotiated.routeRefresh) this.#session.send(encodeRouteRefresh(family, "request"));
    else this.#session.reset(CEASE.administrativeReset, "route refresh is not supported");
  }

  routes(direction: "received" | "advertised"): Iterable<RibRoute> {
    if (this.#ribPeer === undefined) return [];
    return this.#host.rib[direction](this.#ribPeer);
  }

  /** The session as monitors see it; `undefined`: it is not established. */
  monitored(): MonitoredSession | undefined {
    const { connection, opens, stats } = this.#session;
    const { rib } = this.#host;
    const [negotiated, ribPeer] = [this.#negotiated, this.#ribPeer];
    if (negotiated === undefined || ribPeer === undefined) return undefined;
    if (connection === undefined || opens === undefined) return undefined;
    const { remoteAsn, remoteRouterId, context } = negotiated;
    return (this.#monitored ??= {
      ...{ peer: this.name, local: connection.local, remote: connection.remote },
      ...{ remoteAsn, remoteRouterId, context, opens },
      establishedAt: stats.establishedAt ?? this.#host.world.clock.now(),
      counts: (family) => rib.counts(ribPeer, family),
      replay: (family) => rib.replay(ribPeer, family, context),
    });
  }

  status(): PeerStatus {
    const families = familiesOf(this.#config).map((family) => this.#familyStatus(family));
    return statusOf(this.name, this.#config, this.#session, families);
  }

  stateChanged(from: PeerState, to: PeerState, reason: BgpError | undefined): void {
    if (to !== from) this.#host.changed(this, from, reason);
  }

  established(negotiated: Negotiated): void {
    const { rib, world } = this.#host;
    this.#established++;
    this.#negotiated = negotiated;
    this.#complete.clear();
    const ribPeer = this.#enterRib(negotiated);
    const { families } = negotiated.context;
    this.#retention.established(families, restartOf(negotiated));
    if (this.#host.monitors.any) this.#host.monitors.up(this.monitored()!);
    const flush = new Flush({
      clock: world.clock,
      defer: world.defer,
      writable: () => this.#session.writable,
      send: (message) => this.#session.send(message),
    });
    this.#flush = flush;
    const address = withoutScope(this.#session.connection!.local.address);
    for (const family of families) {
      const longLived = negotiated.longLived.some((each) => each.family === family);
      const out = rib.openOut(ribPeer, family, negotiated.context, { address, longLived });
      this.#outs.set(family, out);
      flush.add(family, out);
    }
    // Who restarts says so only when it has told everything: what it has not told by then is withdrawn.
    void this.#host.ready.then(() => {
      for (const family of families) flush.afterwards(family, () => encodeEndOfRib(family));
    });
    this.#watchPath();
  }

  update(update: Update, message: Uint8Array): void {
    const { monitors } = this.#host;
    if (monitors.any && this.#monitored !== undefined) monitors.update(this.#monitored, message, update);
    this.#inRib((rib, peer) => rib.apply(peer, update));
    if (update.faults.length > 0) this.#host.malformed(this, update.faults);
    for (const { run } of update.reach) this.#checkLimit(run.family);
    const { endOfRib } = update;
    if (endOfRib === undefined) return;
    this.#retention.endOfRib(endOfRib);
    if (this.#complete.has(endOfRib)) return;
    this.#complete.add(endOfRib);
    this.#host.complete(this, endOfRib);
  }

  refreshRequested(family: Family, kind: "request" | "begin" | "end"): void {
    const { negotiated } = this.#session;
    if (negotiated?.context.families.includes(family) !== true || this.#ribPeer === undefined) return;
    const { rib } = this.#host;
    const marked = negotiated.enhancedRouteRefresh;
    if (kind !== "request" && !marked) return;
    // RFC 7313 section 4: between the two marks the peer tells all it has; what it does not is gone.
    if (kind === "begin") return rib.markStale(this.#ribPeer, family);
    if (kind === "end") return this.#refreshed(this.#ribPeer, family, negotiated);
    // Whoever asks again before it is over begins again, and there is one end.
    const again = this.#refreshing.has(family);
    if (marked && !again) this.#session.send(encodeRouteRefresh(family, "begin"));
    this.#outs.get(family)?.refresh();
    if (!marked || again) return;
    this.#refreshing.add(family);
    this.#flush?.afterwards(family, () => {
      this.#refreshing.delete(family);
      return encodeRouteRefresh(family, "end");
    });
  }

  down(_reason: BgpError | undefined, how: Down): void {
    const { graceful } = how;
    const { rib, monitors } = this.#host;
    if (this.#monitored !== undefined) monitors.down(this.#monitored, how);
    this.#monitored = undefined;
    const negotiated = this.#negotiated;
    this.#negotiated = undefined;
    this.#pathWatch.stop();
    this.#refreshing.clear();
    this.#flush?.close();
    this.#flush = undefined;
    this.#outs.clear();
    const families = negotiated?.context.families ?? familiesOf(this.#config);
    if (this.#ribPeer !== undefined) for (const family of families) rib.closeOut(this.#ribPeer, family);
    this.#retention.down(families, graceful && negotiated !== undefined ? restartOf(negotiated) : undefined);
  }

  writable(): void {
    this.#flush?.wake();
  }

  /** What the peer has not told again is gone, and no UPDATE has said so. */
  #refreshed(peer: RibPeerId, family: Family, { context }: Negotiated): void {
    const { rib, monitors } = this.#host;
    if (monitors.any && this.#monitored !== undefined)
      for (const message of rib.withdrawStale(peer, family, context))
        monitors.withdrawn(this.#monitored, message);
    rib.sweepStale(peer, family);
  }

  #target(): Target | undefined {
    const { remote } = this.#config;
    if (!("interface" in remote)) return configuredTarget(this.#config);
    const address = this.#neighbourOn(remote.interface);
    if (address === undefined) return undefined;
    return { address: `${withoutScope(address)}%${remote.interface}`, port: remote.port };
  }

  #neighbourOn(device: string): string | undefined {
    try {
      return this.#host.world.neighbourOn(device);
    } catch (error) {
      this.#host.report(error);
      return undefined;
    }
  }

  /** The routes of a peer that came back stay its own, if it is the same. */
  #enterRib({ remoteAsn, remoteRouterId, context }: Negotiated): RibPeerId {
    const { rib, asn } = this.#host;
    const address = withoutScope(this.#session.connection!.remote.address);
    const identity = `${remoteAsn} ${remoteRouterId} ${address}`;
    if (this.#ribPeer !== undefined && this.#ribIdentity === identity) return this.#ribPeer;
    this.#forget();
    this.#ribIdentity = identity;
    this.#ribFacts = {
      name: this.name,
      kind: context.internal ? "internal" : "external",
      asn: remoteAsn,
      localAsn: this.#config.localAsn ?? asn,
      routerId: remoteRouterId,
      address,
      role: this.#config.role,
      enforceFirstAs: enforcesFirstAs(this.#config),
    };
    this.#ribPeer = rib.addPeer(this.#ribFacts, this.#config.families ?? {});
    return this.#ribPeer;
  }

  #forget(): void {
    if (this.#ribPeer !== undefined) this.#host.rib.removePeer(this.#ribPeer);
    this.#ribPeer = undefined;
  }

  #inRib(act: (rib: Rib, peer: RibPeerId) => void): void {
    if (this.#ribPeer !== undefined) act(this.#host.rib, this.#ribPeer);
  }

  #checkLimit(family: Family): void {
    const limit = this.#config.families?.[family]?.maxPrefixes;
    if (limit === undefined || this.#ribPeer === undefined || this.state !== "established") return;
    const { received } = this.#host.rib.counts(this.#ribPeer, family);
    if (received > limit) this.#session.reset(CEASE.maximumPrefixes, undefined, { hard: true });
  }

  #watchPath(): void {
    const { failureDetector, remote, transport } = this.#config;
    const connection = this.#session.connection!;
    const path = {
      local: connection.local.address,
      remote: connection.remote.address,
      interface: "interface" in remote ? remote.interface : transport?.interface,
    };
    this.#pathWatch.start(path, failureDetector);
  }

  #familyStatus(family: Family): FamilyStatus {
    const none = { received: 0, accepted: 0, stale: 0, advertised: 0 };
    const counts = this.#ribPeer === undefined ? none : this.#host.rib.counts(this.#ribPeer, family);
    return { family, ...counts, endOfRib: this.#complete.has(family) };
  }
}

/** Route servers leave themselves out of paths: RFC 7947 section 2.2.2.1. */
function enforcesFirstAs({ enforceFirstAs, role }: PeerConfig): boolean {
  return enforceFirstAs ?? role !== "rs-client";
}
