import type { NeighbourOptions, RouterFamily, RouterOptions } from "./router.ts";

/** A value of TOML, as JSON writes it. */
type Value = string | number | boolean | readonly string[];
type Table = Readonly<Record<string, Value>>;

/** GoBGP reads TOML; JSON's strings, numbers and lists are the same there. */
export function gobgpConfig(options: RouterOptions): string {
  const lines = [
    ...table("[global.config]", {
      as: options.asn,
      "router-id": options.routerId,
      "local-address-list": ["0.0.0.0", "::"],
    }),
  ];
  for (const [index, neighbour] of options.neighbours.entries()) {
    if ("range" in neighbour) lines.push(...group(neighbour, neighbour.range, `group${index}`));
    else {
      const where: Table =
        "interface" in neighbour
          ? { "neighbor-interface": neighbour.interface }
          : { "neighbor-address": neighbour.address };
      lines.push("[[neighbors]]", ...session("neighbors", neighbour, where));
    }
  }
  return `${lines.join("\n")}\n`;
}

function group(neighbour: NeighbourOptions, prefix: string, name: string): string[] {
  return [
    "[[peer-groups]]",
    ...session("peer-groups", neighbour, { "peer-group-name": name }),
    "[[dynamic-neighbors]]",
    ...table("[dynamic-neighbors.config]", { prefix, "peer-group": name }),
  ];
}

function session(at: string, neighbour: NeighbourOptions, where: Table): string[] {
  if (typeof neighbour.asn !== "number") throw new Error("GoBGP 3.10 wants to know a neighbour's AS number");
  for (const [option, value] of Object.entries({
    bfd: neighbour.bfd,
    role: neighbour.role,
    extendedMessages: neighbour.extendedMessages,
    "way without four-octet AS numbers": neighbour.fourOctetAs === false ? false : undefined,
  }))
    if (value !== undefined) throw new Error(`GoBGP 3.10 has no ${option}`);
  const { hold = 90, gracefulRestart: graceful, client } = neighbour;
  const restarts = typeof graceful === "object";
  const transport: Record<string, Value> = { "passive-mode": neighbour.passive === true };
  if (neighbour.localAddress !== undefined) transport["local-address"] = neighbour.localAddress;
  return [
    ...table(`[${at}.config]`, {
      ...where,
      "peer-as": neighbour.asn,
      ...(neighbour.localAsn === undefined ? {} : { "local-as": neighbour.localAsn }),
      ...(neighbour.password === undefined ? {} : { "auth-password": neighbour.password }),
    }),
    ...table(`[${at}.timers.config]`, {
      "hold-time": hold,
      "keepalive-interval": neighbour.keepalive ?? Math.max(1, Math.floor(hold / 3)),
      "connect-retry": neighbour.connectRetry ?? 1,
      "idle-hold-time-after-reset": 1,
    }),
    ...table(`[${at}.transport.config]`, transport),
    ...(neighbour.multihop === undefined
      ? []
      : table(`[${at}.ebgp-multihop.config]`, { enabled: true, "multihop-ttl": neighbour.multihop })),
    ...(neighbour.ttlSecurity === undefined
      ? []
      : table(`[${at}.ttl-security.config]`, { enabled: true, "ttl-min": 256 - neighbour.ttlSecurity })),
    ...(restarts
      ? table(`[${at}.graceful-restart.config]`, {
          enabled: true,
          "restart-time": graceful.restartTime,
          "notification-enabled": true,
          "long-lived-enabled": graceful.longLived !== undefined,
        })
      : table(`[${at}.graceful-restart.config]`, { enabled: false, "helper-only": graceful === undefined })),
    ...(client === "route-reflector"
      ? table(`[${at}.route-reflector.config]`, { "route-reflector-client": true })
      : []),
    ...(client === "route-server"
      ? table(`[${at}.route-server.config]`, { "route-server-client": true })
      : []),
    ...(neighbour.families ?? ["ipv4-unicast"]).flatMap((family) =>
      inFamily(`${at}.afi-safis`, family, neighbour),
    ),
  ];
}

function inFamily(at: string, family: RouterFamily, neighbour: NeighbourOptions): string[] {
  const { addPath, gracefulRestart: graceful, maxPrefixes } = neighbour;
  const longLived = typeof graceful === "object" ? graceful.longLived : undefined;
  return [
    `[[${at}]]`,
    ...table(`[${at}.config]`, { "afi-safi-name": family }),
    ...table(`[${at}.mp-graceful-restart.config]`, { enabled: graceful !== false }),
    ...(longLived === undefined
      ? []
      : table(`[${at}.long-lived-graceful-restart.config]`, { enabled: true, "restart-time": longLived })),
    ...(addPath === undefined
      ? []
      : table(`[${at}.add-paths.config]`, {
          receive: addPath.receive === true,
          "send-max": addPath.send === true ? 16 : 0,
        })),
    ...(maxPrefixes === undefined
      ? []
      : table(`[${at}.prefix-limit.config]`, { "max-prefixes": maxPrefixes })),
  ];
}

function table(head: string, fields: Table): string[] {
  return [head, ...Object.entries(fields).map(([name, value]) => `${name} = ${JSON.stringify(value)}`)];
}
