/**
 * The kit for routings: a pure plan that reaches everyone, and says whom it cannot.
 *
 * @example
 * import { routingConformance } from "@netloom/conformance/routing";
 * import { vxlan } from "@netloom/routing-vxlan";
 * import { describe, it } from "vitest";
 *
 * routingConformance({ describe, it }, { create: () => vxlan() });
 *
 * @packageDocumentation
 */
import type { Routing } from "@netloom/core";
import { infoOf, register, type CheckInfo } from "./kit/check.ts";
import type { Runner } from "./kit/runner.ts";
import { plans } from "./routing/plans.ts";
import { reach } from "./routing/reach.ts";
import { ways } from "./routing/ways.ts";

export type { CheckInfo } from "./kit/check.ts";
export type { Runner, RunnerIt } from "./kit/runner.ts";

/** What the author of a routing tells the kit. */
export interface RoutingConformanceOptions {
  readonly create: () => Routing;
  /** Its plans name a tunnel for every range of every other node. @defaultValue true */
  readonly tunnels?: boolean;
}

const checks = [...plans, ...reach, ...ways];

/** Every check of this kit. */
export const routingChecks: readonly CheckInfo[] = infoOf(checks);

/** Registers every check as a test. */
export function routingConformance(runner: Runner, options: RoutingConformanceOptions): void {
  const { create, tunnels = true } = options;
  register(runner, {
    title: `routing ${create().name}`,
    checks,
    has: (capability) => capability === "tunnels" && tunnels,
    open: async () => {
      const routing = create();
      await routing.start();
      return {
        routing,
        create,
        async [Symbol.asyncDispose]() {
          try {
            await routing[Symbol.asyncDispose]();
          } catch {} // is for a check to tell
        },
      };
    },
  });
}
