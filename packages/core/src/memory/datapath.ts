import { decode, encode } from "../datapath/mirror.ts";
import { Limits, maps as definitions, type Codec } from "../datapath/schema.generated.ts";
import { NetloomError } from "../errors.ts";
import type {
  Attachment,
  Datapath,
  DatapathCapabilities,
  DatapathContext,
  DatapathEvent,
  DatapathMaps,
  DatapathMetric,
  EndpointHook,
  MaglevMap,
  RunResult,
  TypedMap,
} from "../ports/datapath.ts";
import type { RoutePlan, Underlay } from "../ports/routing.ts";
import type { AbortOptions } from "../ports/store.ts";

export interface MemoryDatapathOptions {
  /** Of the uplink that it pretends to have, in bytes. @defaultValue 1500 */
  readonly mtu?: number;
  /** Entries a map takes, by its name. @defaultValue what the schema says */
  readonly maxEntries?: Readonly<Partial<Record<keyof DatapathMaps, number>>>;
}

/**
 * A datapath that holds the same tables as the kernel's and forwards nothing: what an agent would enforce can be read
 * and asked, no packet passes.
 */
export function memoryDatapath(options: MemoryDatapathOptions = {}): MemoryDatapath {
  return new MemoryDatapath(options);
}

export class MemoryDatapath implements Datapath {
  readonly name = "memory";
  readonly capabilities: DatapathCapabilities = { families: [4, 6], packets: false, survivesAgent: false };
  readonly maps: DatapathMaps;
  readonly #mtu: number;
  readonly #attachments = new Map<string, Attachment>();
  #nextInterface = 100;
  #context: DatapathContext | undefined;
  #plan: RoutePlan | undefined;
  readonly #closed = new AbortController();

  constructor(options: MemoryDatapathOptions) {
    this.#mtu = options.mtu ?? 1500;
    const map = <K, V>(definition: {
      readonly name: string;
      readonly key: Codec<K>;
      readonly value: Codec<V>;
      readonly maxEntries: number;
    }): TypedMap<K, V> => {
      const name = definition.name as keyof DatapathMaps;
      return new MemoryMap({
        ...definition,
        maxEntries: options.maxEntries?.[name] ?? definition.maxEntries,
      });
    };
    this.maps = {
      endpoints: map(definitions.endpoints),
      ipcache: map(definitions.ipcache),
      ipcachePrefixes: map(definitions.ipcachePrefixes),
      policy: map(definitions.policy),
      services: map(definitions.services),
      backends: map(definitions.backends),
      maglev: new MemoryMaglev(),
      settings: map(definitions.settings),
      conntrack: map(definitions.conntrack),
      nat: map(definitions.nat),
    };
  }

  /** What it was last told to carry out. */
  get plan(): RoutePlan | undefined {
    return this.#plan;
  }

  async probe(): Promise<Underlay> {
    return { mtu: this.#mtu, family: 4 };
  }

  async start(context: DatapathContext): Promise<void> {
    this.#context = context;
    this.#plan = context.plan;
  }

  async attach(hook: EndpointHook): Promise<Attachment> {
    const known = this.#attachments.get(hook.name);
    if (known !== undefined) return known;
    const ifindex = this.#nextInterface++;
    const attachment: Attachment = {
      name: hook.name,
      ifindex,
      interface: `memory${ifindex}`,
      mac: 0x0200_0000_0000 + ifindex * 2,
      gatewayMac: 0x0200_0000_0001 + ifindex * 2,
    };
    this.#attachments.set(hook.name, attachment);
    return attachment;
  }

  async detach(name: string): Promise<void> {
    this.#attachments.delete(name);
  }

  async attachments(): Promise<readonly Attachment[]> {
    return [...this.#attachments.values()];
  }

  async apply(plan: RoutePlan): Promise<void> {
    this.#plan = plan;
  }

  // oxlint-disable-next-line require-yield -- nothing happens in memory: the stream is empty, and ends when told to
  async *events(options: AbortOptions = {}): AsyncGenerator<readonly DatapathEvent[], void, undefined> {
    const { signal } = this.#closed;
    if (options.signal?.aborted === true || signal.aborted) return;
    await new Promise<void>((resolve) => {
      options.signal?.addEventListener("abort", () => resolve(), { once: true });
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  metrics(): readonly DatapathMetric[] {
    return [];
  }

  now(): number {
    return this.#context?.runtime.clock.monotonic() ?? 0;
  }

  async run(): Promise<RunResult> {
    throw new NetloomError("ERR_UNSUPPORTED", "no packets pass through the in-memory datapath", {
      remedy: "use @netloom/datapath-ebpf",
      backend: this.name,
    });
  }

  async uninstall(): Promise<void> {
    this.#attachments.clear();
    for (const map of Object.values(this.maps))
      if (map instanceof MemoryMap || map instanceof MemoryMaglev) map.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
  }
}

/** Keeps bytes, as the kernel does: what does not fit its schema is refused here too. */
class MemoryMap<K, V> implements TypedMap<K, V> {
  readonly name: string;
  readonly maxEntries: number;
  readonly #key: Codec<K>;
  readonly #value: Codec<V>;
  readonly #entries = new Map<string, string>();

  constructor(definition: {
    readonly name: string;
    readonly key: Codec<K>;
    readonly value: Codec<V>;
    readonly maxEntries: number;
  }) {
    this.name = definition.name;
    this.maxEntries = definition.maxEntries;
    this.#key = definition.key;
    this.#value = definition.value;
  }

  get(key: K): V | undefined {
    const bytes = this.#entries.get(encode(this.#key, key));
    return bytes === undefined ? undefined : decode(this.#value, bytes);
  }

  set(key: K, value: V): void {
    const name = encode(this.#key, key);
    if (!this.#entries.has(name) && this.#entries.size >= this.maxEntries) {
      throw new NetloomError("ERR_CAPACITY", `map ${this.name} is full (${this.maxEntries} entries)`, {
        remedy: "give it more entries",
        backend: "memory",
      });
    }
    this.#entries.set(name, encode(this.#value, value));
  }

  delete(key: K): boolean {
    return this.#entries.delete(encode(this.#key, key));
  }

  *entries(): Generator<readonly [K, V], void, undefined> {
    for (const [key, value] of this.#entries) yield [decode(this.#key, key), decode(this.#value, value)];
  }

  setMany(entries: readonly (readonly [K, V])[]): void {
    for (const [key, value] of entries) this.set(key, value);
  }

  deleteMany(keys: readonly K[]): void {
    for (const key of keys) this.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }
}

class MemoryMaglev implements MaglevMap {
  readonly maxEntries: number = Limits.LIMIT_SERVICES;
  readonly #tables = new Map<number, Uint16Array>();

  set(service: number, table: Uint16Array): void {
    this.#tables.set(service, table.slice());
  }

  delete(service: number): void {
    this.#tables.delete(service);
  }

  get(service: number): Uint16Array | undefined {
    return this.#tables.get(service)?.slice();
  }

  clear(): void {
    this.#tables.clear();
  }
}
