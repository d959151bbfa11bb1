import { ipv4, parseAddress, parseCidr, type Cidr } from "@netloom/core";

/** One way of a node, a host or a router. */
export interface ModelRoute {
  /** `0.0.0.0/0`: everything that no other route is for. */
  readonly to: string;
  /** The next hop. @defaultValue none: whoever has the address is on the link */
  readonly via?: string;
}

interface Row {
  readonly prefix: Cidr;
  readonly via: number | undefined;
}

/** Routes of IPv4: the longest prefix wins, and of routes with the same one the later. */
export class RouteTable {
  readonly #rows: readonly Row[];

  /** @throws what `parseCidr` and `parseAddress` throw. */
  constructor(routes: readonly ModelRoute[]) {
    const rows = new Map<string, Row>();
    for (const { to, via } of routes) {
      const prefix = parseCidr(to);
      if (prefix.family === 4)
        rows.set(prefix.toString(), { prefix, via: via === undefined ? undefined : parseAddress(via).w3 });
    }
    this.#rows = [...rows.values()].sort((a, b) => b.prefix.prefix - a.prefix.prefix);
  }

  /** Who has a packet for this address next: the gateway, or the address itself. `undefined`: there is no route. */
  nextHop(destination: number): number | undefined {
    const address = ipv4(destination);
    const row = this.#rows.find(({ prefix }) => prefix.contains(address));
    return row === undefined ? undefined : (row.via ?? destination);
  }
}

/** Everybody is on the link. */
export const FLAT: RouteTable = new RouteTable([{ to: "0.0.0.0/0" }]);
