import type { NeighbourState, RouterNeighbour, RouterRoute } from "./router.ts";

/** `show protocols all`, of one protocol, as `birdc` prints it. */
export interface BirdProtocol {
  readonly name: string;
  readonly neighbour: RouterNeighbour;
  /** The neighbour restarts gracefully, so all its routes are stale: BIRD marks only long-lived ones. */
  readonly restarting: boolean;
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
  Multiprotocol: "multiprotocol",
  "Route refresh": "route-refresh",
  "Extended next hop": "extended-next-hop",
  "Extended message": "extended-messages",
  "Graceful restart": "graceful-restart",
  "4-octet AS numbers": "four-octet-as",
  "ADD-PATH": "add-path",
  "Enhanced refresh": "enhanced-route-refresh",
  "Long-lived graceful restart": "long-lived-graceful-restart",
  Role: "role",
};

/** BGP sessions in the answer to `show protocols all`. */
export function birdProtocols(text: string): BirdProtocol[] {
  return text
    .split(/\n(?=\S)/)
    .filter((block) => / BGP +/.test(block.split("\n", 1)[0]!))
    .map(readProtocol);
}

function readProtocol(block: string): BirdProtocol {
  const field = (name: string): string | undefined =>
    new RegExp(`^\\s+${name}:\\s+(.*\\S)\\s*$`, "m").exec(block)?.[1];
  const local = capabilities(block, "Local");
  const theirs = capabilities(block, "Neighbor");
  const hold = field("Hold timer");
  return {
    name: block.slice(0, block.indexOf(" ")),
    restarting: /^\s+Neighbor graceful restart active/m.test(block),
    neighbour: {
      address: field("Neighbor address") ?? field("Neighbor range") ?? "",
      asn: Number(field("Neighbor AS")),
      state: STATES[field("BGP state") ?? ""] ?? "idle",
      capabilities: local.filter((name) => theirs.includes(name)),
      hold: hold === undefined ? undefined : Number(hold.slice(hold.indexOf("/") + 1)),
      lastError: field("Last error"),
    },
  };
}

function capabilities(block: string, whose: string): string[] {
  const lines = new RegExp(`^    ${whose} capabilities\\n((?:      .*\\n?)*)`, "m").exec(block)?.[1] ?? "";
  return lines.split("\n").flatMap((line) => {
    const name = /^ {6}(\S.*?)(?::.*)?$/.exec(line)?.[1];
    return name === undefined ? [] : (CAPABILITIES[name] ?? []);
  });
}

/** Paths in the answer to `show route all`. */
export function birdRoutes(text: string, protocols: readonly BirdProtocol[]): RouterRoute[] {
  const sessions = new Map(protocols.map((protocol) => [protocol.name, protocol] as const));
  const routes: RouterRoute[] = [];
  let prefix = "";
  for (const block of text.split(/\n(?=\S|\s{4,}\S+ \[|\s{10,}\S)/)) {
    const head = /^(\S*\/\d+)?\s+\w+ \[(\S+)[^\]]*\] (\*)? ?\((\d+)([^)]*)\)/.exec(block);
    if (head === null) continue;
    prefix = head[1] ?? prefix;
    const session = sessions.get(head[2]!);
    const stale = session?.restarting === true || head[5]!.includes("s");
    const from = session?.neighbour.address;
    routes.push({ ...attributes(block), prefix, from, best: head[3] === "*", stale });
  }
  return routes;
}

function attributes(block: string): Omit<RouterRoute, "prefix" | "from" | "best" | "stale"> {
  const field = (name: string): string | undefined =>
    new RegExp(`^\\s+BGP\\.${name}: ?(.*?)\\s*$`, "m").exec(block)?.[1];
  const number = (name: string): number | undefined => {
    const text = field(name);
    return text === undefined ? undefined : Number(text);
  };
  const lists = (name: string): string[] =>
    [...(field(name) ?? "").matchAll(/\(([^)]*)\)/g)].map(([, inner]) => inner!.replaceAll(/,\s*/g, ":"));
  return {
    // Of a link-local next hop alone BIRD says `:: fe80::1`.
    nextHop: field("next_hop")
      ?.split(" ")
      .find((address) => address !== "::"),
    asPath: field("as_path") ?? "",
    communities: lists("community"),
    largeCommunities: lists("large_community"),
    med: number("med"),
    localPref: number("local_pref"),
    pathId: undefined,
  };
}
