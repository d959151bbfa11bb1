import type { NeighbourState, RouterNeighbour, RouterRoute } from "./router.ts";

/** `SessionState` of its API, by number. */
const STATES: readonly NeighbourState[] = [
  "idle",
  "idle",
  "connect",
  "active",
  "open-sent",
  "open-confirm",
  "established",
];

const CAPABILITIES: Readonly<Record<string, string>> = {
  AddPath: "add-path",
  EnhancedRouteRefresh: "enhanced-route-refresh",
  ExtendedNexthop: "extended-next-hop",
  FourOctetASN: "four-octet-as",
  GracefulRestart: "graceful-restart",
  LongLivedGracefulRestart: "long-lived-graceful-restart",
  MultiProtocol: "multiprotocol",
  RouteRefresh: "route-refresh",
};

interface Capability {
  readonly type_url: string;
}

interface GobgpNeighbour {
  readonly conf?: { readonly neighbor_address?: string; readonly peer_asn?: number };
  readonly state: {
    readonly neighbor_address?: string;
    readonly peer_asn?: number;
    readonly session_state?: number;
    readonly local_cap?: readonly Capability[];
    readonly remote_cap?: readonly Capability[];
  };
  readonly timers?: { readonly state?: { readonly negotiated_hold_time?: number } };
}

/** The answer to `gobgp neighbor -j`. What went wrong is in the log only: see {@link lastErrors}. */
export function gobgpNeighbours(json: string, errors: ReadonlyMap<string, string>): RouterNeighbour[] {
  return ((JSON.parse(json) as readonly GobgpNeighbour[] | null) ?? []).map(({ conf, state, timers }) => {
    const theirs = names(state.remote_cap);
    const address = conf?.neighbor_address ?? state.neighbor_address ?? "";
    return {
      address,
      asn: conf?.peer_asn ?? state.peer_asn ?? 0,
      state: STATES[state.session_state ?? 0] ?? "idle",
      capabilities: names(state.local_cap).filter((name) => theirs.includes(name)),
      hold: timers?.state?.negotiated_hold_time,
      lastError: errors.get(address),
    };
  });
}

function names(capabilities: readonly Capability[] = []): string[] {
  const all = capabilities.flatMap(({ type_url: type }) => {
    return CAPABILITIES[/\.(\w+)Capability$/.exec(type)?.[1] ?? ""] ?? [];
  });
  return [...new Set(all)];
}

/** The last NOTIFICATION received, or reason to go down, of each neighbour. */
export function lastErrors(log: string): Map<string, string> {
  const errors = new Map<string, string>();
  for (const line of log.split("\n")) {
    const key = /\bKey="?([^\s"]+)/.exec(line)?.[1];
    const text = /msg="((?:[^"\\]|\\.)*)"/.exec(line)?.[1];
    if (key === undefined || text === undefined) continue;
    if (!/notification|Peer Down/i.test(text)) continue;
    const [code, subcode] = ["Code", "Subcode"].map(
      (name) => new RegExp(`\\b${name}=(\\d+)`).exec(line)?.[1],
    );
    const reason = /\bReason=(\S+)/.exec(line)?.[1];
    if (code !== undefined)
      errors.set(key, `${text} ${notification(Number(code), Number(subcode), dataOf(line))}`);
    // What follows a NOTIFICATION only says that there was one.
    else if (!/notification|hard-reset/.test(reason ?? "")) errors.set(key, `${text}: ${reason ?? ""}`);
  }
  return errors;
}

function dataOf(line: string): number[] {
  const numbers = /\bData="?\[([\d ]*)\]/.exec(line)?.[1] ?? "";
  return numbers === "" ? [] : numbers.split(" ").map(Number);
}

/** `6/2 going home`; within a hard reset (RFC 8538), `6/9 6/2 going home`. */
function notification(code: number, subcode: number, data: readonly number[]): string {
  const name = `${code}/${subcode}`;
  if (code !== 6) return name;
  if (subcode === 9) return `${name} ${notification(data[0] ?? 0, data[1] ?? 0, data.slice(2))}`;
  const text = Buffer.from(data.slice(1, 1 + (data[0] ?? 0))).toString("utf8");
  return text === "" ? name : `${name} ${text}`;
}

interface GobgpAttribute {
  readonly type: number;
  readonly as_paths?: readonly { readonly segment_type: number; readonly asns: readonly number[] }[];
  readonly nexthop?: string;
  readonly metric?: number;
  readonly value?: unknown;
  readonly communities?: readonly number[];
}

interface GobgpPath {
  readonly nlri: { readonly prefix: string; readonly id?: number };
  readonly best?: boolean;
  readonly stale?: boolean;
  readonly attrs: readonly GobgpAttribute[];
  readonly "neighbor-ip"?: string;
  readonly "source-id"?: string;
}

/** The answer to `gobgp global rib -j`. */
export function gobgpRoutes(json: string): RouterRoute[] {
  const tables = JSON.parse(json) as Readonly<Record<string, readonly GobgpPath[]>> | null;
  return Object.values(tables ?? {})
    .flat()
    .map((path) => {
      const attribute = (type: number): GobgpAttribute | undefined =>
        path.attrs.find((each) => each.type === type);
      const reach = attribute(14);
      const from = path["neighbor-ip"];
      return {
        prefix: path.nlri.prefix,
        from: from === undefined || from === "<nil>" || from === "invalid IP" ? undefined : from,
        nextHop: attribute(3)?.nexthop ?? reach?.nexthop,
        asPath: (attribute(2)?.as_paths ?? []).map(segment).join(" "),
        communities: (attribute(8)?.communities ?? []).map((value) => `${value >>> 16}:${value & 0xffff}`),
        largeCommunities: (
          (attribute(32)?.value ?? []) as readonly {
            readonly ASN: number;
            readonly LocalData1: number;
            readonly LocalData2: number;
          }[]
        ).map(({ ASN, LocalData1, LocalData2 }) => `${ASN}:${LocalData1}:${LocalData2}`),
        med: attribute(4)?.metric,
        localPref: attribute(5)?.value as number | undefined,
        pathId: path.nlri.id,
        best: path.best === true,
        stale: path.stale === true,
      };
    });
}

/** A set is of type 1. */
function segment({
  segment_type: type,
  asns,
}: {
  readonly segment_type: number;
  readonly asns: readonly number[];
}): string {
  return type === 1 ? `{${asns.join(",")}}` : asns.join(" ");
}
