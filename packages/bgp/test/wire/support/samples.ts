import {
  cease,
  encodeAttributes,
  encodeEndOfRib,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  type Family,
  hardReset,
  packReach,
  packWithdraw,
  type PathAttributes,
  prefixSource,
  type WireContext,
} from "../../../src/wire/index.ts";

/** Every attribute there is, on a route of a family. */
function everyAttribute(nextHop: string): PathAttributes {
  return {
    origin: "egp",
    asPath: [
      { type: "sequence", asns: [65001, 70000, 65003] },
      { type: "set", asns: [65010, 65011] },
    ],
    nextHop,
    med: 77,
    localPref: 200,
    atomicAggregate: true,
    aggregator: { asn: 70000, address: "192.0.2.7" },
    communities: [0xfde9_0001, 0xffff_ff01],
    extendedCommunities: [0x0002_fde9_0000_0001n],
    largeCommunities: [[65001, 1, 2]],
    originatorId: "192.0.2.9",
    clusterList: ["192.0.2.8"],
    onlyToCustomer: 65001,
  };
}

/** An UPDATE of each form for a session, the routes it tells included. */
export function sampleUpdates(context: WireContext): Uint8Array[] {
  return context.families.flatMap((family) => {
    const prefixes = samplePrefixes(family);
    const source = prefixSource(prefixes, context.addPathSend.includes(family));
    const hops = family === "ipv6-unicast" ? ["2001:db8::1"] : ["192.0.2.1"];
    if (family === "ipv4-unicast" && context.extendedNextHop) hops.push("2001:db8::1");
    const reach = hops.map((nextHop) => {
      const encoded = encodeAttributes(everyAttribute(nextHop), context, family);
      return packReach(context, family, encoded, source, 0, prefixes.length)?.message ?? new Uint8Array(0);
    });
    const withdraw = packWithdraw(context, family, source, 0, prefixes.length).message;
    return [...reach, withdraw, encodeEndOfRib(family)];
  });
}

export function samplePrefixes(family: Family): { prefix: string; pathId: number }[] {
  const prefixes =
    family === "ipv4-unicast"
      ? ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.128/25", "198.51.100.7/32"]
      : ["::/0", "2001:db8::/32", "2001:db8:1::/49", "2001:db8::7/128"];
  return prefixes.map((prefix, index) => ({ prefix, pathId: index + 1 }));
}

export function sampleOpen(asn = 4_200_000_001): Uint8Array {
  const families = [
    { afi: 1, safi: 1 },
    { afi: 2, safi: 1 },
  ];
  return encodeOpen({
    asn,
    holdTime: 90,
    routerId: "192.0.2.1",
    capabilities: [
      ...families.map((family) => ({ kind: "multiprotocol" as const, ...family })),
      { kind: "route-refresh" },
      { kind: "extended-next-hop", families: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
      { kind: "extended-message" },
      { kind: "role", role: "customer" },
      {
        kind: "graceful-restart",
        restarted: true,
        notification: true,
        restartTime: 120,
        families: families.map((family) => ({ ...family, forwarding: true })),
      },
      { kind: "four-octet-as", asn },
      { kind: "add-path", families: families.map((family) => ({ ...family, send: true, receive: true })) },
      { kind: "enhanced-route-refresh" },
      {
        kind: "long-lived-graceful-restart",
        families: families.map((family) => ({ ...family, forwarding: true, staleTime: 3600 })),
      },
      { kind: "fqdn", host: "node-1", domain: "example.net" },
    ],
  });
}

/** A message of each kind but UPDATE. */
export function sampleOthers(): Uint8Array[] {
  return [
    sampleOpen(),
    encodeKeepalive(),
    encodeRouteRefresh("ipv4-unicast"),
    encodeRouteRefresh("ipv6-unicast", "begin"),
    encodeRouteRefresh("ipv6-unicast", "end"),
    encodeNotification(cease("administrativeShutdown", "maintenance, until 7 o'clock ☕")),
    encodeNotification(hardReset(cease("administrativeReset", "bye"))),
    encodeNotification(cease("peerDeconfigured")),
  ];
}
