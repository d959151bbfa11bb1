import { systemClock, type Clock, type Random, type Timer } from "../clock.ts";
import type { BgpError } from "../errors.ts";
import type { Down } from "../session/handler.ts";
import { Slices, systemSlices } from "../session/slices.ts";
import { systemTurn } from "../session/timers.ts";
import type { BmpConfig } from "../api/config.ts";
import type { MonitoredSession, SessionMonitor } from "../speaker/monitor.ts";
import { tcp } from "../transport/tcp.ts";
import type { Transport } from "../transport/transport.ts";
import type { Update } from "../wire/update.ts";
import { encodeBmp } from "./encode.ts";
import { SessionReport } from "./session-report.ts";
import { Station, type StationAddress, type StationHost } from "./station.ts";

/** Whose sessions are exported: a `Speaker`. */
export interface BmpSource {
  monitor(monitor: SessionMonitor): () => void;
}

export interface BmpOptions extends BmpConfig {
  readonly sysName: string;
  /** @defaultValue `tcp()` */
  readonly transport?: Transport;
  /** @defaultValue the clock of the process */
  readonly clock?: Clock;
  /** @defaultValue `Math.random` */
  readonly random?: Random;
  /** Calls back in another turn of the event loop. @defaultValue `setImmediate` */
  readonly defer?: (turn: () => void) => void;
  /** To be shared with others that have much to do. @defaultValue the process's; its own, where it has a clock or `defer` */
  readonly slices?: Slices;
  /** Bytes that may wait for a station before it is given up. @defaultValue 16 MiB */
  readonly limit?: number;
  /** A station cannot be reached, or is lost; it is tried again. @defaultValue nobody is told */
  readonly onError?: (error: BgpError) => void;
}

export interface BmpExporter {
  /** Other stations, or another interval: those that stay notice nothing. With another name all begin anew. */
  configure(config: BmpConfig & { readonly sysName: string }): void;
  /** Of the configured ones. */
  stations(): readonly (StationAddress & { readonly connected: boolean })[];
  /** Tells the stations, and ends. At the latest after 2 seconds. */
  close(): Promise<void>;
}

const LIMIT = 16 * 1024 * 1024;
/** Seconds. */
const STATISTICS_INTERVAL = 60;
const SYS_DESCR = "@netloom/bgp";

/**
 * Tells monitoring stations what peers tell, before any policy: RFC 7854. Calls each station, again whenever it is lost:
 * after 30 seconds, then twice as long each time, up to 12 minutes. A station hears of a session once, in this order: Peer
 * Up, the routes there are, End-of-RIB, what the peer tells from then on, Peer Down. Where a session begins while the station
 * is there, End-of-RIB is the peer's.
 */
export function exportBmp(source: BmpSource, options: BmpOptions): BmpExporter {
  return new Exporter(source, options);
}

class Exporter implements BmpExporter, SessionMonitor {
  readonly #host: StationHost;
  readonly #reports = new Map<MonitoredSession, SessionReport>();
  readonly #stopMonitoring: () => void;
  #config: BmpConfig & { readonly sysName: string };
  #stations: Station[] = [];
  #timer: Timer | undefined;

  constructor(source: BmpSource, options: BmpOptions) {
    const { clock = systemClock, onError } = options;
    this.#config = options;
    this.#host = {
      transport: options.transport ?? tcp(),
      clock,
      random: options.random ?? Math.random,
      slices: options.slices ?? slicesOf(options),
      limit: options.limit ?? LIMIT,
      initiation: () => this.#initiation(),
      reports: () => this.#reports.values(),
      failed: (error) => onError?.(error),
    };
    this.#stopMonitoring = source.monitor(this);
    this.configure(options);
  }

  configure(config: BmpConfig & { readonly sysName: string }): void {
    const before = this.#config;
    this.#config = config;
    const anew = before.sysName !== config.sysName || before.sysDescr !== config.sysDescr;
    const stay = (station: Station): boolean =>
      !anew && config.stations.some((address) => isSame(station.address, address));
    for (const station of this.#stations) if (!stay(station)) void station.close();
    const staying = this.#stations.filter(stay);
    this.#stations = config.stations.map(
      (address) =>
        staying.find((station) => isSame(station.address, address)) ?? new Station(address, this.#host),
    );
    if (this.#timer === undefined || before.statisticsInterval !== config.statisticsInterval) this.#arm();
  }

  stations(): readonly (StationAddress & { readonly connected: boolean })[] {
    return this.#stations.map(({ address, connected }) => ({ ...address, connected }));
  }

  async close(): Promise<void> {
    this.#stopMonitoring();
    this.#timer?.cancel();
    this.#reports.clear();
    await Promise.all(this.#stations.splice(0).map((station) => station.close()));
  }

  up(session: MonitoredSession): void {
    const report = new SessionReport(session);
    this.#reports.set(session, report);
    for (const station of this.#stations) station.introduce(report);
  }

  update(session: MonitoredSession, message: Uint8Array, update: Update): void {
    this.#tell(session, (report, now) => report.update(message, update, now));
  }

  withdrawn(session: MonitoredSession, message: Uint8Array): void {
    this.#tell(session, (report, now) => [report.withdrawn(message, now)]);
  }

  down(session: MonitoredSession, how: Down): void {
    const report = this.#reports.get(session);
    if (report === undefined) return;
    this.#reports.delete(session);
    const peerDown = report.down(how, this.#host.clock.now());
    for (const station of this.#stations) station.part(report, peerDown);
  }

  /** Those that are to hear it, if any: nothing is copied for nobody. */
  #tell(
    session: MonitoredSession,
    messages: (report: SessionReport, now: number) => readonly Uint8Array[],
  ): void {
    const report = this.#reports.get(session);
    if (report === undefined) return;
    const stations = this.#stations.filter((station) => station.follows(report));
    if (stations.length === 0) return;
    for (const message of messages(report, this.#host.clock.now()))
      for (const station of stations) station.send(message);
  }

  #initiation(): Uint8Array {
    const { sysName, sysDescr = SYS_DESCR } = this.#config;
    const text = new TextEncoder();
    return encodeBmp({
      kind: "initiation",
      information: [
        { type: 1, value: text.encode(sysDescr) },
        { type: 2, value: text.encode(sysName) },
      ],
    });
  }

  #arm(): void {
    const { statisticsInterval = STATISTICS_INTERVAL } = this.#config;
    this.#timer?.cancel();
    if (statisticsInterval === 0) return;
    this.#timer = this.#host.clock.after(statisticsInterval * 1000, () => {
      this.#arm();
      this.#tellStatistics();
    });
  }

  #tellStatistics(): void {
    const { clock, slices } = this.#host;
    const reports = [...this.#reports.values()];
    slices.run(() => {
      while (reports.length > 0 && !slices.spent) {
        const report = reports.pop()!;
        const stations = this.#stations.filter((station) => station.follows(report));
        if (stations.length === 0) continue;
        const message = report.statistics(clock.now());
        for (const station of stations) station.send(message);
      }
      return reports.length > 0;
    });
  }
}

function isSame(one: StationAddress, other: StationAddress): boolean {
  return one.address === other.address && one.port === other.port;
}

function slicesOf({ clock, defer }: BmpOptions): Slices {
  if (clock === undefined && defer === undefined) return systemSlices;
  return new Slices(clock ?? systemClock, defer ?? systemTurn);
}
