import type { ConfigEffect, RibRoute } from "@netloom/bgp";
import { systemClock, type Clock } from "@netloom/core";
import type { RouteSets, RoutesQuery, SpeakerDriver, SpeakerSettings } from "./driver.ts";
import { SpeakerHost, type SpeakerFactory } from "./host.ts";
import type { RouteTable } from "./kernel-routes.ts";
import { RestartState, type StateFile } from "./restart-state.ts";
import { kernelRouteTable } from "./sys/kernel-table.ts";

export interface LocalDriverOptions {
  /** @defaultValue the clock of the process */
  readonly clock?: Clock;
  /**
   * Where learned routes go: one table whatever the settings say, which no other speaker may have; or by the settings, such
   * as `(install) => kernelRouteTable({ ...install, netns })`. @defaultValue the kernel's that the settings name
   */
  readonly table?: RouteTable | ((install: Exclude<SpeakerSettings["install"], false>) => RouteTable);
  /** What graceful restart needs to remember, see {@link RestartState}. @defaultValue no start is a restart */
  readonly state?: StateFile;
  /** Another after each start of the machine, see `bootId()`. @defaultValue "" */
  readonly boot?: string;
  /** Milliseconds until routes of an earlier process that nobody has told again are removed. @defaultValue 120000 */
  readonly sweepAfter?: number;
}

/** A speaker in this process: it ends with it, and graceful restart bridges the gap. */
export function localDriver(createSpeaker: SpeakerFactory, options: LocalDriverOptions = {}): SpeakerDriver {
  const { clock = systemClock, table, state, boot = "", sweepAfter } = options;
  return new LocalDriver(
    typeof table === "object",
    new SpeakerHost({
      createSpeaker,
      clock,
      openTable: (install) =>
        typeof table === "function" ? table(install) : (table ?? kernelRouteTable(install)),
      restart: state === undefined ? undefined : new RestartState(state, boot),
      sweepAfter,
    }),
  );
}

class LocalDriver implements SpeakerDriver {
  readonly #fixedTable: boolean;
  readonly #host: SpeakerHost;

  constructor(fixedTable: boolean, host: SpeakerHost) {
    this.#fixedTable = fixedTable;
    this.#host = host;
  }

  get events(): SpeakerDriver["events"] {
    return this.#host.events;
  }

  configure({ config, install }: SpeakerSettings): Promise<ConfigEffect | undefined> {
    return this.#host.configure({ config, install: this.#where(install) });
  }

  async advertise(sets: RouteSets): Promise<void> {
    for (const change of this.#host.sets.differenceTo(sets)) this.#host.change(change);
    this.#host.commit();
  }

  async peers(): ReturnType<SpeakerDriver["peers"]> {
    return this.#host.speaker.peers();
  }

  async *routes(query?: RoutesQuery): AsyncIterable<RibRoute> {
    yield* this.#host.speaker.routes(query);
  }

  async explain(peer: string, prefix: string): Promise<string> {
    return this.#host.speaker.explain(peer, prefix);
  }

  async refresh(...parameters: Parameters<SpeakerDriver["refresh"]>): Promise<void> {
    this.#host.speaker.refresh(...parameters);
  }

  async reset(peer: string, message?: string): Promise<void> {
    this.#host.speaker.reset(peer, message);
  }

  close(...parameters: Parameters<SpeakerDriver["close"]>): Promise<void> {
    return this.#host.close(...parameters);
  }

  uninstall(install: SpeakerSettings["install"]): Promise<void> {
    return this.#host.uninstall(this.#where(install));
  }

  release(): Promise<void> {
    return this.#host.close("preserve");
  }

  /** A table that was given is the same whatever else is said of it. */
  #where(install: SpeakerSettings["install"]): SpeakerSettings["install"] {
    return this.#fixedTable && install !== false ? {} : install;
  }
}
