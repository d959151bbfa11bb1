import type { Timer } from "@netloom/core";
import { EventHeap, type Scheduled } from "./event-heap.ts";
import { Trace } from "./trace.ts";

/** Who an event happens to. */
export interface Owner {
  /** What would happen to the dead does not happen. */
  readonly alive: boolean;
  /** What would happen to the paused waits until then. */
  readonly pausedUntil: number;
}

interface Event extends Scheduled {
  at: number;
  readonly label: string;
  readonly run: () => void;
  readonly owner: Owner | undefined;
  cancelled: boolean;
}

// Taken before anybody replaces it: the one thing of the outside that the simulator needs, to let promises run.
const immediate = globalThis.setImmediate;

/** Everything that promises set off has happened after this. */
function drain(): Promise<void> {
  return new Promise((resolve) => {
    immediate(resolve);
  });
}

/** Virtual time, and what happens when. One event at a time, and all that follows from it before the next. */
export class Scheduler {
  readonly trace: Trace = new Trace();
  readonly #heap = new EventHeap<Event>();
  #now = 0;
  #order = 0;
  #steps = 0;
  #lastOwner: Owner | undefined;

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.#now;
  }

  get steps(): number {
    return this.#steps;
  }

  /** To whom the last event happened. */
  get lastOwner(): Owner | undefined {
    return this.#lastOwner;
  }

  after(milliseconds: number, label: string, run: () => void, owner?: Owner): Timer {
    return this.at(this.#now + Math.max(0, milliseconds), label, run, owner);
  }

  /** Of two things at exactly one time the first that was scheduled is first. */
  at(time: number, label: string, run: () => void, owner?: Owner): Timer {
    const event: Event = { at: time, due: time, order: this.#order++, label, run, owner, cancelled: false };
    this.#heap.push(event);
    return {
      cancel: () => {
        event.cancelled = true;
      },
    };
  }

  /** Lets the next event happen. `false` where there is none. */
  async step(): Promise<boolean> {
    for (;;) {
      const event = this.#heap.pop();
      if (event === undefined) return false;
      const { owner } = event;
      if (event.cancelled || owner?.alive === false) continue;
      if (owner !== undefined && owner.pausedUntil > event.at) {
        event.at = owner.pausedUntil;
        this.#heap.push(event);
        continue;
      }
      this.#now = Math.max(this.#now, event.at);
      this.#steps++;
      this.#lastOwner = owner;
      this.trace.add(`${this.#now.toFixed(3)} ${event.label}`);
      event.run();
      await drain();
      return true;
    }
  }
}
