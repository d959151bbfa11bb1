import { formatAddress, parseAddress, type Address } from "../address/index.ts";
import { Mirror } from "../datapath/mirror.ts";
import {
  BackendState,
  backendValueCodec,
  Limits,
  serviceKeyCodec,
  serviceValueCodec,
  u32Codec,
  type BackendValue,
  type ServiceKey,
  type ServiceValue,
} from "../datapath/schema.generated.ts";
import type { DatapathMaps, Drift, MaglevMap } from "../ports/datapath.ts";
import { IndexPool } from "./index-pool.ts";
import { maglevTable } from "./maglev.ts";

/** One address and port, and where its flows may go. */
export interface Frontend {
  readonly address: Address;
  /** IANA number. */
  readonly protocol: number;
  readonly port: number;
  readonly backends: readonly Backend[];
  /** To whom else than pods it is served. @defaultValue nobody: a cluster IP */
  readonly outside?: Outside;
}

/** Clients outside are sent to all backends, or to those of this node alone. */
export type Outside =
  | { readonly trafficPolicy: "cluster" }
  | { readonly trafficPolicy: "local"; isLocal(this: void, address: Address): boolean };

export interface Backend {
  readonly address: Address;
  readonly port: number;
  /** Relative to the others. */
  readonly weight: number;
  /** Keeps its flows; new ones only where nobody else is left. */
  readonly terminating: boolean;
}

interface Programmed {
  readonly key: ServiceKey;
  readonly backends: readonly string[];
  /** By name: one for pods, and one for clients outside where theirs is another. */
  readonly tables: readonly Table[];
}

/** A Maglev table. */
interface Table {
  readonly name: string;
  readonly protocol: number;
  /** Those that get new flows. */
  readonly usable: readonly Backend[];
  /** The same text, the same table. */
  readonly signature: string;
}

/** In an array nothing can be deleted. */
const NO_BACKEND: BackendValue = {
  address: parseAddress("::"),
  port: 0,
  protocol: 0,
  state: BackendState.BACKEND_GONE,
};

/**
 * Frontends, backends and their Maglev tables, as the datapath wants them. Their numbers are this node's own; those
 * found in the datapath after a restart are kept, so that flows keep their backends.
 */
export class ServiceTables {
  readonly services: Mirror<ServiceKey, ServiceValue> = new Mirror({
    key: serviceKeyCodec,
    value: serviceValueCodec,
  });
  readonly backends: Mirror<number, BackendValue> = new Mirror({
    key: u32Codec,
    value: backendValueCodec,
    absent: NO_BACKEND,
  });
  readonly #programmed = new Map<string, Programmed>();
  readonly #ids = new IndexPool("services", Limits.LIMIT_SERVICES);
  readonly #indexes = new IndexPool("backends", Limits.LIMIT_BACKENDS);
  /** How many frontends use a backend. */
  readonly #uses = new Map<string, number>();
  readonly #tables = new Map<number, Uint16Array>();
  readonly #goneTables = new Set<number>();
  /** Of the tables that have been written, by service: enough to know them again. */
  readonly #digests = new Map<number, number>();

  /** Takes over the numbers in the datapath, before anything else. */
  adopt(maps: DatapathMaps): void {
    for (const [key, { id, externalId }] of maps.services.entries()) {
      const name = serviceName(key);
      this.#ids.restore(name, id);
      if (externalId !== id) this.#ids.restore(outsideName(name), externalId);
    }
    for (const [index, value] of maps.backends.entries()) {
      if (value.state !== BackendState.BACKEND_GONE)
        this.#indexes.restore(backendName(value, value.protocol), index);
    }
    this.services.adopt(maps.services);
    this.backends.adopt(maps.backends);
  }

  /** After the first facts: numbers that nobody took up again are free, and their tables go. */
  settleAdopted(): void {
    const kept = new Set(
      [...this.#programmed.values()].flatMap(({ tables }) => tables.map(({ name }) => name)),
    );
    for (const id of this.#ids.releaseExcept(kept)) this.#goneTables.add(id);
    this.#indexes.releaseExcept(this.#uses);
  }

  /** @throws `ERR_CAPACITY`, having changed nothing. */
  set(frontend: Frontend): void {
    const key: ServiceKey = { address: frontend.address, port: frontend.port, protocol: frontend.protocol };
    const name = serviceName(key);
    const before = this.#programmed.get(name);
    const names = frontend.backends.map((backend) => backendName(backend, frontend.protocol));
    const tables = tablesOf(frontend, name);
    this.#number(
      tables.map((table) => table.name),
      names,
    );
    for (const [position, backend] of frontend.backends.entries()) {
      this.#use(names[position]!, backend, frontend.protocol);
    }
    for (const old of before?.backends ?? []) this.#leave(old);
    for (const table of tables) {
      const same = before?.tables.find((other) => other.name === table.name);
      if (same?.signature !== table.signature || before?.backends.length === 0) this.#build(table);
    }
    for (const old of before?.tables ?? []) {
      if (!tables.some((table) => table.name === old.name)) this.#forget(old);
    }
    const id = this.#ids.get(name)!;
    const externalId = frontend.outside === undefined ? 0 : this.#ids.get(tables.at(-1)!.name)!;
    this.services.set(key, { id, backendCount: tables[0]!.usable.length, externalId });
    this.#programmed.set(name, { key, backends: names, tables });
  }

  delete(frontend: Pick<Frontend, "address" | "port" | "protocol">): void {
    const name = serviceName(frontend);
    const before = this.#programmed.get(name);
    if (before === undefined) return;
    this.#programmed.delete(name);
    this.services.delete(before.key);
    for (const table of before.tables) this.#forget(table);
    for (const old of before.backends) this.#leave(old);
  }

  /** Which frontend a number stands for. */
  frontendOf(id: number): ServiceKey | undefined {
    for (const [name, { key }] of this.#programmed) if (this.#ids.get(name) === id) return key;
    return undefined;
  }

  /** What is new, before anything refers to it. */
  applySets(maps: DatapathMaps): void {
    this.backends.applySets(maps.backends);
    this.#applyTables(maps.maglev);
    this.services.applySets(maps.services);
  }

  /** What is old, when nothing refers to it any more. */
  applyDeletes(maps: DatapathMaps): void {
    this.services.applyDeletes(maps.services);
    for (const id of this.#goneTables) {
      if (!this.#tables.has(id)) {
        maps.maglev.delete(id);
        this.#digests.delete(id);
      }
      this.#goneTables.delete(id);
    }
    this.backends.applyDeletes(maps.backends);
  }

  /** Reads everything back and takes note of what is not as it was left: the next writes mend it. */
  async audit(maps: DatapathMaps, breathe: () => Promise<void>): Promise<readonly Drift[]> {
    return [
      ...(await this.services.audit(maps.services, breathe)),
      ...(await this.backends.audit(maps.backends, breathe)),
      ...(await this.#auditTables(maps.maglev, breathe)),
    ];
  }

  async #auditTables(maglev: MaglevMap, breathe: () => Promise<void>): Promise<readonly Drift[]> {
    const drifts: Drift[] = [];
    for (const wanted of [...this.#programmed.values()].flatMap(({ tables }) => tables)) {
      await breathe();
      const { name } = wanted;
      const id = this.#ids.get(name);
      const believed = id === undefined ? undefined : this.#digests.get(id);
      if (id === undefined || believed === undefined || this.#tables.has(id)) continue;
      const table = maglev.get(id);
      if (table !== undefined && digest(table) === believed) continue;
      drifts.push({
        what: "maglev table",
        which: name,
        problem: table === undefined ? "missing" : "changed",
      });
      this.#build(wanted);
    }
    return drifts;
  }

  #applyTables(maglev: MaglevMap): void {
    for (const [id, table] of this.#tables) {
      maglev.set(id, table);
      this.#digests.set(id, digest(table));
      this.#tables.delete(id);
      this.#goneTables.delete(id);
    }
  }

  /** Takes every number that is needed, or none. */
  #number(tables: readonly string[], backends: readonly string[]): void {
    const fresh = backends.filter((name) => this.#indexes.get(name) === undefined);
    const freshTables = tables.filter((name) => this.#ids.get(name) === undefined);
    try {
      for (const name of fresh) this.#indexes.allocate(name);
      for (const name of freshTables) this.#ids.allocate(name);
    } catch (error) {
      for (const name of fresh) this.#indexes.release(name);
      for (const name of freshTables) this.#ids.release(name);
      throw error;
    }
  }

  #forget({ name }: Table): void {
    const id = this.#ids.get(name);
    if (id === undefined) return;
    this.#tables.delete(id);
    this.#goneTables.add(id);
    this.#ids.release(name);
  }

  #build({ name, usable, protocol }: Table): void {
    const id = this.#ids.get(name)!;
    const named = usable.map((backend) => ({
      name: backendName(backend, protocol),
      weight: backend.weight,
    }));
    const slots = maglevTable(named, Limits.MAGLEV_SLOTS);
    const table = new Uint16Array(Limits.MAGLEV_SLOTS);
    for (const [slot, backend] of slots.entries()) table[slot] = this.#indexes.get(named[backend]!.name)!;
    this.#tables.set(id, table);
  }

  #use(name: string, backend: Backend, protocol: number): void {
    const uses = this.#uses.get(name) ?? 0;
    const index = this.#indexes.allocate(name); // its number, by now
    this.#uses.set(name, uses + 1);
    const state = backend.terminating ? BackendState.BACKEND_TERMINATING : BackendState.BACKEND_ACTIVE;
    this.backends.set(index, { address: backend.address, port: backend.port, protocol, state });
  }

  #leave(name: string): void {
    const uses = (this.#uses.get(name) ?? 0) - 1;
    if (uses > 0) {
      this.#uses.set(name, uses);
      return;
    }
    const index = this.#indexes.get(name);
    this.#uses.delete(name);
    if (index !== undefined) this.backends.delete(index);
    this.#indexes.release(name);
  }
}

function tablesOf({ backends, protocol, outside }: Frontend, name: string): readonly Table[] {
  const all = tableOf(name, protocol, backends);
  if (outside?.trafficPolicy !== "local") return [all];
  const local = backends.filter(({ address }) => outside.isLocal(address));
  return [all, tableOf(outsideName(name), protocol, local)];
}

function tableOf(name: string, protocol: number, backends: readonly Backend[]): Table {
  const usable = usableOf(backends);
  const signature = usable
    .map((backend) => `${backendName(backend, protocol)}*${backend.weight}`)
    .sort()
    .join(" ");
  return { name, protocol, usable, signature };
}

/** New flows go to the active ones; where there is none, to those that are about to leave. */
function usableOf(backends: readonly Backend[]): readonly Backend[] {
  const active = backends.filter(({ terminating, weight }) => !terminating && weight > 0);
  return active.length > 0 ? active : backends.filter(({ weight }) => weight > 0);
}

function digest(table: Uint16Array): number {
  let hash = 0;
  for (const slot of table) hash = (Math.imul(hash, 31) + slot) | 0;
  return hash;
}

function serviceName(key: Pick<ServiceKey, "address" | "port" | "protocol">): string {
  return `${formatAddress(key.address)} ${key.port} ${key.protocol}`;
}

/** Of the table for clients outside. */
function outsideName(service: string): string {
  return `${service} from outside`;
}

function backendName(backend: Pick<BackendValue, "address" | "port">, protocol: number): string {
  return `${formatAddress(backend.address)}:${backend.port}/${protocol}`;
}
