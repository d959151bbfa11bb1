/**
 * The kit for datapaths: tables that keep what they are told, pods that come and go, packets where there are any.
 *
 * @example
 * import { datapathConformance } from "@netloom/conformance/datapath";
 * import { memoryDatapath } from "@netloom/core/memory";
 * import { describe, it } from "vitest";
 *
 * datapathConformance({ describe, it }, { create: () => memoryDatapath() });
 *
 * @packageDocumentation
 */
import {
  RESERVED_IDENTITIES,
  systemRuntime,
  type Datapath,
  type DatapathCapabilities,
  type DatapathContext,
  type DatapathNode,
} from "@netloom/core";
import { attachments } from "./datapath/attachments.ts";
import { lifecycle } from "./datapath/lifecycle.ts";
import { maps } from "./datapath/maps.ts";
import { packets } from "./datapath/packets.ts";
import { addressOf, PLAN, ROUTER, type DatapathWorld } from "./datapath/world.ts";
import { infoOf, register, type CheckInfo } from "./kit/check.ts";
import type { Runner } from "./kit/runner.ts";
import { PATIENCE } from "./kit/wait.ts";

export type { CheckInfo } from "./kit/check.ts";
export type { Runner, RunnerIt } from "./kit/runner.ts";

/** What the author of a datapath tells the kit. */
export interface DatapathConformanceOptions {
  /**
   * A datapath for one and the same node each time, whose table of endpoints is small. Does no I/O. Each check
   * uninstalls what it has made.
   */
  readonly create: () => Datapath;
  /** The datapath of the next agent on the node, once this one was disposed. @defaultValue another of `create` */
  readonly successor?: (datapath: Datapath) => Datapath;
  /** @defaultValue `conformance` at 192.0.2.1 */
  readonly node?: DatapathNode;
  /** The network namespace of a pod; needed where there is a kernel. */
  readonly netns?: (pod: string) => string;
  /** @defaultValue those of one that `create` makes when the tests are registered */
  readonly capabilities?: DatapathCapabilities;
  /** Whether it has `audit`. @defaultValue as the one that `create` makes, where `capabilities` are not given */
  readonly audit?: boolean;
  /** How long it may take for what it must do, in milliseconds. @defaultValue 10000 */
  readonly patience?: number;
}

const checks = [...maps, ...attachments, ...lifecycle, ...packets];

/** Every check of this kit. */
export const datapathChecks: readonly CheckInfo[] = infoOf(checks);

/** Registers every check as a test. */
export function datapathConformance(runner: Runner, options: DatapathConformanceOptions): void {
  const probe = options.capabilities === undefined ? options.create() : undefined;
  const { packets: passing, families, survivesAgent } = options.capabilities ?? probe!.capabilities;
  register(runner, {
    title: "a datapath",
    checks,
    has: (capability) =>
      ({
        packets: passing && families.includes(4),
        "no packets": !passing,
        survivesAgent,
        audit: options.audit ?? probe?.audit !== undefined,
      })[capability] ?? false,
    open: async () => open(options),
  });
}

function open(options: DatapathConformanceOptions): DatapathWorld & AsyncDisposable {
  const { node = { node: "conformance", addresses: ["192.0.2.1"] }, netns = () => "" } = options;
  const context: DatapathContext = {
    ...node,
    routers: [ROUTER],
    plan: PLAN,
    worldIdentity: RESERVED_IDENTITIES.world,
    allowLocalHost: true,
    runtime: systemRuntime,
  };
  const made = new Set<Datapath>();
  const use = (datapath: Datapath): Datapath => {
    made.add(datapath);
    return datapath;
  };
  return {
    node,
    context,
    patience: options.patience ?? PATIENCE,
    create: () => use(options.create()),
    async start() {
      const datapath = use(options.create());
      await datapath.start(context);
      return datapath;
    },
    async restart(datapath) {
      await datapath[Symbol.asyncDispose]();
      const successor = use(options.successor?.(datapath) ?? options.create());
      await successor.start(context);
      return successor;
    },
    hook: (number) => ({
      name: `default/pod-${number}`,
      addresses: [addressOf(number)],
      netns: netns(`pod-${number}`),
      interface: "eth0",
      gateways: [ROUTER],
      mtu: PLAN.podMtu,
    }),
    async [Symbol.asyncDispose]() {
      for (const datapath of made) {
        try {
          await datapath.uninstall();
          await datapath[Symbol.asyncDispose]();
        } catch {} // is for a check to tell
      }
    },
  };
}
