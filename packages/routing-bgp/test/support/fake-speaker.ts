import type {
  BestChange,
  CloseMode,
  ConfigEffect,
  LocalRoute,
  PeerState,
  PeerStatus,
  RibRoute,
  Speaker,
  SpeakerConfig,
  SpeakerEvents,
  StartOptions,
} from "@netloom/bgp";

type Listeners = { [Name in keyof SpeakerEvents]: Set<(...parameters: SpeakerEvents[Name]) => void> };

/** A speaker without sessions: it remembers what it was told, and says what the test wants. */
export class FakeSpeaker implements Speaker {
  config: SpeakerConfig;
  started: StartOptions | undefined;
  /** End-of-RIB has gone out. */
  ready = false;
  closed: CloseMode | undefined;
  readonly sets = new Map<string, readonly LocalRoute[]>();
  /** Calls, in short. */
  readonly log: string[] = [];
  /** What {@link apply} throws. */
  refusal: Error | undefined;
  readonly best = new Map<string, RibRoute>();
  readonly #status = new Map<string, PeerStatus>();
  readonly #listeners: Listeners = {
    "peer:changed": new Set(),
    "best:changed": new Set(),
    "rib:complete": new Set(),
    "update:malformed": new Set(),
    error: new Set(),
  };

  constructor(config: SpeakerConfig) {
    this.config = config;
  }

  async start(options: StartOptions = {}): Promise<void> {
    this.started = options;
    void (options.ready ?? Promise.resolve()).then(() => (this.ready = true));
  }

  plan(config: SpeakerConfig): ConfigEffect {
    const before = this.config.peers.map(({ name }) => name);
    const after = config.peers.map(({ name }) => name);
    return {
      added: after.filter((name) => !before.includes(name)),
      removed: before.filter((name) => !after.includes(name)),
      soft: after.filter((name) => before.includes(name)),
      reset: [],
    };
  }

  async apply(config: SpeakerConfig): Promise<ConfigEffect> {
    if (this.refusal !== undefined) throw this.refusal;
    const effect = this.plan(config);
    this.config = config;
    this.log.push("apply");
    return effect;
  }

  advertise(set: string, routes: Iterable<LocalRoute>): void {
    const read = [...routes];
    this.log.push(`advertise ${set} ${read.length}`);
    if (read.length === 0) this.sets.delete(set);
    else this.sets.set(set, read);
  }

  async load(set: string, routes: Iterable<LocalRoute>): Promise<void> {
    this.advertise(set, routes);
  }

  peers(): readonly PeerStatus[] {
    return this.config.peers.map(({ name }) => this.#status.get(name) ?? statusOf(name));
  }

  routes(): Iterable<RibRoute> {
    return this.best.values();
  }

  explain(peer: string, prefix: string): string {
    return `${peer} has ${prefix}`;
  }

  refresh(peer: string, direction: "in" | "out"): void {
    this.log.push(`refresh ${peer} ${direction}`);
  }

  reset(peer: string, message?: string): void {
    this.log.push(`reset ${peer} ${message}`);
  }

  on<Name extends keyof SpeakerEvents>(
    event: Name,
    listener: (...parameters: SpeakerEvents[Name]) => void,
  ): () => void {
    this.#listeners[event].add(listener);
    return () => void this.#listeners[event].delete(listener);
  }

  monitor(): () => void {
    return () => undefined;
  }

  async close(mode: CloseMode = "preserve"): Promise<void> {
    this.closed = mode;
    // As a real one: what was learned goes with the sessions.
    this.learn(...[...this.best.keys()].map((prefix) => [prefix, undefined] as const));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  emit<Name extends keyof SpeakerEvents>(event: Name, ...parameters: SpeakerEvents[Name]): void {
    for (const listener of this.#listeners[event]) listener(...parameters);
  }

  /** A peer is so now. */
  become(name: string, changes: Partial<PeerStatus> = {}): void {
    const before: PeerState = this.#status.get(name)?.state ?? "idle";
    const status = statusOf(name, { state: "established", ...changes });
    this.#status.set(name, status);
    this.emit("peer:changed", status, before, undefined);
  }

  /** The best way to a prefix is by this next hop now, or it has none. */
  learn(...routes: readonly (readonly [prefix: string, nextHop: string | undefined])[]): void {
    const changes = routes.map(([prefix, nextHop]): BestChange => {
      const family = prefix.includes(":") ? "ipv6-unicast" : "ipv4-unicast";
      const route = nextHop === undefined ? undefined : routeOf(prefix, nextHop);
      if (route === undefined) this.best.delete(prefix);
      else this.best.set(prefix, route);
      return { family, prefix, route };
    });
    this.emit("best:changed", changes);
  }
}

export function statusOf(name: string, changes: Partial<PeerStatus> = {}): PeerStatus {
  return {
    name,
    remoteAddress: "192.0.2.1",
    remoteAsn: 65_000,
    remoteRouterId: "192.0.2.1",
    localAddress: "192.0.2.11",
    state: "idle",
    establishedAt: undefined,
    established: 0,
    holdTime: undefined,
    keepalive: undefined,
    families: [],
    capabilities: [],
    messages: { received: 0, sent: 0 },
    lastError: undefined,
    ...changes,
  };
}

export function routeOf(prefix: string, nextHop: string, changes: Partial<RibRoute> = {}): RibRoute {
  return {
    family: prefix.includes(":") ? "ipv6-unicast" : "ipv4-unicast",
    prefix,
    peer: "tor",
    pathId: 0,
    attributes: { origin: "igp", asPath: [{ type: "sequence", asns: [65_000] }], nextHop },
    best: true,
    stale: false,
    ...changes,
  };
}

/** Makes fake speakers, and remembers them. */
export function fakeSpeakers(): {
  readonly createSpeaker: (config: SpeakerConfig) => Speaker;
  readonly all: FakeSpeaker[];
} {
  const all: FakeSpeaker[] = [];
  return {
    all,
    createSpeaker(config) {
      const speaker = new FakeSpeaker(config);
      all.push(speaker);
      return speaker;
    },
  };
}
