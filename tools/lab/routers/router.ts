export type RouterFamily = "ipv4-unicast" | "ipv6-unicast";

/** Where a neighbour is: its address, `fe80::1%eth0` too; a device (unnumbered); or all of a prefix (dynamic). */
export type Where =
  | { readonly address: string }
  | { readonly interface: string }
  | { readonly range: string };

/** A neighbour of a router. What a daemon cannot do makes its start fail, in words. */
export type NeighbourOptions = Where & {
  readonly asn: number | "external" | "internal";
  /** @defaultValue the router's */
  readonly localAsn?: number;
  readonly localAddress?: string;
  /** @defaultValue false */
  readonly passive?: boolean;
  /** TCP-MD5. */
  readonly password?: string;
  /** Hops, RFC 5082. */
  readonly ttlSecurity?: number;
  /** Hops. */
  readonly multihop?: number;
  /** Seconds. @defaultValue 90 */
  readonly hold?: number;
  /** Seconds. @defaultValue a third of `hold` */
  readonly keepalive?: number;
  /** Seconds. @defaultValue 1 */
  readonly connectRetry?: number;
  /** @defaultValue ["ipv4-unicast"] */
  readonly families?: readonly RouterFamily[];
  /** RFC 7911: all paths are sent, or taken. @defaultValue neither */
  readonly addPath?: { readonly send?: boolean; readonly receive?: boolean };
  /** RFC 4724 and 9494, in seconds; FRR has it for all neighbours alike. @defaultValue the daemon's own: it helps */
  readonly gracefulRestart?: false | { readonly restartTime: number; readonly longLived?: number };
  /** RFC 8950. @defaultValue false */
  readonly extendedNextHop?: boolean;
  /** RFC 8654. @defaultValue the daemon's own */
  readonly extendedMessages?: boolean;
  /** RFC 6793; `false`: numbers of two octets, as before 2007. Only BIRD can do without. @defaultValue true */
  readonly fourOctetAs?: boolean;
  /** RFC 9234: what the router is to the neighbour. */
  readonly role?: "provider" | "rs-server" | "rs-client" | "customer" | "peer";
  readonly strictRole?: boolean;
  /** Milliseconds. */
  readonly bfd?: { readonly interval: number; readonly multiplier: number };
  /** Its routes go to other internal neighbours (RFC 4456), or on unchanged (RFC 7947). */
  readonly client?: "route-reflector" | "route-server";
  readonly maxPrefixes?: number;
  readonly nextHopSelf?: boolean;
};

/** A route that a router originates. */
export interface RouterAnnouncement {
  readonly prefix: string;
  /** @defaultValue the router's address of the session */
  readonly nextHop?: string;
  readonly med?: number;
  /** `65000:1`, `no-export`. */
  readonly communities?: readonly string[];
  readonly largeCommunities?: readonly string[];
  /** Behind the router's own. */
  readonly asPath?: readonly number[];
}

export interface RouterOptions {
  readonly asn: number;
  readonly routerId: string;
  readonly neighbours: readonly NeighbourOptions[];
  /** From the start on. */
  readonly announce?: readonly RouterAnnouncement[];
  /** Learned routes go into the namespace's kernel. @defaultValue false */
  readonly kernel?: boolean;
  /** Logs nothing that is as it should be, for benches. @defaultValue false */
  readonly quiet?: boolean;
}

export type NeighbourState = "idle" | "connect" | "active" | "open-sent" | "open-confirm" | "established";

/** What a router says of a neighbour. */
export interface RouterNeighbour {
  readonly address: string;
  readonly asn: number;
  readonly state: NeighbourState;
  /** That both have, in IANA's words: `four-octet-as`, `route-refresh`, `add-path`, … */
  readonly capabilities: readonly string[];
  /** Seconds, agreed on. */
  readonly hold: number | undefined;
  /** Why the session last went down, in the daemon's words. */
  readonly lastError: string | undefined;
}

/** A path, as a router has it. */
export interface RouterRoute {
  readonly prefix: string;
  /** The neighbour's address; `undefined` for its own. */
  readonly from: string | undefined;
  readonly nextHop: string | undefined;
  /** `65001 65002`; a set in braces. */
  readonly asPath: string;
  /** `65000:1`; well-known ones by number too. */
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
  readonly med: number | undefined;
  readonly localPref: number | undefined;
  /** RFC 7911; BIRD does not tell. */
  readonly pathId: number | undefined;
  readonly best: boolean;
  readonly stale: boolean;
}

/** A BGP daemon of somebody else's, in a namespace of its own. Neighbours are named by what {@link Where} has. */
export interface Router extends AsyncDisposable {
  readonly kind: "BIRD" | "FRR" | "GoBGP";
  /** Of the namespace. */
  readonly name: string;
  /** Of the process that speaks BGP. */
  readonly pid: number;
  neighbours(): Promise<readonly RouterNeighbour[]>;
  /** What is in its table: all paths of all neighbours. */
  routes(family?: RouterFamily): Promise<readonly RouterRoute[]>;
  /** More of its own, or the same with other attributes. */
  announce(routes: readonly RouterAnnouncement[]): Promise<void>;
  withdraw(prefixes: readonly string[]): Promise<void>;
  /** Administratively (RFC 9003). */
  shutdown(neighbour: string, message?: string): Promise<void>;
  enable(neighbour: string): Promise<void>;
  /** Asks for all routes again (RFC 2918), or sends them again. */
  softReset(neighbour: string, direction: "in" | "out"): Promise<void>;
  /** Closes the session, and opens it again. */
  reset(neighbour: string): Promise<void>;
  /** SIGKILL, and nobody has been told. */
  kill(): Promise<void>;
  /** After {@link kill}: with the restart bit set (RFC 4724), where the daemon can. */
  revive(): Promise<void>;
  /** What the daemon itself answers: `birdc`, `vtysh -c`, `gobgp`. */
  ask(...words: string[]): Promise<string>;
  log(): string;
}
