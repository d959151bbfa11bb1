import {
  NetloomError,
  type AbortOptions,
  type Attachment,
  type Datapath,
  type DatapathCapabilities,
  type DatapathContext,
  type DatapathEvent,
  type DatapathMaps,
  type DatapathMetric,
  type DatapathNode,
  type EndpointHook,
  type RoutePlan,
  type RunResult,
  type Underlay,
} from "@netloom/core";
import type { FaultRates } from "../kernel/rates.ts";
import type { Life } from "../kernel/life.ts";
import type { Machine } from "./machine.ts";

/**
 * The node's datapath in the hands of one life of its agent. Whatever the kernel does takes a moment and may fail;
 * closing it leaves everything in force, as pins do.
 */
export class DatapathPort implements Datapath {
  readonly name: string;
  readonly capabilities: DatapathCapabilities;
  readonly maps: DatapathMaps;
  readonly #datapath: Datapath;
  readonly #machine: Machine;
  readonly #life: Life;
  readonly #rates: () => FaultRates;

  constructor(machine: Machine, maps: DatapathMaps, life: Life, rates: () => FaultRates) {
    const { datapath } = machine;
    this.#machine = machine;
    this.name = datapath.name;
    this.capabilities = datapath.capabilities;
    this.maps = maps;
    this.#datapath = datapath;
    this.#life = life;
    this.#rates = rates;
  }

  probe(node: DatapathNode, options?: AbortOptions): Promise<Underlay> {
    return this.#call("probe", () => this.#datapath.probe(node), options);
  }

  start(context: DatapathContext, options?: AbortOptions): Promise<void> {
    return this.#call("start", () => this.#datapath.start(context), options);
  }

  attach(hook: EndpointHook, options?: AbortOptions): Promise<Attachment> {
    const act = (): Promise<Attachment> => {
      this.#machine.interfaces.add(hook.name);
      return this.#datapath.attach(hook);
    };
    return this.#call(`attach ${hook.name}`, act, options);
  }

  detach(name: string, options?: AbortOptions): Promise<void> {
    const act = (): Promise<void> => {
      this.#machine.interfaces.delete(name);
      return this.#datapath.detach(name);
    };
    return this.#call(`detach ${name}`, act, options);
  }

  attachments(): Promise<readonly Attachment[]> {
    return this.#call("attachments", () => this.#datapath.attachments());
  }

  apply(plan: RoutePlan, options?: AbortOptions): Promise<void> {
    return this.#call("apply plan", () => this.#datapath.apply(plan), options);
  }

  events(options?: AbortOptions): AsyncIterable<readonly DatapathEvent[]> {
    return this.#datapath.events(options);
  }

  metrics(): readonly DatapathMetric[] {
    return this.#datapath.metrics();
  }

  now(): number {
    return this.#life.runtime.clock.monotonic();
  }

  async run(): Promise<RunResult> {
    throw new NetloomError("ERR_UNSUPPORTED", "no packets pass in the simulation", { backend: this.name });
  }

  uninstall(options?: AbortOptions): Promise<void> {
    return this.#call("uninstall", () => this.#datapath.uninstall(), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #call<T>(what: string, act: () => Promise<T>, options: AbortOptions = {}): Promise<T> {
    const { chance } = this.#life;
    const { before } = this.#rates();
    return this.#life.call(what, act, {
      there: chance.between(0.1, 1),
      back: chance.between(0.1, 1),
      fault: chance.happens(before) ? "before" : "none",
      error: () => new NetloomError("ERR_SYSCALL", `${what}: EBUSY`, { retryable: true, backend: this.name }),
      signal: options.signal,
    });
  }
}
