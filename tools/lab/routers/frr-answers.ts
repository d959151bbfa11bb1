import type { NeighbourState, RouterNeighbour, RouterRoute } from "./router.ts";

interface FrrNeighbour {
  readonly remoteAs: number;
  readonly bgpState: string;
  readonly bgpTimerHoldTimeMsecs?: number;
  readonly neighborCapabilities?: Readonly<Record<string, unknown>>;
  readonly lastNotificationReason?: string;
  readonly lastShutdownDescription?: string;
  readonly lastResetDueTo?: string;
}

const STATES: Readonly<Record<string, NeighbourState>> = {
  Idle: "idle",
  Connect: "connect",
  Active: "active",
  OpenSent: "open-sent",
  OpenConfirm: "open-confirm",
  Established: "established",
};

const CAPABILITIES: Readonly<Record<string, string>> = {
  "4byteAs": "four-octet-as",
  addPath: "add-path",
  enhancedRouteRefresh: "enhanced-route-refresh",
  extendedMessage: "extended-messages",
  extendedNexthop: "extended-next-hop",
  gracefulRestart: "graceful-restart",
  gracefulRestartCapability: "graceful-restart",
  longLivedGracefulRestart: "long-lived-graceful-restart",
  multiprotocolExtensions: "multiprotocol",
  role: "role",
  routeRefresh: "route-refresh",
};

/** The answer to `show bgp neighbors json`. */
export function frrNeighbours(json: string): RouterNeighbour[] {
  const all = JSON.parse(json) as Readonly<Record<string, FrrNeighbour>>;
  return Object.entries(all)
    .filter(([, { remoteAs }]) => remoteAs !== undefined)
    .map(([address, neighbour]) => ({
      address,
      asn: neighbour.remoteAs,
      state: STATES[neighbour.bgpState] ?? "idle",
      capabilities: Object.entries(neighbour.neighborCapabilities ?? {}).flatMap(([name, value]) =>
        both(value) ? (CAPABILITIES[name] ?? []) : [],
      ),
      hold:
        neighbour.bgpTimerHoldTimeMsecs === undefined ? undefined : neighbour.bgpTimerHoldTimeMsecs / 1000,
      lastError:
        [neighbour.lastResetDueTo, neighbour.lastNotificationReason, neighbour.lastShutdownDescription]
          .filter((text) => text !== undefined)
          .join(": ") || undefined,
    }));
}

/** `advertisedAndReceived`, a word or a field, for one of the families. */
function both(capability: unknown): boolean {
  if (typeof capability === "string") return capability.startsWith("advertisedAndReceived");
  if (typeof capability !== "object" || capability === null) return false;
  return Object.entries(capability).some(
    ([name, value]) => (/AdvertisedAndReceived$/i.test(name) && value === true) || both(value),
  );
}

interface FrrPath {
  readonly aspath?: { readonly string: string };
  readonly med?: number;
  readonly metric?: number;
  readonly locPrf?: number;
  readonly localPref?: number;
  readonly stale?: boolean;
  readonly bestpath?: { readonly overall?: boolean };
  readonly community?: { readonly list: readonly string[] };
  readonly largeCommunity?: { readonly list: readonly string[] };
  readonly addpathRxId?: number;
  readonly nexthops?: readonly { readonly ip: string; readonly scope?: string }[];
  readonly peer?: { readonly peerId: string };
}

/** The answer to `show bgp ipv4 unicast PREFIX json`. */
export function frrRoutes(prefix: string, json: string): RouterRoute[] {
  const { paths = [] } = JSON.parse(json) as { readonly paths?: readonly FrrPath[] };
  return paths.map((path) => {
    const from = path.peer?.peerId;
    const nextHop = (path.nexthops?.find(({ scope }) => scope !== "link-local") ?? path.nexthops?.[0])?.ip;
    return {
      prefix,
      from: from === "0.0.0.0" || from === "::" || from === "(unspec)" ? undefined : from,
      nextHop,
      asPath: path.aspath?.string === "Local" ? "" : (path.aspath?.string ?? ""),
      communities: (path.community?.list ?? []).map(byNumber),
      largeCommunities: path.largeCommunity?.list ?? [],
      med: path.med ?? path.metric,
      localPref: path.locPrf ?? path.localPref,
      pathId: path.addpathRxId === 0 ? undefined : path.addpathRxId,
      best: path.bestpath?.overall === true,
      stale: path.stale === true,
    };
  });
}

const WELL_KNOWN: Readonly<Record<string, string>> = {
  "graceful-shutdown": "65535:0",
  llgrStale: "65535:6",
  noLlgr: "65535:7",
  blackhole: "65535:666",
  noExport: "65535:65281",
  noAdvertise: "65535:65282",
};

function byNumber(community: string): string {
  return WELL_KNOWN[community] ?? community;
}

/** The answer to `show bgp ipv4 unicast json`. */
export function frrPrefixes(json: string): string[] {
  return Object.keys((JSON.parse(json) as { readonly routes?: object }).routes ?? {});
}
