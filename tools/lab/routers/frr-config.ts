import type { NeighbourOptions, RouterAnnouncement, RouterFamily, RouterOptions } from "./router.ts";

const FAMILY: Readonly<Record<RouterFamily, string>> = {
  "ipv4-unicast": "ipv4 unicast",
  "ipv6-unicast": "ipv6 unicast",
};

export function frrConfig(options: RouterOptions): string {
  const graceful = options.neighbours.find(
    ({ gracefulRestart }) => gracefulRestart !== undefined,
  )?.gracefulRestart;
  const { neighbours, announce = [] } = options;
  return [
    options.quiet === true ? "" : "debug bgp neighbor-events",
    ...announce.flatMap(routeMap),
    `router bgp ${options.asn}`,
    ` bgp router-id ${options.routerId}`,
    " bgp log-neighbor-changes",
    " bgp listen limit 5000",
    " no bgp ebgp-requires-policy",
    " no bgp network import-check",
    " no bgp default ipv4-unicast",
    ...(graceful === undefined ? [] : gracefully(graceful)),
    ...neighbours.flatMap(session),
    ...Object.entries(FAMILY).flatMap(([family, words]) => [
      ` address-family ${words}`,
      ...neighbours
        .filter(({ families = ["ipv4-unicast"] }) => families.includes(family as RouterFamily))
        .flatMap(inFamily)
        .map((line) => `  ${line}`),
      ...announce.filter((route) => familyOf(route.prefix) === family).map((route) => `  ${network(route)}`),
      " exit-address-family",
    ]),
    "",
  ].join("\n");
}

export function familyOf(prefix: string): RouterFamily {
  return prefix.includes(":") ? "ipv6-unicast" : "ipv4-unicast";
}

/** Lines below `router bgp`, `address-family`. */
export function network(route: RouterAnnouncement): string {
  return `network ${route.prefix} route-map ${mapName(route.prefix)}`;
}

/** What sets the attributes of one prefix. */
export function routeMap(route: RouterAnnouncement): string[] {
  const name = mapName(route.prefix);
  const ipv6 = familyOf(route.prefix) === "ipv6-unicast";
  const { communities = [], largeCommunities = [], asPath = [] } = route;
  return [
    `route-map ${name} permit 10`,
    ...(route.med === undefined ? [] : [` set metric ${route.med}`]),
    ...(route.nextHop === undefined
      ? []
      : [ipv6 ? ` set ipv6 next-hop global ${route.nextHop}` : ` set ip next-hop ${route.nextHop}`]),
    ...(communities.length === 0 ? [] : [` set community ${communities.join(" ")}`]),
    ...(largeCommunities.length === 0 ? [] : [` set large-community ${largeCommunities.join(" ")}`]),
    ...(asPath.length === 0 ? [] : [` set as-path prepend ${asPath.join(" ")}`]),
    "exit",
  ];
}

export function mapName(prefix: string): string {
  return `announce-${prefix.replaceAll(/[^\w]/g, "-")}`;
}

/** What FRR calls a neighbour. */
function frrName(neighbour: NeighbourOptions): string {
  if ("interface" in neighbour) return neighbour.interface;
  if ("range" in neighbour) return `range-${neighbour.range.replaceAll(/[^\w]/g, "-")}`;
  return neighbour.address.split("%")[0]!;
}

function gracefully(graceful: Exclude<NeighbourOptions["gracefulRestart"], undefined>): string[] {
  if (graceful === false) return [" bgp graceful-restart-disable"];
  const { restartTime, longLived } = graceful;
  return [
    " bgp graceful-restart",
    " bgp graceful-restart preserve-fw-state",
    ` bgp graceful-restart restart-time ${restartTime}`,
    ...(longLived === undefined ? [] : [` bgp long-lived-graceful-restart stale-time ${longLived}`]),
  ];
}

function session(neighbour: NeighbourOptions): string[] {
  if (neighbour.fourOctetAs === false) throw new Error("FRR has no way without four-octet AS numbers");
  const name = frrName(neighbour);
  const { hold = 90, connectRetry = 1, bfd } = neighbour;
  const line = (words: string | false | undefined): string[] =>
    words === undefined || words === false ? [] : [` neighbor ${name} ${words}`];
  return [
    ...("range" in neighbour ? line("peer-group") : []),
    ...("interface" in neighbour
      ? line(`interface v6only remote-as ${neighbour.asn}`)
      : line(`remote-as ${neighbour.asn}`)),
    ...("range" in neighbour ? [` bgp listen range ${neighbour.range} peer-group ${name}`] : []),
    ...("address" in neighbour && neighbour.address.includes("%")
      ? line(`interface ${neighbour.address.split("%")[1]}`)
      : []),
    ...line(neighbour.localAsn !== undefined && `local-as ${neighbour.localAsn} no-prepend replace-as`),
    ...line(`timers ${neighbour.keepalive ?? Math.floor(hold / 3)} ${hold}`),
    ...("range" in neighbour ? [] : line(`timers connect ${connectRetry}`)),
    ...line(neighbour.localAddress !== undefined && `update-source ${neighbour.localAddress}`),
    ...line(neighbour.passive === true && "passive"),
    ...line(neighbour.password !== undefined && `password ${neighbour.password}`),
    ...line(neighbour.ttlSecurity !== undefined && `ttl-security hops ${neighbour.ttlSecurity}`),
    ...line(neighbour.multihop !== undefined && `ebgp-multihop ${neighbour.multihop}`),
    ...line(neighbour.extendedNextHop === true && "capability extended-nexthop"),
    ...line(
      neighbour.role !== undefined &&
        `local-role ${neighbour.role}${neighbour.strictRole ? " strict-mode" : ""}`,
    ),
    ...line(bfd !== undefined && `bfd ${bfd.multiplier} ${bfd.interval} ${bfd.interval}`),
  ];
}

function inFamily(neighbour: NeighbourOptions): string[] {
  const name = frrName(neighbour);
  const { send = false, receive } = neighbour.addPath ?? {};
  const lines: (string | false)[] = [
    "activate",
    // All attributes, whatever was set; and what was taken is remembered, for soft resets without the peer.
    "send-community all",
    neighbour.addPath !== undefined && receive !== true && "disable-addpath-rx",
    send && "addpath-tx-all-paths",
    neighbour.client === "route-reflector" && "route-reflector-client",
    neighbour.client === "route-server" && "route-server-client",
    neighbour.nextHopSelf === true && "next-hop-self",
    neighbour.maxPrefixes !== undefined && `maximum-prefix ${neighbour.maxPrefixes}`,
  ];
  return lines.filter((line) => line !== false).map((line) => `neighbor ${name} ${line}`);
}
