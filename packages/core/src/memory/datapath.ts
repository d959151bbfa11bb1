import { NetloomError } from "../errors.ts";
import type {
  Attachment,
  Datapath,
  DatapathCapabilities,
  DatapathContext,
  DatapathEvent,
  DatapathMetric,
  DatapathNode,
  EndpointHook,
  RunResult,
} from "../ports/datapath.ts";
import type { RoutePlan, Underlay } from "../ports/routing.ts";
import type { AbortOptions } from "../ports/store.ts";
import { memoryMaps, type MemoryMaps, type MemoryMapSizes } from "./maps.ts";

export interface MemoryDatapathOptions {
  /** Of the uplink that it pretends to have, in bytes. @defaultValue 1500 */
  readonly mtu?: number;
  /** Prefixes on the link of that uplink. @defaultValue everything: all nodes are neighbours */
  readonly networks?: readonly string[];
  /** Entries a map takes, by its name. @defaultValue what the schema says */
  readonly maxEntries?: MemoryMapSizes;
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
  readonly maps: MemoryMaps;
  readonly #mtu: number;
  readonly #networks: readonly string[];
  readonly #attachments = new Map<string, Attachment>();
  #nextInterface = 100;
  #context: DatapathContext | undefined;
  #plan: RoutePlan | undefined;
  readonly #closed = new AbortController();

  constructor(options: MemoryDatapathOptions) {
    this.#mtu = options.mtu ?? 1500;
    this.#networks = options.networks ?? ["0.0.0.0/0", "::/0"];
    this.maps = memoryMaps(options.maxEntries);
  }

  /** What it was last told to carry out. */
  get plan(): RoutePlan | undefined {
    return this.#plan;
  }

  async probe(_: DatapathNode, { signal }: AbortOptions = {}): Promise<Underlay> {
    signal?.throwIfAborted();
    return { mtu: this.#mtu, family: 4, networks: this.#networks };
  }

  async start(context: DatapathContext, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#context = context;
    this.#plan = context.plan;
  }

  async attach(hook: EndpointHook, { signal }: AbortOptions = {}): Promise<Attachment> {
    signal?.throwIfAborted();
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

  async detach(name: string, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#attachments.delete(name);
  }

  async attachments(): Promise<readonly Attachment[]> {
    return [...this.#attachments.values()];
  }

  async apply(plan: RoutePlan, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
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

  async uninstall({ signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#attachments.clear();
    for (const map of Object.values(this.maps) as Iterable<{ clear(): void }>) map.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
  }
}
