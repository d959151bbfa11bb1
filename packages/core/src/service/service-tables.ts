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
}

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
  /** Those that get new flows. */
  readonly usable: readonly Backend[];
  /** Which table it needs: the same text, the same table. */
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
    for (const [key, value] of maps.services.entries()) this.#ids.restore(serviceName(key), value.id);
    for (const [index, value] of maps.backends.entries()) {
      if (value.state !== BackendState.BACKEND_GONE)
        this.#indexes.restore(backendName(value, value.protocol), index);
    }
    this.services.adopt(maps.services);
    this.backends.adopt(maps.backends);
  }

  /** After the first facts: numbers that nobody took up again are free, and their tables go. */
  settleAdopted(maps: DatapathMaps): void {
    for (const [key, value] of maps.services.entries()) {
      if (!this.#programmed.has(serviceName(key))) this.#goneTables.add(value.id);
    }
    this.#ids.releaseExcept(this.#programmed);
    this.#indexes.releaseExcept(this.#uses);
  }

  /** @throws `ERR_CAPACITY`, having changed nothing. */
  set(frontend: Frontend): void {
    const key: ServiceKey = { address: frontend.address, port: frontend.port, protocol: frontend.protocol };
    const name = serviceName(key);
    const before = this.#programmed.get(name);
    const usable = usableOf(frontend.backends);
    const names = frontend.backends.map((backend) => backendName(backend, frontend.protocol));
    const signature = usable
      .map((backend) => `${backendName(backend, frontend.protocol)}*${backend.weight}`)
      .sort()
      .join(" ");
    const id = this.#number(name, names);
    for (const [position, backend] of frontend.backends.entries()) {
      this.#use(names[position]!, backend, frontend.protocol);
    }
    for (const old of before?.backends ?? []) this.#leave(old);
    if (before?.signature !== signature || before.backends.length === 0)
      this.#build(id, usable, frontend.protocol);
    this.services.set(key, { id, backendCount: usable.length });
    this.#programmed.set(name, { key, backends: names, usable, signature });
  }

  delete(frontend: Pick<Frontend, "address" | "port" | "protocol">): void {
    const name = serviceName(frontend);
    const before = this.#programmed.get(name);
    const id = this.#ids.get(name);
    if (before === undefined || id === undefined) return;
    this.#programmed.delete(name);
    this.services.delete(before.key);
    this.#tables.delete(id);
    this.#goneTables.add(id);
    this.#ids.release(name);
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
    for (const [name, { usable, key }] of this.#programmed) {
      await breathe();
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
      this.#build(id, usable, key.protocol);
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
  #number(frontend: string, backends: readonly string[]): number {
    const fresh = backends.filter((name) => this.#indexes.get(name) === undefined);
    try {
      for (const name of fresh) this.#indexes.allocate(name);
      return this.#ids.allocate(frontend);
    } catch (error) {
      for (const name of fresh) this.#indexes.release(name);
      throw error;
    }
  }

  #build(id: number, backends: readonly Backend[], protocol: number): void {
    const named = backends.map((backend) => ({
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

function backendName(backend: Pick<BackendValue, "address" | "port">, protocol: number): string {
  return `${formatAddress(backend.address)}:${backend.port}/${protocol}`;
}
