import type { KernelRoute, RouteRefusal, RouteTable, RouteWrite } from "../../src/kernel-routes.ts";

/** A table in memory. It remembers what was written to it. */
export interface MemoryTable extends RouteTable {
  readonly routes: Map<string, KernelRoute>;
  /** `add 10.0.0.0/8`, in the order in which it was written. */
  readonly log: string[];
  /** Prefixes that another has made a route for. */
  readonly foreign: Set<string>;
  /** Prefixes that cannot be written for now. */
  readonly refused: Set<string>;
}

export function memoryTable(initial: readonly KernelRoute[] = []): MemoryTable {
  const routes = new Map(initial.map((route) => [route.prefix, route]));
  const log: string[] = [];
  const foreign = new Set<string>();
  const refused = new Set<string>();
  const write = (write: RouteWrite): RouteRefusal | undefined => {
    const prefix = write.kind === "remove" ? write.prefix : write.route.prefix;
    log.push(`${write.kind} ${prefix}`);
    if (refused.has(prefix)) return { write, error: new Error("unreachable") };
    const there = routes.has(prefix) || foreign.has(prefix);
    if (write.kind === "add" && there) return { write, error: new Error("exists") };
    if (write.kind === "replace" && !routes.has(prefix)) return { write, error: new Error("not ours") };
    if (write.kind === "remove") routes.delete(prefix);
    else routes.set(prefix, write.route);
    return undefined;
  };
  return {
    routes,
    log,
    foreign,
    refused,
    list: async () => [...routes.values()],
    write: async (writes) => writes.flatMap((one) => write(one) ?? []),
    async [Symbol.asyncDispose]() {},
  };
}
