import type { CloseMode, ConfigEffect, Speaker, SpeakerConfig } from "@netloom/bgp";
import { NetloomError, TypedEmitter, type Clock, type Emits } from "@netloom/core";
import { reportOf, type DriverEvents, type SpeakerSettings } from "./driver.ts";
import { sameInstall } from "./install.ts";
import { removeAll, type RouteTable } from "./kernel-routes.ts";
import { LearnedRoutes } from "./learned-routes.ts";
import type { RestartState } from "./restart-state.ts";
import { KeptSets, type SetChange } from "./route-sets.ts";

/**
 * `createSpeaker` of `@netloom/bgp`, with whatever it needs beside the configuration; `report` hears of what goes wrong
 * around the speaker.
 */
export type SpeakerFactory = (config: SpeakerConfig, report: (error: unknown) => void) => Speaker;

export interface HostOptions {
  readonly createSpeaker: SpeakerFactory;
  readonly clock: Clock;
  /** Opens the table that learned routes go to. */
  readonly openTable: (install: Exclude<SpeakerSettings["install"], false>) => RouteTable;
  /** @defaultValue none: no start is ever a restart */
  readonly restart?: RestartState | undefined;
  readonly sweepAfter?: number | undefined;
}

/**
 * A speaker with what belongs to it: the sets that it advertises, the table of what it learns, and the memory that makes
 * its next start a restart.
 */
export class SpeakerHost {
  readonly #options: HostOptions;
  #sets = new KeptSets();
  readonly #events = new TypedEmitter<DriverEvents>((error) => this.#report(error));
  #speaker: Speaker | undefined;
  #learned: LearnedRoutes | undefined;
  #install: SpeakerSettings["install"] = false;
  #openGate: () => void = () => undefined;
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: HostOptions) {
    this.#options = options;
  }

  get events(): Emits<DriverEvents> {
    return this.#events;
  }

  /** @throws `ERR_CLOSED` before the first configuration. */
  get speaker(): Speaker {
    if (this.#speaker !== undefined) return this.#speaker;
    throw new NetloomError("ERR_CLOSED", "the speaker has no configuration", { backend: "bgp" });
  }

  /** It has a configuration. */
  get running(): boolean {
    return this.#speaker !== undefined;
  }

  get sets(): KeptSets {
    return this.#sets;
  }

  /** One at a time. */
  configure(settings: SpeakerSettings): Promise<ConfigEffect | undefined> {
    return this.#next(() => this.#configure(settings));
  }

  change(change: SetChange): void {
    this.#sets.apply(change);
  }

  /** Tells the speaker of all changes. The first one lets End-of-RIB go out. */
  commit(): void {
    const { speaker } = this;
    for (const [name, routes] of this.#sets.takeChanged()) speaker.advertise(name, routes);
    this.#openGate();
  }

  close(mode: CloseMode, message?: string): Promise<void> {
    return this.#next(() => this.#close(mode, message));
  }

  /** As {@link close} by `withdraw`; what an earlier process has left goes too. */
  uninstall(install: SpeakerSettings["install"]): Promise<void> {
    return this.#next(async () => {
      await this.#close("withdraw", undefined);
      await this.#options.restart?.forget().catch((error: unknown) => this.#report(error));
      if (install !== false) await removeAll(this.#options.openTable(install));
    });
  }

  async #configure({ config, install }: SpeakerSettings): Promise<ConfigEffect | undefined> {
    if (this.#speaker === undefined) {
      await this.#start(config, install);
      return undefined;
    }
    const effect = await this.#speaker.apply(config);
    this.#learned?.configure(config);
    await this.#moveTo(install, this.#speaker, config);
    for (const peer of effect.removed)
      await this.#options.restart?.forget(peer).catch((error) => this.#report(error));
    return effect;
  }

  async #start(config: SpeakerConfig, install: SpeakerSettings["install"]): Promise<void> {
    const { createSpeaker, restart } = this.#options;
    const report = (error: unknown): void => this.#report(error);
    const speaker = createSpeaker(config, report);
    try {
      this.#watch(speaker);
      this.#learned = await this.#learn(install, speaker, config);
      this.#install = install;
      const restarting = (await restart?.isRestart().catch(report)) ?? false;
      const ready = new Promise<void>((resolve) => (this.#openGate = resolve));
      await speaker.start({ restarting, ready });
    } catch (error) {
      await this.#learned?.[Symbol.asyncDispose]();
      this.#learned = undefined;
      await speaker.close("preserve").catch(report);
      throw error;
    }
    this.#speaker = speaker;
  }

  async #learn(
    install: SpeakerSettings["install"],
    speaker: Speaker,
    config: SpeakerConfig,
  ): Promise<LearnedRoutes | undefined> {
    if (install === false) return undefined;
    const { openTable, clock, sweepAfter } = this.#options;
    const report = (error: unknown): void => this.#report(error);
    const learned = new LearnedRoutes(config, { table: openTable(install), clock, report, sweepAfter });
    try {
      await learned.start(speaker);
    } catch (error) {
      await learned[Symbol.asyncDispose]();
      throw error;
    }
    return learned;
  }

  /** First there, then no longer here: what is reached stays reached. */
  async #moveTo(install: SpeakerSettings["install"], speaker: Speaker, config: SpeakerConfig): Promise<void> {
    if (sameInstall(install, this.#install)) return;
    const before = this.#learned;
    this.#learned = await this.#learn(install, speaker, config);
    this.#install = install;
    await this.#learned?.take(speaker.routes());
    before?.clear();
    await before?.[Symbol.asyncDispose]();
  }

  #watch(speaker: Speaker): void {
    speaker.on("peer:changed", (status, before, reason) => {
      this.#options.restart?.heard(status).catch((error: unknown) => this.#report(error));
      this.#events.emit("peer:changed", status, before, reason === undefined ? undefined : reportOf(reason));
    });
    speaker.on("rib:complete", (peer, family) => void this.#events.emit("rib:complete", peer, family));
    speaker.on("error", (error) => this.#report(error));
  }

  async #close(mode: CloseMode, message: string | undefined): Promise<void> {
    const speaker = this.#speaker;
    this.#speaker = undefined;
    if (speaker === undefined) return;
    this.#openGate();
    // A peer that was told forgets our routes: the next start is no restart.
    if (mode !== "preserve") {
      this.#learned?.clear();
      await this.#options.restart?.forget().catch((error: unknown) => this.#report(error));
    }
    // Before the sessions end: what they take away stays in the kernel where it is preserved.
    await this.#learned?.[Symbol.asyncDispose]();
    this.#learned = undefined;
    this.#sets = new KeptSets();
    await speaker.close(mode, message);
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
