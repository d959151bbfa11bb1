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
import { failure, gone, ProcessConnection } from "./connection.ts";
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

interface Page {
  readonly routes: readonly RibRoute[];
  readonly more: boolean;
}

/** The process is there, and does not take what it is told. */
class Refusal extends Error {
  readonly settings: SpeakerSettings | undefined;

  constructor(settings: SpeakerSettings | undefined, cause: unknown) {
    super(messageOf(cause), { cause });
    this.settings = settings;
  }
}

/**
 * A speaker in a process of its own: `netloom-bgp`. It keeps its sessions and routes when this process ends; who connects
 * again tells it only what differs. What it is to be and to advertise, and its end, wait until the process is there; what it
 * is asked does not, and fails with `ERR_CLOSED`.
 */
export function processDriver(options: ProcessDriverOptions): SpeakerDriver {
  return new ProcessDriver(options);
}

class ProcessDriver implements SpeakerDriver {
  readonly #path: string;
  readonly #events: TypedEmitter<DriverEvents> = new TypedEmitter((error) => this.#report(error));
  readonly #ended = new AbortController();
  readonly #backoff: Backoff;
  #link: Promise<Link> | undefined;
  /** Of the link that is there, when it has been told all. */
  #connection: ProcessConnection | undefined;
  /** What was taken last. */
  #settings: SpeakerSettings | undefined;
  /** What somebody waits for. */
  #wanted: SpeakerSettings | undefined;
  #sets: RouteSets | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #said = "";
  #readings = 0;

  constructor({ path, runtime = systemRuntime }: ProcessDriverOptions) {
    this.#path = path;
    this.#backoff = new Backoff(runtime);
  }

  get events(): Emits<DriverEvents> {
    return this.#events;
  }

  configure(settings: SpeakerSettings): Promise<ConfigEffect | undefined> {
    // Before it waits: a process that has started anew may refuse what was taken before.
    this.#wanted = settings;
    return this.#next(async () => {
      try {
        return await this.#again(async ({ connection }) => {
          const effect = (await connection.call("configure", settings)) as ConfigEffect | null;
          this.#settings = settings;
          return effect ?? undefined;
        });
      } finally {
        if (this.#wanted === settings) this.#wanted = undefined;
      }
    });
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
    const connection = this.#there();
    this.#readings += 1;
    const reading = this.#readings;
    let page = (await connection.call("routes", query ?? null, reading)) as Page;
    try {
      yield* page.routes;
      while (page.more) {
        page = (await connection.call("more", reading)) as Page;
        yield* page.routes;
      }
    } finally {
      if (page.more) connection.call("enough", reading).catch(() => undefined); // It has ended, or does not know.
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

  close(mode: CloseMode, message?: string): Promise<void> {
    return this.#end(mode, message ?? null);
  }

  uninstall(install: SpeakerSettings["install"]): Promise<void> {
    // A process of before this was known just ends its speaker.
    return this.#end("withdraw", null, install);
  }

  async #end(...parameters: readonly unknown[]): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#settings = undefined;
    this.#wanted = undefined;
    this.#sets = undefined;
    try {
      const { connection } = await this.#connected();
      await connection.call("close", ...parameters);
    } finally {
      await this.release();
    }
  }

  async release(): Promise<void> {
    this.#ended.abort(new NetloomError("ERR_CLOSED", "the driver has been let go", { backend: "bgp" }));
    const link = await this.#link?.catch(() => undefined);
    await link?.connection.closed;
  }

  async #call(name: string, ...parameters: readonly unknown[]): Promise<unknown> {
    return this.#there().call(name, ...parameters);
  }

  /** @throws `ERR_CLOSED` at once where the process is not there; it is looked for. */
  #there(): ProcessConnection {
    this.#ended.signal.throwIfAborted();
    if (this.#connection !== undefined) return this.#connection;
    this.#connected().catch(() => undefined); // Told as an event.
    throw gone(this.#path);
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

  /**
   * Tries until the process is there, and says so once while it is not. Where it refuses what it is told, whoever waits
   * hears of it, and it is tried again: perhaps with something else.
   */
  #connected(): Promise<Link> {
    this.#ended.signal.throwIfAborted();
    this.#link ??= this.#connect();
    return this.#link;
  }

  async #connect(): Promise<Link> {
    const { signal } = this.#ended;
    for (;;) {
      try {
        const link = await this.#open();
        this.#said = "";
        this.#backoff.reset();
        return link;
      } catch (error) {
        signal.throwIfAborted();
        const refused = error instanceof Refusal;
        // Nobody wants it to be so any more.
        if (refused && error.settings !== this.#due()) continue;
        const reason = refused ? error.cause : error;
        if (messageOf(reason) !== this.#said) this.#report(reason);
        this.#said = messageOf(reason);
        const later = this.#backoff.wait(signal);
        if (refused) {
          this.#link = later.then(() => this.#connect());
          this.#link.catch(() => undefined);
          throw reason;
        }
        await later;
      }
    }
  }

  /** @throws {@link Refusal} */
  async #open(): Promise<Link> {
    const { connection, hello } = await ProcessConnection.open(
      this.#path,
      (message) => this.#heard(message),
      this.#ended.signal,
    );
    const link: Link = { connection, kept: undefined, digests: hello.digests };
    const settings = this.#due();
    try {
      this.#ended.signal.throwIfAborted();
      if (settings !== undefined) await connection.call("configure", settings);
      if (this.#sets !== undefined) await this.#tell(link, this.#sets);
    } catch (error) {
      const answered = connection.isOpen;
      connection.close();
      throw answered ? new Refusal(settings, error) : error;
    }
    this.#connection = connection;
    // Whoever waits for its end finds it forgotten.
    void connection.closed.then(() => this.#lost());
    return link;
  }

  /** What a process is to be that is found again. */
  #due(): SpeakerSettings | undefined {
    return this.#settings === undefined ? undefined : (this.#wanted ?? this.#settings);
  }

  /** The process may start again: it needs to be told, though nobody calls. */
  #lost(): void {
    this.#link = undefined;
    this.#connection = undefined;
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
