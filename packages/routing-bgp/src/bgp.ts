import type { CloseMode, ConfigEffect } from "@netloom/bgp";
import {
  systemClock,
  TypedEmitter,
  type Clock,
  type Emits,
  type LocalNode,
  type RoutedNode,
  type RoutePlan,
  type Routing,
  type RoutingContext,
  type Underlay,
} from "@netloom/core";
import { follow } from "@netloom/core/backend";
import { desired, type AdvertisedFacts } from "./advertise.ts";
import type { DriverEvents, SpeakerDriver } from "./driver.ts";
import { allOf, farewell, nobodyKnows, within } from "./farewell.ts";
import { installOf } from "./install.ts";
import { Instance } from "./instance.ts";
import { NAME, parseOptions, type BgpOptions, type BgpSetup } from "./options.ts";
import { resolve, type BgpCondition, type BgpResources, type Resolution } from "./resources/index.ts";
import { planOf } from "./plan.ts";
import { secretsOf } from "./secrets.ts";
import { StatusWriter } from "./status-writer.ts";
import type { BgpStatus } from "./status.ts";
import { CONFIGURATION, StoreResources } from "./store-resources.ts";

export interface BgpRoutingEvents {
  readonly "peer:changed": readonly [instance: string, ...DriverEvents["peer:changed"]];
  /** A new configuration was taken: which sessions had to be opened again, and which noticed nothing. */
  readonly "config:applied": readonly [instance: string, effect: ConfigEffect];
  /** All that there are now. */
  readonly "conditions:changed": readonly [conditions: readonly BgpCondition[]];
}

/** The routing backend, and what it knows of its speakers. */
export interface BgpRouting extends Routing {
  readonly events: Emits<BgpRoutingEvents>;
  /** Speakers run from now on, and tell what the context says. */
  follow(context: RoutingContext): void;
  /**
   * The node is being emptied: what it serves for others is taken back, its own pods stay reachable. An override in the
   * store may say so too.
   */
  drain(draining: boolean): void;
  /** Resolves when every speaker has been told of what there is now, or has failed to take it. */
  settled(): Promise<void>;
  status(): Promise<BgpStatus>;
  /** The speaker of an instance: its routes, and why a peer gets one. `undefined` where there is none. */
  speaker(instance: string): SpeakerDriver | undefined;
  /**
   * Peers are told, learned routes and the node's status removed; also what an earlier agent has left, if the configuration
   * is in the options or has been read from the store, and the status if this agent was followed.
   * @throws `AggregateError` of what did not end so. Nothing is waited for longer than 5 seconds, and all is let go of.
   */
  uninstall(): Promise<void>;
  /**
   * Ends every speaker, also those of other processes; {@link Routing} disposed of only lets go of them.
   * @throws as {@link BgpRouting.uninstall}
   */
  close(mode: CloseMode, message?: string): Promise<void>;
}

const NOTHING: Resolution = { instances: [], advertisements: [], draining: false, conditions: [] };

/**
 * Tells the fabric where pods and services are, and learns from it.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`, `ERR_BGP_INVALID`.
 */
export function bgp(options: BgpOptions): BgpRouting {
  return new BgpBackend(parseOptions(options));
}

class BgpBackend implements BgpRouting {
  readonly name = NAME;
  readonly #setup: BgpSetup;
  readonly #events = new TypedEmitter<BgpRoutingEvents>((error) => this.#context?.report(error));
  readonly #instances = new Map<string, Instance>();
  /** Configured no more, and not gone yet. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #ended = new AbortController();
  readonly #stops: (() => void)[] = [];
  #context: RoutingContext | undefined;
  #stored: StoreResources | undefined;
  #resolution: Resolution = NOTHING;
  #pass: Promise<void> | undefined;
  #due = false;
  #draining = false;
  #statusWriter: StatusWriter | undefined;
  #following: Promise<void> | undefined;

  constructor(setup: BgpSetup) {
    this.#setup = setup;
  }

  get events(): Emits<BgpRoutingEvents> {
    return this.#events;
  }

  async start(): Promise<void> {}

  overhead(): number {
    return 0;
  }

  plan(local: LocalNode, remotes: readonly RoutedNode[], underlay: Underlay): RoutePlan {
    return planOf(local, remotes, underlay, this.#setup.native);
  }

  follow(context: RoutingContext): void {
    if (this.#context !== undefined) throw new TypeError("bgp: it follows somebody already");
    this.#context = context;
    this.#stops.push(context.onChange(() => this.#changed()));
    if (this.#setup.fixed !== undefined) this.#changed();
    else this.#following = this.#followStore(context);
  }

  drain(draining: boolean): void {
    this.#draining = draining;
    if (this.#context !== undefined) this.#changed();
  }

  async settled(): Promise<void> {
    while (this.#pass !== undefined || this.#leaving.size > 0) {
      await Promise.all([this.#pass, ...this.#leaving]);
    }
    await Promise.all([...this.#instances.values()].map((instance) => instance.settled()));
  }

  async status(): Promise<BgpStatus> {
    const instances = [...this.#instances].map(async ([name, { goal, driver }]) => ({
      name,
      asn: goal?.instance.config.asn ?? 0,
      routerId: goal?.instance.config.routerId ?? "",
      advertised: goal?.sets.reduce((sum, { routes }) => sum + routes.length, 0) ?? 0,
      // One that does not run has no peers, nor one that says nothing.
      peers: await within(this.#clock, driver.peers()).catch(() => []),
    }));
    return {
      node: this.#context?.node().name ?? "",
      instances: await Promise.all(instances),
      conditions: this.#resolution.conditions,
    };
  }

  speaker(instance: string): SpeakerDriver | undefined {
    return this.#instances.get(instance)?.driver;
  }

  async close(mode: CloseMode, message?: string): Promise<void> {
    await this.#end((driver) => driver.close(mode, message));
  }

  async uninstall(): Promise<void> {
    const named = this.#named();
    const { install } = this.#setup;
    await allOf([
      this.#end((driver, name) => driver.uninstall(installOf(install, name, named ?? [])), named),
      within(this.#clock, this.#statusWriter?.remove() ?? Promise.resolve()),
      named === undefined ? Promise.reject(nobodyKnows()) : Promise.resolve(),
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end(async () => undefined);
  }

  /** @param also - speakers that are to hear of it though they are not driven from here. */
  async #end(
    goodbye: (driver: SpeakerDriver, name: string) => Promise<void>,
    also: readonly string[] = [],
  ): Promise<void> {
    this.#ended.abort();
    for (const stop of this.#stops.splice(0)) stop();
    this.#statusWriter?.stop();
    await this.#following;
    const drivers = new Map([...this.#instances].map(([name, { driver }]) => [name, driver]));
    for (const instance of this.#instances.values()) instance.stop();
    this.#instances.clear();
    await Promise.all(this.#leaving);
    for (const name of also) if (!drivers.has(name)) drivers.set(name, this.#driverOf(name));
    await allOf(
      [...drivers].map(([name, driver]) => farewell(driver, this.#clock, () => goodbye(driver, name))),
    );
  }

  /** The speakers of the node, though none runs here. `undefined`: nobody has read the store. */
  #named(): readonly string[] | undefined {
    const { fixed } = this.#setup;
    if (fixed !== undefined) {
      return fixed.clusterConfigs.flatMap(({ instances }) => instances.map(({ name }) => name));
    }
    return this.#resolution === NOTHING ? undefined : this.#resolution.instances.map(({ name }) => name);
  }

  get #clock(): Clock {
    return this.#context?.runtime.clock ?? systemClock;
  }

  async #followStore({ store, prefix, runtime, report }: RoutingContext): Promise<void> {
    const stored = new StoreResources(`${prefix}${CONFIGURATION}`, report);
    this.#stored = stored;
    this.#statusWriter = new StatusWriter(this.#context!, () => this.status());
    let known = false;
    await follow({
      store,
      prefix: `${prefix}${CONFIGURATION}`,
      runtime,
      signal: this.#ended.signal,
      onList: (listing) => {
        const changed = stored.load(listing);
        if (changed || !known) this.#changed();
        known = true;
      },
      onBatch: ({ changes }) => {
        if (stored.apply(changes)) this.#changed();
      },
      onError: report,
    });
  }

  /** Soon, and once for whatever comes until then. */
  #changed(): void {
    this.#due = true;
    this.#pass ??= this.#passes().finally(() => {
      this.#pass = undefined;
    });
  }

  async #passes(): Promise<void> {
    await Promise.resolve();
    while (this.#due && !this.#ended.signal.aborted) {
      this.#due = false;
      try {
        await this.#once(this.#context!);
      } catch (error) {
        this.#context?.report(error);
      }
    }
  }

  async #once(context: RoutingContext): Promise<void> {
    const resources = this.#setup.fixed ?? this.#stored?.resources;
    // Before the store has been read nobody knows what there should be.
    if (resources === undefined) return;
    const lookUp = this.#setup.secrets ?? ((name: string) => this.#stored?.secret(name));
    const secrets = await secretsOf(resources, lookUp, context.report);
    if (this.#ended.signal.aborted) return;
    const before = this.#resolution;
    this.#resolution = this.#resolve(context, resources, secrets);
    const { instances, advertisements, conditions } = this.#resolution;
    if (JSON.stringify(before.conditions) !== JSON.stringify(conditions)) {
      this.#events.emit("conditions:changed", conditions);
    }
    const facts = this.#facts(context);
    const names = instances.map(({ name }) => name);
    this.#removeExcept(new Set(names));
    const waits = this.#leaving.size > 0;
    for (const instance of instances) {
      const known = this.#instances.get(instance.name)?.goal;
      // Those that leave may have what a new one needs, or another: a port, a process, a metric.
      if (waits && known === undefined) continue;
      const install = installOf(this.#setup.install, instance.name, names);
      const used = new Set(instance.exports.flatMap(({ entries }) => entries));
      const mine = advertisements.filter(({ id }) => used.has(id));
      const goal = {
        instance,
        advertisements: mine,
        sets: desired(facts, mine),
        install: (waits ? known?.install : undefined) ?? install,
      };
      this.#instanceOf(instance.name, context).set(goal);
    }
    this.#statusWriter?.soon();
  }

  #resolve(
    context: RoutingContext,
    resources: BgpResources,
    secrets: ReadonlyMap<string, string>,
  ): Resolution {
    const node = context.node();
    const { routerId } = this.#setup;
    const nodeOverrides =
      routerId === undefined
        ? resources.nodeOverrides
        : [{ name: node.name, instances: [{ name: "default", routerId }] }];
    return resolve(node, { ...resources, nodeOverrides }, { secrets: (name) => secrets.get(name) });
  }

  #facts(context: RoutingContext): AdvertisedFacts {
    const { advertisements, draining } = this.#resolution;
    const devices = advertisements.flatMap(({ entry }) =>
      entry.type === "Interface" ? [entry.interface] : [],
    );
    return {
      draining: this.#draining || draining,
      podCIDRs: context.node().podCIDRs,
      pools: context.pools(),
      services: context.services(),
      interfaces: Object.fromEntries(devices.map((device) => [device, this.#setup.addressesOf(device)])),
    };
  }

  #instanceOf(name: string, { runtime, report }: RoutingContext): Instance {
    const known = this.#instances.get(name);
    if (known !== undefined) return known;
    const driver = this.#driverOf(name);
    const instance = new Instance({
      driver,
      clock: runtime.clock,
      report,
      onEffect: (effect) => void this.#events.emit("config:applied", name, effect),
    });
    this.#instances.set(name, instance);
    return instance;
  }

  #driverOf(name: string): SpeakerDriver {
    const driver = this.#setup.driver(name);
    driver.events.on("error", (error) => this.#context?.report(error));
    driver.events.on("peer:changed", (...parameters) => {
      this.#events.emit("peer:changed", name, ...parameters);
      this.#statusWriter?.soon();
    });
    return driver;
  }

  /** Who is configured no more says goodbye: nobody is to keep its routes. Nobody waits for that, but new speakers. */
  #removeExcept(names: ReadonlySet<string>): void {
    for (const [name, instance] of this.#instances) {
      if (names.has(name)) continue;
      this.#instances.delete(name);
      instance.stop();
      const { driver } = instance;
      const gone: Promise<void> = farewell(driver, this.#clock, () => driver.close("withdraw"))
        .catch((error: unknown) => this.#context?.report(error))
        .finally(() => {
          this.#leaving.delete(gone);
          this.#changed();
        });
      this.#leaving.add(gone);
    }
  }
}
