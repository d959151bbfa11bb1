import { systemClock, type Clock, type Family } from "@netloom/core";
import { seededRandom } from "@netloom/core/memory";
import type { CloudNode, CloudPool, ThrottleBucket } from "@netloom/ipam-cloud";
import { Gate, type SimCall, type SimHooks } from "./gate.ts";
import type { Moment } from "./history.ts";
import { Network } from "./network.ts";
import { INSTANCE_TYPES, type SimCloudOptions } from "./options.ts";
import {
  CLUSTER_TAG,
  INTENT_TAG,
  type InstanceType,
  type SimInstance,
  type SimInterface,
} from "./records.ts";
import { World } from "./world.ts";

export interface LaunchOptions {
  /** The node's name in its cluster. */
  readonly name: string;
  /** @defaultValue `i-` and a number */
  readonly instance?: string;
  /** One of {@link SimCloudOptions.types}, or another, which the cloud then knows nothing of. @defaultValue "large" */
  readonly type?: string;
  /** Of its first interface, and of the others it starts with. */
  readonly pool: string;
  /** How many interfaces it starts with. @defaultValue 1 */
  readonly interfaces?: number;
  /** Whose mark they bear, as from a launch template; `undefined` for nobody's. @defaultValue "default" */
  readonly cluster?: string | undefined;
}

/** An interface that nobody uses and nobody will find, or that will become one. */
export interface Leak {
  readonly interface: string;
  /** `detached` from every instance; or attached, and will `outlive` its instance. */
  readonly why: "detached" | "outlives";
  readonly intent?: string;
}

/** A cloud in memory: deterministic from its seed and clock. Clients reach it through an API in a vendor's shape. */
export class SimCloud {
  readonly clock: Clock;
  readonly options: SimCloudOptions;
  /** What is true, for APIs in other shapes. Everything else comes through {@link SimCloud.request}. */
  readonly world: World;
  readonly network: Network;
  readonly #types: Readonly<Record<string, InstanceType>>;
  readonly #random: ReturnType<typeof seededRandom>;
  readonly #gate: Gate;
  #frozen: { readonly interfaces: Moment; readonly instances: Moment } | undefined;
  #instances = 0;
  #failing = false;

  constructor(options: SimCloudOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
    this.#random = seededRandom(options.seed ?? 1);
    this.#types = options.types ?? INSTANCE_TYPES;
    this.network = new Network(options.pools, this.#random, options.placement ?? "scattered");
    this.world = new World(this.network, this.clock, this.#types, options);
    this.#gate = new Gate(this.clock, options.latency ?? 0);
  }

  /** Every request there was, in order. */
  get calls(): readonly SimCall[] {
    return this.#gate.calls;
  }

  /** Stands between client and cloud from now on. */
  set hooks(hooks: SimHooks) {
    this.#gate.hooks = hooks;
  }

  /** One request of a client, as an API in a vendor's shape makes it. */
  request<Answer>(
    action: string,
    subject: string | undefined,
    throttles: readonly ThrottleBucket[],
    apply: () => Answer,
  ): Promise<Answer> {
    return this.#gate.pass(action, subject, this.options.throttles ?? throttles, apply);
  }

  /** `undefined` for a type that the cloud does not know. */
  typeNamed(name: string): InstanceType | undefined {
    return this.#types[name];
  }

  /** The next operation that is polled for fails, after all looked well. */
  failNextOperation(): void {
    this.#failing = true;
  }

  /** Whether this operation is to fail. */
  takeFailure(): boolean {
    const failing = this.#failing;
    this.#failing = false;
    return failing;
  }

  /** An instance starts. */
  launch(options: LaunchOptions): CloudNode {
    const { name, type = "large", pool, interfaces = 1 } = options;
    const { instance = `i-${(++this.#instances).toString(16).padStart(17, "0")}` } = options;
    const cluster = "cluster" in options ? options.cluster : "default";
    const tags = cluster === undefined ? {} : { [CLUSTER_TAG]: cluster };
    const zone = this.network.zone(pool);
    this.world.addInstance({ id: instance, type, zone, tags });
    for (let index = 0; index < interfaces; index++) {
      const primary = index === 0;
      const created = this.world.create({ pool, want: [], tags, securityGroups: ["default"], primary });
      this.world.attach(created.id, instance, index, true);
    }
    return { name, instance, zone, instanceType: type };
  }

  /** An instance ends: what is to go with it goes, the other interfaces are left behind. */
  terminate(instance: string): void {
    this.world.removeInstance(instance);
  }

  /** The account may not do this from now on, or may again. */
  deny(action: string, denied = true): void {
    if (denied) this.#gate.denied.add(action);
    else this.#gate.denied.delete(action);
  }

  /** Reads show what is true now until {@link SimCloud.thaw}, whatever changes. Freezing twice changes nothing. */
  freeze(): void {
    const { interfaces, instances } = this.world;
    interfaces.keep = instances.keep = true;
    this.#frozen ??= {
      interfaces: { revision: interfaces.revision, at: Infinity },
      instances: { revision: instances.revision, at: Infinity },
    };
  }

  thaw(): void {
    this.world.interfaces.keep = this.world.instances.keep = false;
    this.#frozen = undefined;
  }

  /** A read as a client gets to see it: of some moment that has passed. */
  seen(): { readonly interfaces: readonly SimInterface[]; readonly instances: readonly SimInstance[] } {
    const lag = this.options.lag ?? 0;
    const at = lag === 0 ? Infinity : this.clock.monotonic() - this.#random.next() * lag;
    const moment = { revision: Infinity, at };
    const { interfaces = moment, instances = moment } = this.#frozen ?? {};
    return {
      interfaces: [...this.world.interfaces.values(interfaces)],
      instances: [...this.world.instances.values(instances)],
    };
  }

  /** As {@link SimCloud.seen}, of one instance: its interfaces by index, or `undefined` where there is no such instance. */
  interfacesSeenAt(instance: string): readonly SimInterface[] | undefined {
    const { interfaces, instances } = this.seen();
    if (!instances.some(({ id }) => id === instance)) return undefined;
    return interfaces
      .filter((one) => one.attachment?.instance === instance && this.world.stateOf(one) !== "detached")
      .toSorted((a, b) => a.attachment!.index - b.attachment!.index);
  }

  // What only the owner of the cloud can see.

  /** Every interface, as it is. */
  get interfaces(): readonly SimInterface[] {
    return [...this.world.interfaces.values()];
  }

  pool(id: string): CloudPool & { readonly wholeBlocks: number } {
    return { ...this.network.describe(id), wholeBlocks: this.network.freeBlocks(id, 4) };
  }

  free(pool: string, family: Family): number {
    return this.network.freeAddresses(pool, family);
  }

  /** Who has what: by address or block, the interface and the instance. */
  owners(): ReadonlyMap<string, { readonly interface: string; readonly instance: string | undefined }> {
    return new Map(
      this.interfaces.flatMap((one) =>
        one.addresses.map(
          ({ cidr }) => [cidr, { interface: one.id, instance: this.#instanceOf(one) }] as const,
        ),
      ),
    );
  }

  /** What a cluster has left behind, or would. */
  leaks(cluster = "default"): readonly Leak[] {
    return this.interfaces
      .filter(({ tags }) => tags[CLUSTER_TAG] === cluster)
      .flatMap((one): readonly Leak[] => {
        const intent = one.tags[INTENT_TAG];
        const leak = { interface: one.id, ...(intent === undefined ? {} : { intent }) };
        if (this.world.stateOf(one) === "detached") return [{ ...leak, why: "detached" }];
        return one.attachment!.deleteWithInstance ? [] : [{ ...leak, why: "outlives" }];
      });
  }

  #instanceOf(one: SimInterface): string | undefined {
    return this.world.stateOf(one) === "detached" ? undefined : one.attachment!.instance;
  }
}

/** A cloud in memory. No I/O. */
export function simCloud(options: SimCloudOptions): SimCloud {
  return new SimCloud(options);
}
