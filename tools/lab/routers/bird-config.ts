import type { NeighbourOptions, RouterAnnouncement, RouterFamily, RouterOptions } from "./router.ts";

const CHANNEL: Readonly<Record<RouterFamily, string>> = { "ipv4-unicast": "ipv4", "ipv6-unicast": "ipv6" };
const ROLE = { "rs-server": "rs_server", "rs-client": "rs_client" } as const;

/** What BIRD calls the session with a neighbour: n0, n1, … in the order of the options. */
function protocolName(index: number): string {
  return `n${index}`;
}

export function birdConfig(options: RouterOptions, announced: readonly RouterAnnouncement[]): string {
  const channels = (write: (channel: string) => string): string =>
    Object.values(CHANNEL).map(write).join("\n");
  const meds = announced.some(({ med }) => med !== undefined);
  return [
    options.quiet === true
      ? "log stderr { warning, error, fatal, bug };"
      : "log stderr all; debug protocols { states, events };",
    `router id ${options.routerId};`,
    "protocol device { scan time 1; }",
    options.kernel === true
      ? channels(
          (channel) => `protocol kernel { ${channel} { import none; export where source = RTS_BGP; }; }`,
        )
      : "",
    options.neighbours.some(({ bfd }) => bfd !== undefined) ? "protocol bfd { }" : "",
    channels((channel) => announcements(channel, announced)),
    ...options.neighbours.map((neighbour, index) => bgp(options, neighbour, protocolName(index), meds)),
    "",
  ].join("\n");
}

function announcements(channel: string, announced: readonly RouterAnnouncement[]): string {
  const routes = announced
    .filter(({ prefix }) => prefix.includes(":") === (channel === "ipv6"))
    .map((route) => `  route ${route.prefix} blackhole { ${attributes(route).join(" ")} };`);
  return [`protocol static announced_${channel} {`, `  ${channel};`, ...routes, "}"].join("\n");
}

function attributes(route: RouterAnnouncement): string[] {
  const pairs = (text: string): string => `(${text.replaceAll(":", ",")})`;
  return [
    "bgp_origin = ORIGIN_IGP;",
    ...(route.nextHop === undefined ? [] : [`bgp_next_hop = ${route.nextHop};`]),
    ...(route.med === undefined ? [] : [`bgp_med = ${route.med};`]),
    ...(route.communities ?? []).map((text) => `bgp_community.add(${pairs(wellKnown(text))});`),
    ...(route.largeCommunities ?? []).map((text) => `bgp_large_community.add(${pairs(text)});`),
    // BIRD prepends: the last comes first.
    ...[...(route.asPath ?? [])].reverse().map((asn) => `bgp_path.prepend(${asn});`),
  ];
}

function wellKnown(community: string): string {
  return { "no-export": "65535:65281", "no-advertise": "65535:65282" }[community] ?? community;
}

function bgp(router: RouterOptions, neighbour: NeighbourOptions, name: string, meds: boolean): string {
  const { families = ["ipv4-unicast"], gracefulRestart: graceful, connectRetry = 1, bfd } = neighbour;
  const local = [neighbour.localAddress ?? "", `as ${neighbour.localAsn ?? router.asn}`].join(" ");
  const hold = neighbour.hold ?? 90;
  const lines = [
    `local ${local};`,
    place(neighbour),
    hops(neighbour),
    `hold time ${hold};`,
    hold === 0 ? "" : `keepalive time ${neighbour.keepalive ?? Math.max(1, Math.floor(hold / 3))};`,
    `connect delay time 1; connect retry time ${connectRetry}; error wait time 1, 2;`,
    neighbour.passive === true ? "passive on;" : "",
    neighbour.password === undefined ? "" : `password ${JSON.stringify(neighbour.password)};`,
    graceful === undefined ? "" : gracefully(graceful),
    neighbour.extendedMessages === undefined
      ? ""
      : `enable extended messages ${flag(neighbour.extendedMessages)};`,
    neighbour.fourOctetAs === undefined ? "" : `enable as4 ${flag(neighbour.fourOctetAs)};`,
    neighbour.role === undefined
      ? ""
      : `local role ${ROLE[neighbour.role as keyof typeof ROLE] ?? neighbour.role};`,
    neighbour.strictRole === true ? "require roles on;" : "",
    bfd === undefined
      ? ""
      : `bfd { interval ${bfd.interval} ms; idle tx interval ${Math.max(bfd.interval, 100)} ms; multiplier ${bfd.multiplier}; };`,
    neighbour.client === "route-reflector" ? "rr client;" : "",
    neighbour.client === "route-server" ? "rs client;" : "",
    ...families.map((family) => `${CHANNEL[family]} { ${channel(neighbour, meds)} };`),
  ];
  const text = lines.filter((line) => line !== "").map((line) => `  ${line}`);
  return [`protocol bgp ${name} {`, ...text, "}"].join("\n");
}

function place(neighbour: NeighbourOptions): string {
  const asn = typeof neighbour.asn === "number" ? `as ${neighbour.asn}` : neighbour.asn;
  if ("range" in neighbour) return `neighbor range ${neighbour.range} ${asn}; dynamic name "dynamic";`;
  if ("interface" in neighbour) throw new Error("BIRD 2.0.12 knows no unnumbered neighbours");
  const [address, device] = neighbour.address.split("%");
  return `neighbor ${address} ${asn};${device === undefined ? "" : ` interface "${device}";`}`;
}

function hops({ ttlSecurity, multihop }: NeighbourOptions): string {
  if (ttlSecurity !== undefined)
    return `ttl security on; ${ttlSecurity > 1 ? `multihop ${ttlSecurity};` : "direct;"}`;
  return multihop === undefined ? "" : `multihop ${multihop};`;
}

function gracefully(graceful: Exclude<NeighbourOptions["gracefulRestart"], undefined>): string {
  if (graceful === false) return "graceful restart off; long lived graceful restart off;";
  const { restartTime, longLived } = graceful;
  const long = longLived === undefined ? "off" : `on; long lived stale time ${longLived}`;
  return `graceful restart on; graceful restart time ${restartTime}; long lived graceful restart ${long};`;
}

function channel(neighbour: NeighbourOptions, meds: boolean): string {
  const { send = false, receive = false } = neighbour.addPath ?? {};
  const addPath = send && receive ? "on" : send ? "tx" : receive ? "rx" : "off";
  return [
    "import all;",
    // A MED that no export filter has touched stays at home.
    meds
      ? "export filter { if source = RTS_STATIC && defined(bgp_med) then bgp_med = bgp_med; accept; };"
      : "export all;",
    `add paths ${addPath};`,
    neighbour.extendedNextHop === true ? "extended next hop on;" : "",
    neighbour.nextHopSelf === true ? "next hop self;" : "",
    neighbour.maxPrefixes === undefined ? "" : `import limit ${neighbour.maxPrefixes} action restart;`,
  ]
    .filter((line) => line !== "")
    .join(" ");
}

function flag(value: boolean): string {
  return value ? "on" : "off";
}
