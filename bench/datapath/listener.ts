import { setTimeout as sleep } from "node:timers/promises";
import type { Agent, Datapath, Flow } from "@netloom/core";
import { EventLevel } from "@netloom/core/backend";

/** Longer than the datapath waits between two looks at its ring buffer. */
const QUIET_MS = 12;

/** Reads the datapath's events as an agent does, so that its ring buffer never fills up. */
export class Listener implements Disposable {
  readonly #datapath: Datapath;
  readonly #agent: Agent;
  readonly #stop = new AbortController();
  #count = 0;

  constructor(datapath: Datapath, agent: Agent) {
    this.#datapath = datapath;
    this.#agent = agent;
    void this.#read();
  }

  /** Events so far, and those that found no room. */
  get count(): number {
    return this.#count;
  }

  get lost(): number {
    const lost = this.#datapath.metrics().find(({ name }) => name === "events-lost");
    return Number(lost?.packets ?? 0n);
  }

  /** Resolves when all that is there has been read. */
  async drained(): Promise<void> {
    for (let before = -1; before !== this.#count;) {
      before = this.#count;
      await sleep(QUIET_MS);
    }
  }

  /** What became of the one packet that `send` sends. */
  async witness(send: () => void): Promise<Flow> {
    await this.drained();
    const stop = new AbortController();
    const flows = this.#agent.flows({ signal: stop.signal })[Symbol.asyncIterator]();
    const next = flows.next();
    this.level(EventLevel.EVENTS_ALL);
    send();
    const { value } = (await next) as IteratorYieldResult<readonly Flow[]>;
    this.level(EventLevel.EVENTS_FLOWS);
    stop.abort();
    await flows.return?.();
    return value[0]!;
  }

  /** Which packets make an event, from now on. */
  level(events: number): void {
    this.#datapath.maps.settings.set(0, { events });
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  async #read(): Promise<void> {
    for await (const batch of this.#datapath.events({ signal: this.#stop.signal }))
      this.#count += batch.length;
  }
}
