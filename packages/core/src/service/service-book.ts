import { formatAddress, type Address } from "../address/index.ts";
import { NetloomError } from "../errors.ts";
import type { ListenerErrorHook } from "../events.ts";
import { SelectorIndex, type LabelSet, type Selection } from "../labels/index.ts";
import { isSelector, type ParsedPort, type ParsedService } from "./parse.ts";
import type { Backend, Frontend, Outside, ServiceTables } from "./service-tables.ts";

/** A live endpoint, as far as services care. */
export interface ServiceEndpoint {
  readonly labels: LabelSet;
  readonly addresses: readonly Address[];
  /** Of this node. */
  readonly local: boolean;
}

interface Kept {
  readonly service: ParsedService;
  /** When it was created: of two that want one frontend the older has it. */
  readonly created: number;
  readonly selection: Selection | undefined;
}

/**
 * The services of the cluster, as frontends with backends. Those that select endpoints follow them.
 */
export class ServiceBook {
  readonly #tables: ServiceTables;
  readonly #onProblem: (error: NetloomError) => void;
  readonly #services = new Map<string, Kept>();
  readonly #endpoints: SelectorIndex;
  readonly #rows = new Map<string, number>();
  readonly #byRow: (ServiceEndpoint | undefined)[] = [];
  readonly #freeRows: number[] = [];
  /** Addresses of this node's endpoints, as text. */
  readonly #local = new Set<string>();
  /** Frontends that somebody wants no more. */
  readonly #left = new Set<string>();
  readonly #dirty = new Set<string>();
  /** Which services want a frontend. */
  readonly #wanted = new Map<string, Set<string>>();
  /** Frontends in the tables, and whose they are. */
  readonly #programmed = new Map<string, { readonly frontend: Frontend; readonly owner: string }>();

  constructor(tables: ServiceTables, onProblem: (error: NetloomError) => void, onError: ListenerErrorHook) {
    this.#tables = tables;
    this.#onProblem = onProblem;
    this.#endpoints = new SelectorIndex(onError);
    this.#endpoints.events.on("selection:changed", ({ selection }) => {
      for (const [name, kept] of this.#services) if (kept.selection === selection) this.#dirty.add(name);
    });
  }

  setEndpoint(key: string, endpoint: ServiceEndpoint | undefined): void {
    const row = this.#rows.get(key);
    const before = row === undefined ? undefined : this.#byRow[row];
    this.#noteLocal(before, endpoint);
    if (endpoint === undefined) {
      if (row === undefined) return;
      this.#endpoints.delete(row);
      this.#rows.delete(key);
      this.#byRow[row] = undefined;
      this.#freeRows.push(row);
      return;
    }
    const place = row ?? this.#freeRows.pop() ?? this.#byRow.length;
    this.#rows.set(key, place);
    this.#byRow[place] = endpoint;
    this.#endpoints.set(place, endpoint.labels);
  }

  /** Services whose traffic stays local care, also those that list their backends. */
  #noteLocal(before: ServiceEndpoint | undefined, after: ServiceEndpoint | undefined): void {
    const textsOf = (endpoint: ServiceEndpoint | undefined): readonly string[] =>
      endpoint?.local === true ? endpoint.addresses.map(formatAddress) : [];
    const [gone, here] = [textsOf(before), textsOf(after)];
    if (gone.join() === here.join()) return;
    for (const address of gone) this.#local.delete(address);
    for (const address of here) this.#local.add(address);
    for (const [name, { service }] of this.#services)
      if (service.externalTrafficPolicy === "local") this.#dirty.add(name);
  }

  set(name: string, service: ParsedService | undefined, created: number): void {
    const before = this.#services.get(name);
    if (service !== undefined) {
      const selection = isSelector(service.backends) ? this.#endpoints.acquire(service.backends) : undefined;
      this.#services.set(name, { service, created, selection });
    } else this.#services.delete(name);
    if (before?.selection !== undefined) this.#endpoints.release(before.selection);
    for (const frontend of before === undefined ? [] : frontendNames(before.service))
      this.#unwant(frontend, name);
    for (const frontend of service === undefined ? [] : frontendNames(service)) this.#want(frontend, name);
    this.#dirty.add(name);
  }

  /** Which service a frontend belongs to. */
  ownerOf(address: Address, port: number, protocol: number): string | undefined {
    return this.#programmed.get(frontendName(address, port, protocol))?.owner;
  }

  /** Backends of a service that take new flows, and how many of them `isLocal` says yes of. None: no such service. */
  readyBackends(
    name: string,
    isLocal: (address: Address) => boolean,
  ): { readonly total: number; readonly local: number } {
    const kept = this.#services.get(name);
    const ready = kept === undefined ? [] : this.#readyAddresses(kept);
    return { total: ready.length, local: ready.filter(isLocal).length };
  }

  /** Brings the tables up to date. What does not fit is reported and left as it was. */
  update(): void {
    for (const name of this.#dirty) {
      const kept = this.#services.get(name);
      for (const frontend of kept === undefined ? [] : this.#frontendsOf(kept)) this.#program(frontend, name);
    }
    for (const text of this.#left) {
      const programmed = this.#programmed.get(text);
      if (programmed === undefined || this.#wanted.get(text)?.has(programmed.owner) === true) continue;
      this.#tables.delete(programmed.frontend);
      this.#programmed.delete(text);
    }
    this.#left.clear();
    this.#dirty.clear();
  }

  #program(frontend: Frontend, name: string): void {
    const text = frontendName(frontend.address, frontend.port, frontend.protocol);
    const owner = this.#ownerAmong(this.#wanted.get(text) ?? new Set([name]));
    if (owner !== name) {
      const message = `service ${name}: frontend ${text} belongs to service ${owner}`;
      const remedy = "give one of them another address or port";
      this.#onProblem(new NetloomError("ERR_SERVICE_INVALID", message, { input: text, remedy }));
      return;
    }
    try {
      this.#tables.set(frontend);
      this.#programmed.set(text, { frontend, owner });
    } catch (error) {
      if (!(error instanceof NetloomError)) throw error;
      this.#onProblem(error);
    }
  }

  #ownerAmong(names: ReadonlySet<string>): string | undefined {
    const order = (name: string): number => this.#services.get(name)?.created ?? Number.POSITIVE_INFINITY;
    return [...names].sort((a, b) => order(a) - order(b) || (a < b ? -1 : 1))[0];
  }

  #want(frontend: string, name: string): void {
    const names = this.#wanted.get(frontend) ?? new Set();
    this.#wanted.set(frontend, names.add(name));
  }

  /** Whoever else wants it may have it now. */
  #unwant(frontend: string, name: string): void {
    const names = this.#wanted.get(frontend);
    names?.delete(name);
    this.#left.add(frontend);
    for (const other of names ?? []) this.#dirty.add(other);
    if (names?.size === 0) this.#wanted.delete(frontend);
  }

  #frontendsOf({ service, selection }: Kept): Frontend[] {
    const { ExternalIP, LoadBalancerIP } = service.addressesByType;
    const outside = new Set([...ExternalIP, ...LoadBalancerIP].map(formatAddress));
    return service.addresses.flatMap((address) =>
      service.ports.map((port) => ({
        address,
        protocol: port.protocol,
        port: port.port,
        backends: this.#backends(service, selection, address.family, port),
        ...(outside.has(formatAddress(address)) ? { outside: this.#outside(service) } : {}),
      })),
    );
  }

  #outside({ externalTrafficPolicy }: ParsedService): Outside {
    if (externalTrafficPolicy === "cluster") return { trafficPolicy: "cluster" };
    return { trafficPolicy: "local", isLocal: (address) => this.#local.has(formatAddress(address)) };
  }

  #readyAddresses({ service, selection }: Kept): readonly Address[] {
    if (isSelector(service.backends)) return this.#selected(selection);
    const ready = service.backends.filter(({ terminating, weight }) => !terminating && weight > 0);
    return ready.map(({ address }) => address);
  }

  #selected(selection: Selection | undefined): readonly Address[] {
    const endpoints = [...(selection?.rows ?? [])].map((row) => this.#byRow[row]);
    return endpoints.flatMap((endpoint) => endpoint?.addresses ?? []);
  }

  #backends(
    service: ParsedService,
    selection: Selection | undefined,
    family: 4 | 6,
    { targetPort }: ParsedPort,
  ): Backend[] {
    if (!isSelector(service.backends)) {
      const backends = service.backends.filter(({ address }) => address.family === family);
      return backends.map((backend) => ({ ...backend, port: targetPort }));
    }
    return this.#selected(selection)
      .filter((address) => address.family === family)
      .map((address) => ({ address, port: targetPort, weight: 1, terminating: false }));
  }
}

function frontendNames(service: ParsedService): string[] {
  return service.addresses.flatMap((address) =>
    service.ports.map(({ port, protocol }) => frontendName(address, port, protocol)),
  );
}

function frontendName(address: Address, port: number, protocol: number): string {
  return `${formatAddress(address)} ${port}/${protocol}`;
}
