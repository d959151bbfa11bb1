/**
 * The kit for identity allocators: one label set, one number, cluster-wide; a number in use is never reclaimed.
 *
 * @example
 * import { identityConformance } from "@netloom/conformance/identity";
 * import { describe, it } from "vitest";
 * import { identities } from "./identities.ts";
 *
 * identityConformance({ describe, it }, { create: ({ store, node }) => identities({ store, node }) });
 *
 * @packageDocumentation
 */
import { systemRuntime, type IdentityAllocator, type Store } from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { infoOf, register, type CheckInfo } from "./kit/check.ts";
import type { Runner } from "./kit/runner.ts";
import { PATIENCE } from "./kit/wait.ts";
import { numbers } from "./identity/numbers.ts";
import { references } from "./identity/references.ts";
import type { IdentityContext } from "./identity/world.ts";

export type { CheckInfo } from "./kit/check.ts";
export type { Runner, RunnerIt } from "./kit/runner.ts";
export type { IdentityContext } from "./identity/world.ts";

/** What the author of an allocator tells the kit. */
export interface IdentityConformanceOptions {
  /** Gives numbers of `context.range`, which is small; where it cannot, `range` says which. */
  readonly create: (context: IdentityContext) => IdentityAllocator;
  /** The numbers it gives, where it has a range of its own. Declares that it cannot be exhausted in a test. */
  readonly range?: IdentityContext["range"];
  /** Reclaims what nobody uses, as often as that takes. Without it, what needs it is skipped. */
  readonly collect?: (store: Store) => Promise<void>;
  /** How long it may take for what it must do, in milliseconds. @defaultValue 10000 */
  readonly patience?: number;
}

/** Of the cluster's numbers, few enough to use them all. */
const SMALL = { first: 256, last: 265 };

const checks = [...numbers, ...references];

/** Every check of this kit. */
export const identityChecks: readonly CheckInfo[] = infoOf(checks);

/** Registers every check as a test. */
export function identityConformance(runner: Runner, options: IdentityConformanceOptions): void {
  const { range = SMALL, patience = PATIENCE, create, collect } = options;
  const small = options.range === undefined;
  register(runner, {
    title: "an identity allocator",
    checks,
    // Whether a number is free again shows only where there are few.
    has: (capability) =>
      small && (capability === "range" || (capability === "collect" && collect !== undefined)),
    open: async () => {
      const store = memoryStore();
      const made: AsyncDisposable[] = [];
      return {
        store,
        range,
        patience,
        async join(node: string, shared: Store = store) {
          const allocator = create({ store: shared, node, range, runtime: systemRuntime });
          made.push(allocator);
          await allocator.start();
          return allocator;
        },
        collect: async () => collect?.(store),
        async [Symbol.asyncDispose]() {
          for (const allocator of made) {
            try {
              await allocator[Symbol.asyncDispose]();
            } catch {} // is for a check to tell
          }
          await store[Symbol.asyncDispose]();
        },
      };
    },
  });
}
