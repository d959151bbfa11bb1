import type { AsPathSegment, RibRoute } from "@netloom/bgp";
import { formatCommunity, formatLargeCommunity } from "@netloom/bgp/wire";
import { table } from "./table.ts";

/** One line a route. In front `*`: the best of its prefix, `s`: kept from before the peer's restart. */
export function formatRoutes(routes: Iterable<RibRoute>): string {
  const rows = [...routes].map((route) => {
    const {
      nextHop,
      localPref,
      med,
      asPath,
      origin,
      communities = [],
      largeCommunities = [],
    } = route.attributes;
    return [
      `${route.best ? "*" : " "}${route.stale ? "s" : " "}`,
      route.prefix,
      nextHop,
      route.peer ?? "local",
      localPref ?? "-",
      med ?? "-",
      `${formatPath(asPath)}${ORIGINS[origin]}`,
      [...communities.map(formatCommunity), ...largeCommunities.map(formatLargeCommunity)].join(" "),
    ];
  });
  const header = ["", "Prefix", "Next hop", "Peer", "Pref", "MED", "Path", "Communities"];
  return rows.length === 0 ? "no routes\n" : `${table(header, rows)}\n`;
}

const ORIGINS = { igp: "i", egp: "e", incomplete: "?" } as const;

const BRACKETS: Readonly<Record<AsPathSegment["type"], readonly [string, string]>> = {
  sequence: ["", ""],
  set: ["{", "}"],
  "confed-sequence": ["(", ")"],
  "confed-set": ["[", "]"],
};

function formatPath(segments: readonly AsPathSegment[]): string {
  return segments
    .map(
      ({ type, asns }) =>
        `${BRACKETS[type][0]}${asns.join(type.endsWith("set") ? "," : " ")}${BRACKETS[type][1]} `,
    )
    .join("");
}
