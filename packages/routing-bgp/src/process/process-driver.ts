import type { CloseMode, ConfigEffect, PeerStatus, RibRoute } from "@netloom/bgp";
import {
  Backoff,
  messageOf,
  NetloomError,
  systemRuntime,
  TypedEmitter,
  type Emits,
  type Runtime,
} from "@netloom/core";
import type {
  DriverEvents,
  ErrorReport,
  RouteSets,
  RoutesQuery,
  SpeakerDriver,
  SpeakerSettings,
} from "../driver.ts";
import { differenceByDigest, KeptSets } from "../route-sets.ts";
import { failure, ProcessConnection } from "./connection.ts";
import type { EventMessage } from "./wire.ts";

export interface ProcessDriverOptions {
  /** Of the socket that `netloom-bgp` serves. */
  readonly path: string;
  /** @defaultValue the process's clock and chance */
  readonly runtime?: Runtime;
}

interface Link {
  readonly connection: ProcessConnection;
  /** What the process advertises: exactly, or by digests until it has been told all once. */
  kept: KeptSets | undefined;
  readonly digests: Readonly<Record<string, string>>;
}

/**
 * A speaker in a process of its own: `netloom-bgp`. It keeps its sessions and routes when this process ends; who connects
 * again tells it only what differs. Calls wait until the process is there.
 */
export function processDriver(options: ProcessDriverOptions): SpeakerDriver {
  return new ProcessDriver(options);
}

class ProcessDriver implements SpeakerDriver {
  readonly #path: string;
  readonly #runtime: Runtime;
  readonly #events: TypedEmitter<DriverEvents> = new TypedEmitter((error) => this.#report(error));
  readonly #ended = new AbortController();
  #link: Promise<Link> | undefined;
  #settings: SpeakerSettings | undefined;
  #sets: RouteSets | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #said = "";

  constructor({ path, runtime = systemRuntime }: ProcessDriverOptions) {
    this.#path = path;
    this.#runtime = runtime;
  }

  get events(): Emits<DriverEvents> {
    return this.#events;
  }

  configure(settings: SpeakerSettings): Promise<ConfigEffect | undefined> {
    return this.#next(() =>
      this.#again(async ({ connection }) => {
        const effect = (await connection.call("configure", settings)) as ConfigEffect | null;
        this.#settings = settings;
        return effect ?? undefined;
      }),
    );
  }

  advertise(sets: RouteSets): Promise<void> {
    return this.#next(() => {
      this.#sets = sets;
      return this.#again((link) => this.#tell(link, sets));
    });
  }

  async peers(): Promise<readonly PeerStatus[]> {
    return (await this.#call("peers")) as readonly PeerStatus[];
  }

  async *routes(query?: RoutesQuery): AsyncIterable<RibRoute> {
    const { connection } = await this.#connected();
    for (let call = "routes"; ; call = "more") {
      const page = await connection.call(call, ...(call === "routes" ? [query ?? null] : []));
      const { routes, more } = page as { readonly routes: readonly RibRoute[]; readonly more: boolean };
      yield* routes;
      if (!more) return;
    }
  }

  async explain(peer: string, prefix: string): Promise<string> {
    return (await this.#call("explain", peer, prefix)) as string;
  }

  async refresh(...parameters: Parameters<SpeakerDriver["refresh"]>): Promise<void> {
    await this.#call("refresh", ...parameters);
  }

  async reset(peer: string, message?: string): Promise<void> {
    await this.#call("reset", peer, message ?? null);
  }

  async close(mode: CloseMode, message?: string): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#settings = undefined;
    this.#sets = undefined;
    await this.#call("close", mode, message ?? null);
    await this.release();
  }

  async release(): Promise<void> {
    this.#ended.abort(new NetloomError("ERR_CLOSED", "the driver has been let go", { backend: "bgp" }));
    const link = await this.#link?.catch(() => undefined);
    await link?.connection.closed;
  }

  async #call(name: string, ...parameters: readonly unknown[]): Promise<unknown> {
    const { connection } = await this.#connected();
    return connection.call(name, ...parameters);
  }

  /** Once more where the process goes meanwhile: what it is told may be told twice. */
  async #again<T>(work: (link: Link) => Promise<T>): Promise<T> {
    for (;;) {
      const link = await this.#connected();
      try {
        return await work(link);
      } catch (error) {
        if (link.connection.isOpen) throw error;
        // What is lost is forgotten before it is asked for again.
        await link.connection.closed;
      }
    }
  }

  /** Tries until the process is there, and says so once while it is not. */
  #connected(): Promise<Link> {
    this.#ended.signal.throwIfAborted();
    this.#link ??= this.#connect();
    return this.#link;
  }

  async #connect(): Promise<Link> {
    const { signal } = this.#ended;
    const backoff = new Backoff(this.#runtime);
    for (;;) {
      try {
        const link = await this.#open();
        this.#said = "";
        return link;
      } catch (error) {
        signal.throwIfAborted();
        if (messageOf(error) !== this.#said) this.#report(error);
        this.#said = messageOf(error);
        await backoff.wait(signal);
      }
    }
  }

  async #open(): Promise<Link> {
    const { connection, hello } = await ProcessConnection.open(
      this.#path,
      (message) => this.#heard(message),
      this.#ended.signal,
    );
    const link: Link = { connection, kept: undefined, digests: hello.digests };
    try {
      this.#ended.signal.throwIfAborted();
      if (this.#settings !== undefined) await connection.call("configure", this.#settings);
      if (this.#sets !== undefined) await this.#tell(link, this.#sets);
    } catch (error) {
      connection.close();
      throw error;
    }
    // Whoever waits for its end finds it forgotten.
    void connection.closed.then(() => this.#lost());
    return link;
  }

  /** The process may start again: it needs to be told, though nobody calls. */
  #lost(): void {
    this.#link = undefined;
    if (this.#ended.signal.aborted) return;
    this.#connected().catch(() => undefined); // It tells of its failures, and ends with this driver only.
  }

  async #tell(link: Link, sets: RouteSets): Promise<void> {
    const { connection, digests } = link;
    const changes = link.kept?.differenceTo(sets) ?? differenceByDigest(digests, sets);
    const kept = link.kept ?? new KeptSets();
    link.kept = undefined;
    // One at a time: what waits to be sent stays small.
    for (const change of changes) await connection.call("change", change);
    await connection.call("commit");
    for (const change of [...kept.differenceTo(sets)]) kept.apply(change);
    link.kept = kept;
  }

  #heard({ event, parameters }: EventMessage): void {
    switch (event) {
      case "peer:changed":
        this.#events.emit("peer:changed", ...(parameters as unknown as DriverEvents["peer:changed"]));
        break;
      case "rib:complete":
        this.#events.emit("rib:complete", ...(parameters as unknown as DriverEvents["rib:complete"]));
        break;
      case "error": {
        this.#report(failure(parameters[0] as ErrorReport));
        break;
      }
    }
  }

  #report(error: unknown): void {
    this.#events.emit("error", error);
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
  }
}
