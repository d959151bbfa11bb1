/**
 * The kit for stores: create-if-absent and compare-and-swap decide races, watches are ordered and complete.
 *
 * @example
 * import { storeConformance } from "@netloom/conformance/store";
 * import { memoryStore } from "@netloom/core/memory";
 * import { describe, it } from "vitest";
 *
 * storeConformance({ describe, it }, { create: () => memoryStore() });
 *
 * @packageDocumentation
 */
import { systemRandom, type Session, type Store } from "@netloom/core";
import { infoOf, register, type CheckInfo } from "./kit/check.ts";
import type { Runner } from "./kit/runner.ts";
import { PATIENCE } from "./kit/wait.ts";
import { lifecycle } from "./store/lifecycle.ts";
import { lists } from "./store/lists.ts";
import { races } from "./store/races.ts";
import { sessions } from "./store/sessions.ts";
import { watches } from "./store/watches.ts";
import type { StoreFault } from "./store/world.ts";
import { writes } from "./store/writes.ts";

export type { CheckInfo } from "./kit/check.ts";
export type { Runner, RunnerIt } from "./kit/runner.ts";
export type { StoreFault } from "./store/world.ts";

/** What the author of a store tells the kit. What is optional declares an ability: without it, checks are skipped. */
export interface StoreConformanceOptions<S extends Store = Store> {
  /** A client; it may share its data with others, for each check keeps to a prefix of its own. The kit disposes it. */
  readonly create: () => S | Promise<S>;
  /** Another client of the same data. @defaultValue the same client again */
  readonly connect?: (store: S) => Store | Promise<Store>;
  /** Makes the store forget its past. */
  readonly compact?: (store: S) => Promise<void> | void;
  /** Takes the lease of a session away, as a store does from a client it cannot hear. */
  readonly expire?: (store: S, session: Session) => Promise<void> | void;
  /** Lets the next write of this client fail: without effect, or with an effect that nobody knows. */
  readonly fail?: (store: S, fault: StoreFault) => void;
  /** Of sessions, in milliseconds: the shortest that the store keeps alive well. @defaultValue 1000 */
  readonly ttl?: number;
  /** How long the store may take for what it must do, in milliseconds. @defaultValue 10000 */
  readonly patience?: number;
}

const checks = [...writes, ...lists, ...watches, ...sessions, ...races, ...lifecycle];

/** Every check of this kit. */
export const storeChecks: readonly CheckInfo[] = infoOf(checks);

/** Registers every check as a test. */
export function storeConformance<S extends Store>(runner: Runner, options: StoreConformanceOptions<S>): void {
  register(runner, {
    title: "a store",
    checks,
    has: (capability) => options[capability as "compact" | "expire" | "fail"] !== undefined,
    open: async () => {
      const store = await options.create();
      const other = (await options.connect?.(store)) ?? store;
      const prefix = `netloom-conformance/${Math.floor(systemRandom.next() * 2 ** 40).toString(36)}/`;
      return {
        store,
        other,
        prefix,
        patience: options.patience ?? PATIENCE,
        ttl: options.ttl ?? 1000,
        compact: options.compact && (() => options.compact!(store)),
        expire: options.expire && ((_: Store, session: Session) => options.expire!(store, session)),
        fail: options.fail && ((_: Store, fault: StoreFault) => options.fail!(store, fault)),
        [Symbol.asyncDispose]: () => close(store, other, prefix),
      };
    },
  });
}

/** Takes away what a check wrote. What cannot be, because it was closed or is broken, is for the checks to tell. */
async function close(store: Store, other: Store, prefix: string): Promise<void> {
  try {
    const { entries } = await store.list(prefix);
    await Promise.all(entries.map(({ key }) => store.delete(key)));
  } catch {}
  for (const client of new Set([store, other])) {
    try {
      await client[Symbol.asyncDispose]();
    } catch {}
  }
}
