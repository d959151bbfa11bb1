import { NetloomError } from "../errors.ts";
import { TypedEmitter, type Emits } from "../events.ts";
import { ClusterBarrier } from "../facts/barrier.ts";
import { follow } from "../facts/follow.ts";
import { Keys } from "../facts/keys.ts";
import { DepartedEndpoints } from "./departed.ts";
import { IdentityCollector } from "../identity/collect.ts";
import { Lifecycle, type Status } from "../lifecycle.ts";
import type { OperatorComponent, OperatorContext } from "../ports/operator.ts";
import type { Runtime } from "../ports/runtime.ts";
import type { Store } from "../ports/store.ts";
import { systemRuntime } from "../system/index.ts";
import { Backoff } from "../time/backoff.ts";
import { sleep } from "../time/sleep.ts";

export interface OperatorOptions {
  readonly store: Store;
  /** The other halves of backends, e.g. `clusterPoolOperator({ … })`. @defaultValue [] */
  readonly components?: readonly OperatorComponent[];
  /** Several clusters may share a store. @defaultValue "default" */
  readonly cluster?: string;
  /**
   * How often unused identities are looked for, in milliseconds; one is reclaimed after a whole interval without a user,
   * and when every node has forgotten it.
   * @defaultValue 900000
   */
  readonly identityInterval?: number;
  readonly runtime?: Runtime;
}

export interface OperatorEvents {
  "identities:reclaimed": [ids: readonly number[]];
  /** What went wrong in a loop. The loop goes on. */
  error: [error: unknown];
}

/** What a cluster needs once: who hands out ranges, who collects what nobody uses. Any number of them may run. */
export interface Operator extends AsyncDisposable {
  readonly status: Status;
  readonly events: Emits<OperatorEvents>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** @throws `ERR_OPTIONS_INVALID`. */
export function createOperator(options: OperatorOptions): Operator {
  const interval = options.identityInterval ?? 900_000;
  if (!(interval > 0)) {
    throw new NetloomError("ERR_OPTIONS_INVALID", `option identityInterval ${interval} is not acceptable`, {
      input: interval,
      remedy: "write milliseconds, more than 0",
    });
  }
  return new NetloomOperator(options, interval);
}

class NetloomOperator implements Operator {
  readonly #events: TypedEmitter<OperatorEvents>;
  readonly #lifecycle: Lifecycle;
  readonly #running: Promise<void>[] = [];
  readonly #context: OperatorContext;
  readonly #components: readonly OperatorComponent[];

  constructor(options: OperatorOptions, identityInterval: number) {
    const { store } = options;
    const runtime = options.runtime ?? systemRuntime;
    const keys = new Keys(options.cluster);
    this.#events = new TypedEmitter<OperatorEvents>((error, event) => {
      if (event !== "error") this.#report(error);
    });
    const barrier = new ClusterBarrier({ store, keys, runtime, onError: (error) => this.#report(error) });
    this.#context = {
      store,
      runtime,
      prefix: (component) => keys.backend(component),
      report: (error) => this.#report(error),
      settled: (signal) => barrier.settledNow(signal === undefined ? {} : { signal }),
      nodes: async () => {
        const { entries } = await store.list(keys.nodes);
        return entries.map(({ key }) => key.slice(keys.nodes.length));
      },
      watchNodes: (onChange, signal) =>
        follow({
          store,
          runtime,
          signal,
          prefix: keys.nodes,
          onList: onChange,
          onBatch: onChange,
          onError: (error) => this.#report(error),
        }),
    };
    this.#components = [
      ...(options.components ?? []),
      this.#identityCollector(keys, identityInterval),
      departedEndpoints(keys),
    ];
    this.#lifecycle = new Lifecycle("operator", [
      {
        name: "components",
        start: (signal) => {
          for (const component of this.#components) this.#running.push(this.#keepRunning(component, signal));
        },
        stop: async () => {
          await Promise.all(this.#running);
        },
      },
    ]);
  }

  get status(): Status {
    return this.#lifecycle.status;
  }

  get events(): Emits<OperatorEvents> {
    return this.#events;
  }

  start(): Promise<void> {
    return this.#lifecycle.start();
  }

  stop(): Promise<void> {
    return this.#lifecycle.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#lifecycle.stop();
  }

  /** A component that fails is begun again: it can start from whatever it finds. */
  async #keepRunning(component: OperatorComponent, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.#context.runtime);
    while (!signal.aborted) {
      try {
        await component.run(this.#context, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#report(error);
      }
      await backoff.wait(signal).catch(() => undefined);
    }
  }

  #identityCollector(keys: Keys, interval: number): OperatorComponent {
    return {
      name: "identities",
      run: async ({ store, runtime, settled }, signal) => {
        const onReclaimed = (ids: readonly number[]): void => {
          if (ids.length > 0) this.#events.emit("identities:reclaimed", ids);
        };
        const collector = new IdentityCollector({ store, keys, settled, onReclaimed });
        while (!signal.aborted) {
          await collector.pass({ signal });
          await sleep(runtime.clock, interval, signal);
        }
      },
    };
  }

  #report(error: unknown): void {
    this.#events.emit("error", error);
  }
}

/** Milliseconds. Whoever is declared gone is noticed at once; this is for what failed, or was missed. */
const DEPARTED_INTERVAL = 30_000;

function departedEndpoints(keys: Keys): OperatorComponent {
  return {
    name: "departed-endpoints",
    run: async (context, signal) => {
      const endpoints = new DepartedEndpoints(context, keys);
      let due = true;
      let wake: () => void = () => undefined;
      const watching = context.watchNodes(() => {
        due = true;
        wake();
      }, signal);
      while (!signal.aborted) {
        if (due) {
          due = false;
          await endpoints.pass(signal);
          continue;
        }
        const rest = new AbortController();
        wake = () => rest.abort();
        const end = (): void => rest.abort();
        signal.addEventListener("abort", end, { once: true });
        await sleep(context.runtime.clock, DEPARTED_INTERVAL, rest.signal).catch(() => undefined);
        signal.removeEventListener("abort", end);
        due = true;
      }
      await watching;
    },
  };
}
