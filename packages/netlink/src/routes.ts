import { isNetlinkError } from "./errors.ts";
import {
  type DeleteRouteOptions,
  type ListRoutesOptions,
  type LookupRouteOptions,
  MAIN_TABLE,
  type Route,
  type RouteOptions,
} from "./model/route.ts";
import { type Request, request } from "./request.ts";
import type { Session } from "./session.ts";
import { families } from "./wire/family.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "./wire/message.ts";
import {
  decodeRoute,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  writeDeleteRoute,
  writeListRoutes,
  writeLookupRoute,
  writeRoute,
} from "./wire/route.ts";

/** A request that adds a route. */
export function addRoute(options: RouteOptions): Request {
  return write(`add route ${options.to}`, NLM_F_CREATE | NLM_F_EXCL, options);
}

/** A request that adds a route or replaces the one with the same destination, table, tos and metric. */
export function replaceRoute(options: RouteOptions): Request {
  return write(`replace route ${options.to}`, NLM_F_CREATE | NLM_F_REPLACE, options);
}

/** A request that deletes a route. */
export function deleteRoute(options: DeleteRouteOptions): Request {
  return request(`delete route ${options.to}`, RTM_DELROUTE, 0, (writer, op) => {
    writeDeleteRoute(writer, op, options);
  });
}

/**
 * A request that is answered with a route. Not exported by the package: only {@link Routes.lookup} reads
 * the answer.
 */
export function lookupRoute(to: string, options: LookupRouteOptions): Request {
  return request(`look up route to ${to}`, RTM_GETROUTE, 0, (writer, op) => {
    writeLookupRoute(writer, op, to, options);
  });
}

function write(what: string, flags: number, options: RouteOptions): Request {
  return request(what, RTM_NEWROUTE, flags, (writer, op) => {
    writeRoute(writer, op, options);
  });
}

/** The routes of a namespace, IPv4 and IPv6, all tables. */
export class Routes {
  readonly #session: Session;

  /** @internal */
  constructor(session: Session) {
    this.#session = session;
  }

  /** The main table, or what is asked for; IPv4 before IPv6. A table that does not exist is empty. */
  list(options: ListRoutesOptions = {}): Route[] {
    const { family, table = MAIN_TABLE, device, protocol } = options;
    const filter = { table: table === "all" ? undefined : table, device, protocol };
    return families(family).flatMap((version) => {
      const list = request("list routes", RTM_GETROUTE, 0, (writer, op) => {
        writeListRoutes(writer, op, version, filter);
      });
      try {
        return this.#session.conversation.dump(list, (message) => {
          const route = decodeRoute(message);
          return route?.family === version ? route : undefined;
        });
      } catch (error) {
        if (filter.table !== undefined && isNetlinkError(error, "ERR_NOT_FOUND")) return [];
        throw error;
      }
    });
  }

  /**
   * Asks the kernel which route a packet to this address would take (`ip route get`).
   *
   * @throws {@link NetlinkError} `ERR_SYSCALL` (ENETUNREACH, EHOSTUNREACH) when there is none.
   */
  lookup(to: string, options: LookupRouteOptions = {}): Route {
    return this.#session.conversation.query(lookupRoute(to, options), decodeRoute);
  }

  /**
   * @throws {@link NetlinkError} `ERR_EXISTS`, `ERR_SYSCALL` (ENETUNREACH) when no route leads to the
   * gateway, …
   */
  add(options: RouteOptions): void {
    this.#session.conversation.execute(addRoute(options));
  }

  /**
   * Adds a route or replaces the one with the same destination, table, tos and metric. Traffic sees one or
   * the other.
   */
  replace(options: RouteOptions): void {
    this.#session.conversation.execute(replaceRoute(options));
  }

  /**
   * Deletes the first route that fits: what is not named matches anything.
   *
   * @throws {@link NetlinkError} `ERR_NOT_FOUND`
   */
  delete(options: DeleteRouteOptions): void {
    this.#session.conversation.execute(deleteRoute(options));
  }
}
