import {
  addRoute,
  BatchError,
  deleteRoute,
  isNetlinkError,
  MAIN_TABLE,
  replaceRoute,
  Rtnl,
  type Netns,
  type NexthopOptions,
  type Request,
  type Route,
  type RouteOptions,
} from "@netloom/netlink";
import {
  prefixOf,
  type KernelNextHop,
  type KernelRoute,
  type RouteRefusal,
  type RouteTable,
  type RouteWrite,
} from "../kernel-routes.ts";

/** Of learned routes, where nobody says otherwise. */
export const METRIC = 179;

export interface KernelTableOptions {
  /** @defaultValue 254: main */
  readonly table?: number;
  /**
   * Of the routes: smaller wins. It also tells them from those of other daemons with protocol `bgp`: FRR's have 20.
   * @defaultValue 179
   */
  readonly metric?: number;
  /** @defaultValue the process's own */
  readonly netns?: Netns | string;
}

/** RTPROT_BGP, 186: shown as `proto bgp`. */
const PROTOCOL = "bgp";

/**
 * The kernel's routes that have protocol `bgp` and this metric. Opened by the first call; what it has written stays when it
 * is closed. Needs CAP_NET_ADMIN.
 */
export function kernelRouteTable(options: KernelTableOptions = {}): RouteTable {
  return new KernelRouteTable(options);
}

class KernelRouteTable implements RouteTable {
  readonly #options: KernelTableOptions;
  readonly #table: number;
  readonly #metric: number;
  /** Routers that are on no link of ours, by prefix: the kernel knows only the way to them. */
  readonly #distant = new Map<string, readonly KernelNextHop[]>();
  #rtnl: Rtnl | undefined;

  constructor(options: KernelTableOptions) {
    this.#options = options;
    this.#table = options.table ?? MAIN_TABLE;
    this.#metric = options.metric ?? METRIC;
  }

  async list(): Promise<readonly KernelRoute[]> {
    const rtnl = this.#open();
    const routes = rtnl.routes.list({ table: this.#table, protocol: PROTOCOL });
    const names = new Map(rtnl.links.list().map(({ index, name }) => [index, name]));
    const ways = new Map<string, string>();
    return routes
      .filter(({ metric, type }) => metric === this.#metric && type === "unicast")
      .map((route) => ({
        prefix: route.to,
        nextHops: this.#distantOf(route, ways) ?? nextHopsOf(route, names),
      }));
  }

  async write(writes: readonly RouteWrite[]): Promise<readonly RouteRefusal[]> {
    const refusals: RouteRefusal[] = [];
    const again: Exclude<RouteWrite, { kind: "remove" }>[] = [];
    const refused = await this.#carryOut(writes, (write) => this.#request(write));
    for (const { write, error } of refused) {
      if (write.kind !== "remove" && unreachable(error)) again.push(write);
      else if (write.kind !== "remove" || !isNetlinkError(error, "ERR_NOT_FOUND"))
        refusals.push({ write, error });
    }
    const left = new Set(refused.map(({ write }) => write));
    for (const write of writes) if (!left.has(write)) this.#distant.delete(prefixOf(write));
    // The router is not on a link of ours: reached as the kernel would reach it now.
    const lost = await this.#carryOut(again, (write) => this.#request(write, true));
    const unresolved = new Set(lost.map(({ write }) => write));
    for (const write of again)
      if (!unresolved.has(write)) this.#distant.set(write.route.prefix, write.route.nextHops);
    return [...refusals, ...lost];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#rtnl?.close();
    this.#rtnl = undefined;
  }

  #open(): Rtnl {
    const { netns } = this.#options;
    this.#rtnl ??= Rtnl.open(netns === undefined ? {} : { netns });
    return this.#rtnl;
  }

  async #carryOut(
    writes: readonly RouteWrite[],
    requestOf: (write: RouteWrite) => Request,
  ): Promise<readonly RouteRefusal[]> {
    if (writes.length === 0) return [];
    const refusals: RouteRefusal[] = [];
    const requests: Request[] = [];
    const positions: RouteWrite[] = [];
    for (const write of writes) {
      try {
        requests.push(requestOf(write));
        positions.push(write);
      } catch (error) {
        refusals.push({ write, error });
      }
    }
    try {
      await this.#open().batchAsync(requests);
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      for (const failure of error.failures) {
        refusals.push({ write: positions[failure.index]!, error: failure.error });
      }
    }
    return refusals;
  }

  #request(write: RouteWrite, indirect = false): Request {
    const ours = { table: this.#table, protocol: PROTOCOL, metric: this.#metric } as const;
    if (write.kind === "remove") return deleteRoute({ ...ours, to: write.prefix });
    const hops = write.route.nextHops.map((hop) => (indirect ? this.#through(hop) : hop));
    const [only] = hops;
    const ways: Pick<RouteOptions, "via" | "device" | "multipath"> =
      hops.length === 1 ? { via: only?.via, device: only?.device } : { multipath: hops };
    const options: RouteOptions = { ...ours, to: write.route.prefix, ...ways };
    return write.kind === "add" ? addRoute(options) : replaceRoute(options);
  }

  /** The routers that the route was written for, where it still leads the way to them. */
  #distantOf(route: Route, ways: Map<string, string>): readonly KernelNextHop[] | undefined {
    const hops = this.#distant.get(route.to);
    if (hops === undefined) return undefined;
    for (const { via } of hops) if (!ways.has(via)) ways.set(via, this.#wayTo(via));
    const there = (route.multipath ?? [route]).map(wayOf).sort();
    const now = hops.map(({ via }) => ways.get(via)!).sort();
    return there.length === now.length && there.every((way, at) => way === now[at]) ? hops : undefined;
  }

  #wayTo(via: string): string {
    try {
      return wayOf(this.#through({ via }));
    } catch {
      return ""; // What leads nowhere is written again, and the kernel says why not.
    }
  }

  /** By which router on a link the router is reached. @throws where none leads to it. */
  #through(hop: KernelNextHop): NexthopOptions {
    const { via, device } = this.#open().routes.lookup(hop.via);
    return { via: via ?? hop.via, device };
  }
}

function wayOf({ via, device }: Pick<NexthopOptions, "via" | "device">): string {
  return `${via}%${device}`;
}

function unreachable(error: unknown): boolean {
  return isNetlinkError(error) && (error.errnoName === "ENETUNREACH" || error.errnoName === "EHOSTUNREACH");
}

function nextHopsOf(route: Route, names: ReadonlyMap<number, string>): readonly KernelNextHop[] {
  return (route.multipath ?? [route]).flatMap(({ via, device }): KernelNextHop[] => {
    if (via === undefined) return [];
    const name = device === undefined ? undefined : names.get(device);
    return [/^fe[89ab]/.test(via) && name !== undefined ? { via, device: name } : { via }];
  });
}
