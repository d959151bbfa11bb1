/**
 * The kit for clouds: nothing is made twice, nothing is left behind, nothing of others is touched, through crashes, lost
 * answers and reads of the past.
 *
 * @example
 * import { cloudConformance } from "@netloom/conformance/cloud";
 * import { awsLike, simStage } from "@netloom/sim-cloud";
 * import { describe, it } from "vitest";
 *
 * cloudConformance({ describe, it }, { create: () => simStage(awsLike) });
 *
 * @packageDocumentation
 */
import { infoOf, register, type CheckInfo } from "./kit/check.ts";
import type { Runner } from "./kit/runner.ts";
import { assigning } from "./cloud/assigning.ts";
import { interfaces } from "./cloud/interfaces.ts";
import { reading } from "./cloud/reading.ts";
import { recovery } from "./cloud/recovery.ts";
import { refusals } from "./cloud/refusals.ts";
import { shortages } from "./cloud/shortages.ts";
import type { CloudStage } from "./cloud/stage.ts";
import type { CloudWorld } from "./cloud/world.ts";

export type { CloudStage, Shortage } from "./cloud/stage.ts";
export type { CheckInfo } from "./kit/check.ts";
export type { Runner, RunnerIt } from "./kit/runner.ts";

/** What the author of a provider tells the kit. */
export interface CloudConformanceOptions {
  /** A provider, and the cloud around it, with nothing in it but what {@link CloudStage} says. */
  readonly create: () => CloudStage;
  /** Inventories have versions. @defaultValue false */
  readonly versions?: boolean;
}

const CLUSTER = "conformance";

const checks = [...reading, ...assigning, ...shortages, ...interfaces, ...recovery, ...refusals];

/** Every check of this kit. */
export const cloudChecks: readonly CheckInfo[] = infoOf(checks);

/** Registers every check as a test. */
export function cloudConformance(runner: Runner, options: CloudConformanceOptions): void {
  const probe = options.create();
  const { name, capabilities } = probe.provider(CLUSTER);
  const declared: Readonly<Record<string, boolean>> = {
    "dynamic interfaces": capabilities.interfaces === "dynamic",
    blocks: Object.keys(capabilities.blocks).length > 0,
    exact: capabilities.exact,
    release: capabilities.release,
    versions: options.versions ?? false,
  };
  const has = (capability: string): boolean =>
    declared[capability] ?? probe[capability as keyof CloudStage] !== undefined;
  register(runner, {
    title: `cloud ${name}`,
    checks,
    has: (needs) => needs.split(" and ").every(has),
    open: async () => open(options.create()),
  });
}

function open(stage: CloudStage): CloudWorld & AsyncDisposable {
  const [node, other] = stage.nodes;
  return {
    // What a check uses without having asked for it is missing there, and the check fails.
    stage: stage as Required<CloudStage>,
    node,
    other,
    provider: stage.provider(CLUSTER),
    restart: () => stage.provider(CLUSTER),
    [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
  };
}
