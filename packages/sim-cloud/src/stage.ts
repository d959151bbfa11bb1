import type { CloudNode, CloudProvider } from "@netloom/ipam-cloud";
import type { SimCall } from "./cloud/gate.ts";
import { CLUSTER_TAG, type InstanceType } from "./cloud/records.ts";
import { Refusal, SimConnectionError } from "./cloud/refusal.ts";
import { simCloud, type SimCloud } from "./cloud/sim-cloud.ts";
import type { ShapeOptions } from "./cloud/views.ts";

/** What to run the conformance kit of clouds with: see `CloudStage` in `@netloom/conformance/cloud`. */
export interface SimStage extends AsyncDisposable {
  readonly sim: SimCloud;
  readonly nodes: readonly [CloudNode, CloudNode];
  readonly pool: string;
  readonly secret: string;
  provider(cluster: string): CloudProvider;
  requests(): readonly string[];
  loseAnswer(after: number): void;
  throttle(action: string): void;
  deny(action: string): string;
  /** Only where there are operations. */
  failOperation?(): void;
  freeze(): void;
  thaw(): void;
  pageSize(items: number): void;
  place(cluster: string | undefined, node: CloudNode | undefined): Promise<string>;
  unflag(id: string): Promise<void>;
  exhaust(what: SimShortage, node: CloudNode): Promise<void>;
  terminate(node: CloudNode): Promise<void>;
  relaunch(node: CloudNode): Promise<CloudNode>;
  interfaces(): Promise<readonly string[]>;
}

type SimShortage = "pool-addresses" | "pool-blocks" | "interface-slots" | "node-interfaces" | "quota";

export interface SimStageOptions {
  /** @defaultValue 1 */
  readonly seed?: number;
  /** What a denied action is called in faults. @defaultValue the action itself */
  readonly permission?: (action: string) => string;
}

const POOL = "subnet-a";
const TYPES: Readonly<Record<string, InstanceType>> = {
  conformance: { interfaces: 4, slots: { 4: 12, 6: 12 } },
};

/** A cloud for the conformance kit, and a provider in it: `shape` may as well be one that speaks to it over HTTP. */
export function simStage(
  shape: (sim: SimCloud, options: ShapeOptions) => CloudProvider,
  { seed = 1, permission = (action) => action }: SimStageOptions = {},
): SimStage {
  const quotas: { interfaces?: number; addressUnits?: number } = {};
  const options = {
    seed,
    quotas,
    // What the kit wants throttled it says.
    throttles: [],
    types: TYPES,
    pools: [
      { id: POOL, cidrs: ["10.9.0.0/23", "2001:db8:9::/64"] },
      { id: "subnet-b", cidrs: ["10.9.2.0/24"] },
      { id: "subnet-c", cidrs: ["10.9.3.0/24"] },
    ],
    pageSize: 1000,
  };
  const sim = simCloud(options);
  const launch = (name: string): CloudNode =>
    sim.launch({ name, type: "conformance", pool: POOL, cluster: "conformance" });
  const hasOperations = shape(sim, {}).capabilities.interfaces === "fixed";
  return {
    sim,
    nodes: [launch("node-1"), launch("node-2")],
    pool: POOL,
    secret: "sim-secret-access-key",
    provider: (cluster) => shape(sim, { cluster }),
    requests: () => sim.calls.map(({ action }) => action),
    loseAnswer(after) {
      const lost = sim.calls.length + after + 1;
      sim.hooks = {
        after: ({ number }) => {
          if (number === lost) throw new SimConnectionError("no answer came");
        },
      };
    },
    throttle(action) {
      sim.hooks = {
        before: (call: SimCall) => {
          if (call.action !== action) return;
          sim.hooks = {};
          throw new Refusal("throttled", action, `too many requests: ${action}`);
        },
      };
    },
    deny(action) {
      sim.deny(action);
      return permission(action);
    },
    ...(hasOperations ? { failOperation: () => sim.failNextOperation() } : {}),
    freeze: () => sim.freeze(),
    thaw: () => sim.thaw(),
    pageSize(items) {
      options.pageSize = items;
    },
    async place(cluster, node) {
      const tags: Record<string, string> = cluster === undefined ? {} : { [CLUSTER_TAG]: cluster };
      const { id } = sim.world.create({ pool: POOL, want: [], tags, securityGroups: [] });
      if (node !== undefined) sim.world.attach(id, node.instance, freeIndex(sim, node), true);
      return id;
    },
    async unflag(id) {
      sim.world.setDeleteWithInstance(id, false);
    },
    async exhaust(what, node) {
      if (what === "quota") {
        quotas.interfaces = sim.interfaces.length;
        quotas.addressUnits = sim.owners().size;
      } else exhaust(sim, what, node);
    },
    async terminate({ instance }) {
      sim.terminate(instance);
    },
    async relaunch({ name, instance }) {
      sim.terminate(instance);
      return launch(name);
    },
    interfaces: async () => sim.interfaces.map(({ id }) => id),
    async [Symbol.asyncDispose]() {},
  };
}

function exhaust(sim: SimCloud, what: Exclude<SimShortage, "quota">, node: CloudNode): void {
  const single = { family: 4, prefix: 32, count: 1 } as const;
  const [first] = sim.world.attachedTo(node.instance);
  switch (what) {
    case "pool-addresses":
      return untilRefused(() => sim.network.take(POOL, single));
    case "pool-blocks":
      return untilRefused(() => {
        const [block] = sim.network.take(POOL, { family: 4, prefix: 28, count: 1 });
        sim.network.release(POOL, [block!]);
        sim.network.takeExactly(POOL, [block!.replace("/28", "/32")]);
      });
    case "interface-slots":
      return untilRefused(() => sim.world.assign(first!.id, single));
    case "node-interfaces":
      return untilRefused(() => {
        const { id } = sim.world.create({ pool: POOL, want: [], tags: {}, securityGroups: [] });
        sim.world.attach(id, node.instance, freeIndex(sim, node), true);
      });
  }
}

function untilRefused(act: () => unknown): void {
  try {
    for (;;) act();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
}

function freeIndex(sim: SimCloud, { instance }: CloudNode): number {
  const taken = new Set(sim.world.attachedTo(instance).map(({ attachment }) => attachment!.index));
  let index = 0;
  while (taken.has(index)) index++;
  return index;
}
