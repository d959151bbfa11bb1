import { AsyncLocalStorage } from "node:async_hooks";
import { NetloomError, type Clock, type Revision, type Runtime, type Store } from "@netloom/core";
import { seededRandom } from "@netloom/core/memory";
import { Refusal, SimConnectionError, type SimCall, type SimHooks } from "@netloom/sim-cloud";
import type { Mishap, Schedule } from "./schedule.ts";

const current = new AsyncLocalStorage<Process>();

export interface ProcessOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly store: Store;
  readonly schedule: Schedule;
  readonly seed: number;
  readonly died: () => void;
}

/**
 * One life of a process: its own clock, chance and store. When it dies it does nothing more: no timer fires, no request is
 * sent, nothing is written, and no answer reaches it.
 */
export class Process {
  readonly name: string;
  readonly runtime: Runtime;
  readonly store: Store;
  readonly #schedule: Schedule;
  readonly #died: () => void;
  #dead = false;

  constructor({ name, clock, store, schedule, seed, died }: ProcessOptions) {
    this.name = name;
    this.#schedule = schedule;
    this.#died = died;
    this.runtime = {
      random: seededRandom(seed),
      clock: {
        now: () => clock.now(),
        monotonic: () => clock.monotonic(),
        after: (milliseconds, callback) =>
          clock.after(milliseconds, () => {
            if (!this.#dead) this.run(callback);
          }),
      },
    };
    this.store = this.#storeOf(store);
  }

  get dead(): boolean {
    return this.#dead;
  }

  run<Result>(act: () => Result): Result {
    return current.run(this, act);
  }

  /** Ends it as its machine ends: nobody starts it again. */
  kill(): void {
    this.#dead = true;
  }

  /** What is to befall a step, if the process lives to take it. */
  async before(kind: "request" | "write", action: string): Promise<Mishap | undefined> {
    if (this.#dead) await forever();
    const mishap = this.#schedule.next(kind, `${this.name} ${action}`);
    if (mishap === "crash before") await this.#die();
    return mishap;
  }

  async after(mishap: Mishap | undefined): Promise<void> {
    if (mishap === "crash after") await this.#die();
    if (this.#dead) await forever();
  }

  #die(): Promise<never> {
    if (!this.#dead) {
      this.#dead = true;
      this.#died();
    }
    return forever();
  }

  #storeOf(store: Store): Store {
    const alive = async <T>(read: () => Promise<T>): Promise<T> => {
      if (this.#dead) await forever();
      const answer = await read();
      if (this.#dead) await forever();
      return answer;
    };
    const write = async <T>(action: string, key: string, act: () => Promise<T>): Promise<T> => {
      const mishap = await this.before("write", `${action} ${key.replace(/netloom-.*/, "…")}`);
      const doubt = new NetloomError("ERR_AMBIGUOUS", `${key} may have been written`, { retryable: true });
      if (mishap === "doubtful, not done") throw doubt;
      const answer = await act();
      await this.after(mishap);
      if (mishap === "doubtful, done") throw doubt;
      return answer;
    };
    return {
      name: store.name,
      get: (key) => alive(() => store.get(key)),
      list: (prefix) => alive(() => store.list(prefix)),
      create: (key, value) => write<Revision>("create", key, () => store.create(key, value)),
      update: (key, value, options) =>
        write<Revision>("update", key, () => store.update(key, value, options)),
      delete: (key, options) => write<Revision | undefined>("delete", key, () => store.delete(key, options)),
      watch: (prefix, options) => store.watch(prefix, options),
      session: (options) => store.session(options),
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
}

/** Puts what befalls requests between processes and a cloud. @param changed - something may have changed in the cloud */
export function hooksOf(changed: (call: SimCall) => void): SimHooks {
  const mishaps = new Map<number, Mishap>();
  return {
    async before({ number, action }) {
      const mishap = await current.getStore()?.before("request", action);
      if (mishap === "unavailable" || mishap === "throttled" || mishap === "quota")
        throw new Refusal(mishap, action, `${action} is refused`);
      if (mishap !== undefined) mishaps.set(number, mishap);
    },
    async after(call) {
      changed(call);
      const mishap = mishaps.get(call.number);
      await current.getStore()?.after(mishap);
      if (mishap === "lost") throw new SimConnectionError(`the answer to ${call.action} was lost`);
    },
  };
}

function forever(): Promise<never> {
  return new Promise(() => {});
}
