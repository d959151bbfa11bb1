import { memoryStore, type MemoryStore } from "@netloom/core/memory";
import type { Session } from "@netloom/core";
import type { Chance } from "../kernel/chance.ts";
import type { FaultRates } from "../kernel/rates.ts";
import type { Life } from "../kernel/life.ts";
import type { Scheduler } from "../kernel/scheduler.ts";
import { StoreClient } from "./client.ts";
import { Timeline } from "./timeline.ts";

interface Lease {
  readonly session: Session;
  readonly ttl: number;
  deadline: number;
}

/**
 * The store of the cluster: core's own in memory, far away. Its leases are timed here and renewed by their holders, so
 * one that is paused for too long, or dead, loses them.
 */
export class SimulatedStore {
  readonly timeline: Timeline = new Timeline();
  readonly server: MemoryStore;
  /** What goes wrong now. */
  rates: FaultRates;
  readonly #scheduler: Scheduler;
  readonly #leases = new Map<string, Lease>();
  readonly #clients = new Set<StoreClient>();
  #closed = false;

  constructor(scheduler: Scheduler, rates: FaultRates) {
    this.#scheduler = scheduler;
    this.rates = rates;
    // Its sessions never renew themselves: their holders do.
    const clock = { now: () => scheduler.now, monotonic: () => scheduler.now, after: () => NO_TIMER };
    this.server = memoryStore({ runtime: { clock, random: { next: () => 0 } } });
    void this.#observe();
  }

  /** The store as one process sees it. */
  client(life: Life): StoreClient {
    const client = new StoreClient(this, life);
    this.#clients.add(client);
    life.atEnd(() => {
      this.#clients.delete(client);
      client.hangUp();
    });
    return client;
  }

  /** Forgets the past: whoever is behind must list again. */
  compact(): void {
    this.server.compact();
  }

  /** Every watch of a process is lost. @param name - of any of its lives. */
  disconnect(name: string): void {
    for (const client of this.#clients) if (client.of(name)) client.dropWatches();
  }

  /** For so long, nothing of a process gets here. */
  partition(name: string, milliseconds: number): void {
    for (const client of this.#clients) {
      if (client.of(name)) client.partitionedUntil = this.#scheduler.now + milliseconds;
    }
  }

  /** Peace: every process is reached again. */
  heal(): void {
    for (const client of this.#clients) client.partitionedUntil = 0;
  }

  /** Takes every lease away, as a store does that has lost them. */
  expireSessions(): void {
    for (const id of this.#leases.keys()) this.#expire(id);
  }

  get now(): number {
    return this.#scheduler.now;
  }

  latency(chance: Chance): number {
    const { latency, tail } = this.rates;
    const usual = chance.between(latency[0], latency[1]);
    return chance.happens(tail) ? usual * 50 : usual;
  }

  async open(ttl: number): Promise<Session> {
    const session = await this.server.session({ ttl });
    this.#leases.set(session.id, { session, ttl, deadline: this.#scheduler.now + ttl });
    this.#watchLease(session.id);
    return session;
  }

  /** Whether it was still there. */
  renew(id: string): boolean {
    const lease = this.#leases.get(id);
    if (lease === undefined) return false;
    lease.deadline = this.#scheduler.now + lease.ttl;
    return true;
  }

  #expire(id: string): void {
    const lease = this.#leases.get(id);
    this.#leases.delete(id);
    if (lease !== undefined) this.server.expire(lease.session);
  }

  closeSession(id: string): void {
    this.#expire(id);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.server[Symbol.asyncDispose]();
  }

  #watchLease(id: string): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    const left = lease.deadline - this.#scheduler.now;
    if (left <= 0) return this.#expire(id);
    this.#scheduler.after(left, `store lease ${id}`, () => this.#watchLease(id));
  }

  async #observe(): Promise<void> {
    while (!this.#closed) {
      try {
        for await (const { changes } of this.server.watch("", { from: this.timeline.revision })) {
          for (const change of changes) this.timeline.add(change);
        }
      } catch {
        // Compacted. It has seen everything before: nothing happens in between.
      }
    }
  }
}

const NO_TIMER = { cancel: (): void => undefined };
