import {
  cidrAround,
  formatAddress,
  ipv4,
  type Address,
  type DatapathMaps,
  type Inspection,
  type Provenance,
  type TypedMap,
} from "@netloom/core";
import {
  IpcacheFlag,
  maps as definitions,
  type FragmentKey,
  type FragmentValue,
  type IpcachePrefixKey,
  type IpcacheValue,
  type ServiceValue,
} from "@netloom/core/backend";
import {
  memoryMap,
  MemoryMaglev,
  MemoryMap,
  type MemoryMapDefinition,
  type MemoryMaps,
} from "@netloom/core/memory";

/** One question that the walk put to a table. */
export interface LookUp {
  /** As `bpf/lib/maps.h` calls it. */
  readonly table: string;
  /** For people: `10.0.1.5`, `set 4, 300, ingress, TCP/80`. */
  readonly key: string;
  /** For people; `undefined`: there was no such entry. */
  readonly value: string | undefined;
  /** The facts that put the entry there. */
  readonly because: readonly Provenance[];
}

/**
 * The tables of a node, to be walked through without leaving a trace: what the walk writes stays here, what it asks is
 * noted. A question that is put twice is noted once.
 */
export class LookedUp {
  readonly maps: MemoryMaps;
  readonly fragments: MemoryMap<FragmentKey, FragmentValue> = memoryMap(definitions.fragments);
  readonly #noted = new Map<string, LookUp>();

  constructor({ maps, provenance }: Inspection) {
    const through = <K, V>(
      table: keyof DatapathMaps & keyof typeof definitions,
      keyText: (key: K) => string,
      valueText: (value: V) => string,
      because: (key: K, value: V) => readonly Provenance[] = () => [],
    ): MemoryMap<K, V> => {
      const definition = definitions[table] as unknown as MemoryMapDefinition<K, V>;
      return new ReadThrough(definition, maps[table] as unknown as TypedMap<K, V>, (key, value) => {
        const found = value === undefined ? [] : because(key, value);
        this.#note(definition.name, keyText(key), value === undefined ? undefined : valueText(value), found);
      });
    };
    const flowText = ({ low, high, lowPort, highPort, protocol }: Ends): string =>
      `${formatAddress(low)}:${lowPort} and ${formatAddress(high)}:${highPort}, protocol ${protocol}`;
    this.maps = {
      endpoints: through(
        "endpoints",
        ({ address }) => formatAddress(address),
        ({ id, identity, policy, table, flags }) =>
          `endpoint ${id}, identity ${identity}, policy set ${policy}${table === 0 ? "" : `, by the interface ${formatAddress(ipv4(table))}`}${flags === 0 ? "" : ", locked down"}`,
        (key) => provenance.endpoint(key),
      ),
      ipcache: through(
        "ipcache",
        ({ address }) => formatAddress(address),
        locationText,
        (key) => provenance.ipcache(key),
      ),
      ipcachePrefixes: through(
        "ipcachePrefixes",
        ({ address }) => formatAddress(address),
        locationText,
        ({ address }) => {
          const prefix = longestPrefix(maps.ipcachePrefixes, address);
          return prefix === undefined ? [] : provenance.prefix(prefix);
        },
      ),
      policy: through(
        "policy",
        policyKeyText,
        ({ deny }) => (deny === 0 ? "allow" : "deny"),
        (key, value) => provenance.policy(key, value),
      ),
      services: through(
        "services",
        ({ address, port, protocol }) => `${formatAddress(address)}:${port}, protocol ${protocol}`,
        serviceText,
        (key) => provenance.service(key),
      ),
      backends: through(
        "backends",
        String,
        ({ address, port }) => `${formatAddress(address)}:${port}`,
        (_, backend) => provenance.backend(backend),
      ),
      maglev: new MaglevThrough(maps, (service, slot, backend) =>
        this.#note(
          "maglev",
          `service ${service}, slot ${slot}`,
          backend === undefined ? undefined : `backend ${backend}`,
          [],
        ),
      ),
      settings: through("settings", String, ({ events }) => `events ${events}`),
      conntrack: through("conntrack", flowText, ({ flags }) => `a known flow, flags ${flags}`),
      nat: through(
        "nat",
        ({ source, destination }) => `${formatAddress(source)} to ${formatAddress(destination)}`,
        ({ address, port }) => `${formatAddress(address)}:${port}`,
      ),
    };
  }

  /** In the order in which they were first asked. */
  get lookUps(): readonly LookUp[] {
    return [...this.#noted.values()].filter(({ table }) => table !== definitions.settings.name);
  }

  #note(table: string, key: string, value: string | undefined, because: readonly Provenance[]): void {
    const name = `${table} ${key}`;
    if (!this.#noted.has(name)) this.#noted.set(name, { table, key, value, because });
  }
}

interface Ends {
  readonly low: Address;
  readonly high: Address;
  readonly lowPort: number;
  readonly highPort: number;
  readonly protocol: number;
}

/** Reads another map through; writes stay here. */
class ReadThrough<K, V> extends MemoryMap<K, V> {
  readonly #behind: TypedMap<K, V>;
  readonly #onLookUp: (key: K, value: V | undefined) => void;

  constructor(
    definition: MemoryMapDefinition<K, V>,
    behind: TypedMap<K, V>,
    onLookUp: (key: K, value: V | undefined) => void,
  ) {
    super(definition);
    this.#behind = behind;
    this.#onLookUp = onLookUp;
  }

  override get(key: K): V | undefined {
    const value = super.get(key) ?? this.#behind.get(key);
    this.#onLookUp(key, value);
    return value;
  }

  override insert(key: K, value: V): boolean {
    if (this.#behind.get(key) !== undefined) return false;
    return super.insert(key, value);
  }
}

class MaglevThrough extends MemoryMaglev {
  readonly #maps: DatapathMaps;
  readonly #onLookUp: (service: number, slot: number, backend: number | undefined) => void;

  constructor(
    maps: DatapathMaps,
    onLookUp: (service: number, slot: number, backend: number | undefined) => void,
  ) {
    super();
    this.#maps = maps;
    this.#onLookUp = onLookUp;
  }

  override slot(service: number, index: number): number | undefined {
    const backend = this.#maps.maglev.get(service)?.[index];
    this.#onLookUp(service, index, backend);
    return backend;
  }
}

function serviceText({ id, backendCount, externalId }: ServiceValue): string {
  const outside =
    externalId === 0 ? "for pods only" : externalId === id ? "" : "from outside to this node's own";
  return `service ${id}, ${backendCount} backends${outside === "" ? "" : `, ${outside}`}`;
}

function locationText({ identity, flags, tunnel }: IpcacheValue): string {
  const way = tunnel.w3 === 0 ? "" : `, behind ${formatAddress(tunnel)}`;
  return `identity ${identity}${way}${(flags & IpcacheFlag.IPCACHE_NATIVE) === 0 ? "" : ", native"}`;
}

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  0: "any",
  1: "ICMP",
  6: "TCP",
  17: "UDP",
  132: "SCTP",
};

function policyKeyText({
  policy,
  identity,
  direction,
  protocol,
  port,
  portBits,
}: {
  readonly policy: number;
  readonly identity: number;
  readonly direction: number;
  readonly protocol: number;
  readonly port: number;
  readonly portBits: number;
}): string {
  if (policy === 0) return `identity ${identity} is known`;
  const peer = identity === 0 ? "anyone" : String(identity);
  const ports =
    portBits === 0 ? "" : portBits === 16 ? `/${port}` : `/${port}-${port + 2 ** (16 - portBits) - 1}`;
  return `set ${policy}, ${peer}, ${direction === 0 ? "egress" : "ingress"}, ${PROTOCOL_NAMES[protocol] ?? protocol}${ports}`;
}

/** The trie says what it found, not where. */
function longestPrefix(
  table: TypedMap<IpcachePrefixKey, IpcacheValue>,
  address: Address,
): IpcachePrefixKey | undefined {
  let longest: IpcachePrefixKey | undefined;
  for (const [key] of table.entries()) {
    const length = key.address.family === 4 ? key.prefixLength - 96 : key.prefixLength;
    if (length < 0 || !cidrAround(key.address, length).contains(address)) continue;
    if (longest === undefined || key.prefixLength > longest.prefixLength) longest = key;
  }
  return longest;
}
