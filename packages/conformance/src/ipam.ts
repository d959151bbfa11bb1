/**
 * The kit for IPAMs: an address has one owner at most, through retirements, restarts and races.
 *
 * @example
 * import { ipamConformance } from "@netloom/conformance/ipam";
 * import { hostScope } from "@netloom/ipam-host-scope";
 * import { describe, it } from "vitest";
 *
 * ipamConformance({ describe, it }, { create: () => hostScope() });
 *
 * @packageDocumentation
 */
import {
  systemRuntime,
  type Family,
  type Ipam,
  type IpamCapabilities,
  type IpamContext,
} from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { infoOf, register, type CheckInfo } from "./kit/check.ts";
import type { Runner } from "./kit/runner.ts";
import { PATIENCE, within } from "./kit/wait.ts";
import { endings } from "./ipam/endings.ts";
import { leases } from "./ipam/leases.ts";
import { lifecycle } from "./ipam/lifecycle.ts";
import { requests } from "./ipam/requests.ts";
import { restarts } from "./ipam/restarts.ts";
import type { IpamWorld } from "./ipam/world.ts";

export type { CheckInfo } from "./kit/check.ts";
export type { Runner, RunnerIt } from "./kit/runner.ts";

/** What the author of an IPAM tells the kit. */
export interface IpamConformanceOptions {
  /**
   * One that will be started with `context`, or with another of the same kind: `context.podCIDRs` are the ranges it
   * should have, however it comes by them. Does no I/O.
   */
  readonly create: (context: IpamContext) => Ipam;
  /** Sets up what gives the node its ranges, e.g. an operator. Without it they are there from the beginning. */
  readonly surround?: (context: IpamContext) => Promise<AsyncDisposable> | AsyncDisposable;
  /** Lets the node have another range of each family, when it has used up what it has. */
  readonly grow?: (context: IpamContext) => Promise<AsyncDisposable> | AsyncDisposable;
  /** @defaultValue those of one that `create` makes when the tests are registered */
  readonly capabilities?: IpamCapabilities;
  /** Small ones, one of each family. @defaultValue `10.77.0.16/28` and `fd00:77::10/124` */
  readonly podCIDRs?: readonly string[];
  /** How long it may take for what it must do, in milliseconds. @defaultValue 10000 */
  readonly patience?: number;
}

const checks = [...leases, ...endings, ...requests, ...restarts, ...lifecycle];

/** Every check of this kit. */
export const ipamChecks: readonly CheckInfo[] = infoOf(checks);

/** Registers every check as a test. */
export function ipamConformance(runner: Runner, options: IpamConformanceOptions): void {
  const { name, capabilities } = options.create(contextOf(options, [4, 6], "probe"));
  const { families, requestedAddress } = options.capabilities ?? capabilities;
  register(runner, {
    title: `IPAM ${name}`,
    checks,
    has: (capability) =>
      ({
        "both families": families.includes(4) && families.includes(6),
        requestedAddress,
        surround: options.surround !== undefined,
        grow: options.grow !== undefined,
      })[capability] ?? false,
    open: async () => open(options, contextOf(options, families, name)),
  });
}

function contextOf(
  { podCIDRs = ["10.77.0.16/28", "fd00:77::10/124"] }: IpamConformanceOptions,
  families: readonly Family[],
  name: string,
): IpamContext {
  return {
    node: "conformance",
    podCIDRs: podCIDRs.filter((range) => families.includes(range.includes(":") ? 6 : 4)),
    families,
    store: memoryStore(),
    // Where the agents and operators of the cluster `default` keep what is a backend's own.
    prefix: `netloom/default/v1/backends/${name}/`,
    runtime: systemRuntime,
  };
}

function open(options: IpamConformanceOptions, context: IpamContext): IpamWorld & AsyncDisposable {
  const { patience = PATIENCE } = options;
  const made: AsyncDisposable[] = [];
  let surroundings: Promise<AsyncDisposable | undefined> | undefined;
  const create = (): Ipam => {
    const ipam = options.create(context);
    made.push(ipam);
    return ipam;
  };
  const surround = async (): Promise<void> => {
    surroundings ??= Promise.resolve(options.surround?.(context));
    await surroundings;
  };
  return {
    context,
    families: context.families,
    ask: { families: context.families },
    patience,
    create,
    surround,
    async grow() {
      const growth = await options.grow?.(context);
      if (growth !== undefined) made.push(growth);
    },
    async start() {
      await surround();
      const ipam = create();
      await within(patience, "it starts", ipam.start(context));
      return ipam;
    },
    async [Symbol.asyncDispose]() {
      for (const one of made) {
        try {
          await one[Symbol.asyncDispose]();
        } catch {} // is for a check to tell
      }
      await (await surroundings)?.[Symbol.asyncDispose]();
      await context.store[Symbol.asyncDispose]();
    },
  };
}
