import { parseCommunity } from "@netloom/bgp/wire";
import { describe, expect, it } from "vitest";
import { bgpMetrics, bgpPrometheusText } from "../../src/metrics.ts";
import { WELL_KNOWN_COMMUNITIES } from "../../src/resources/index.ts";
import type { BgpStatus } from "../../src/status.ts";
import { formatNeighbor } from "../../src/text/neighbor.ts";
import { formatRoutes } from "../../src/text/routes.ts";
import { formatSummary } from "../../src/text/summary.ts";
import { duration, table } from "../../src/text/table.ts";
import { routeOf, statusOf } from "../support/fake-speaker.ts";

const HOUR = 3_600_000;

const tor = statusOf("tor", {
  state: "established",
  establishedAt: 0,
  established: 2,
  holdTime: 9,
  keepalive: 3,
  capabilities: ["graceful-restart", "route-refresh"],
  messages: { received: 120, sent: 99 },
  families: [
    { family: "ipv4-unicast", received: 10, accepted: 9, advertised: 2, stale: 1, endOfRib: true },
    { family: "ipv6-unicast", received: 1, accepted: 1, advertised: 1, stale: 0, endOfRib: false },
  ],
});
const spine = statusOf("spine", {
  remoteAddress: "fe80::1%eth1",
  remoteAsn: undefined,
  remoteRouterId: undefined,
  localAddress: undefined,
  state: "active",
  lastError: {
    message: "told to \u{1b}[2Jgo\naway",
    notification: { code: 6, subcode: 4, data: new Uint8Array() },
    at: HOUR,
  },
});
const status: BgpStatus = {
  node: "n1",
  conditions: [
    { type: "MissingAuthSecret", subject: "main/leaf", message: "peer main/leaf needs secret word" },
  ],
  instances: [{ name: "main", asn: 65_001, routerId: "192.0.2.11", advertised: 3, peers: [tor, spine] }],
};

describe("the summary", () => {
  it("has a line for each peer, and nothing that a peer sent moves the cursor", () => {
    expect(formatSummary(status, HOUR + 120_000)).toBe(
      [
        "Instance main: AS 65001, router ID 192.0.2.11, 3 prefixes to advertise",
        "Peer   Address       AS     State        For    Received  Accepted  Advertised  Last error",
        "tor    192.0.2.1     65000  established  1h02m        11        10           3",
        "spine  fe80::1%eth1  -      active       -             0         0           0  told to \u{fffd}[2Jgo\u{fffd}away",
        "",
        "MissingAuthSecret: peer main/leaf needs secret word",
        "",
      ].join("\n"),
    );
  });

  it("says where there is nothing", () => {
    expect(formatSummary({ node: "n1", conditions: [], instances: [] }, 0)).toBe("no speakers\n");
  });
});

describe("a neighbour", () => {
  it("is told of in full", () => {
    const text = formatNeighbor(tor, HOUR);
    expect(text).toContain("State         established for 1h00m\n");
    expect(text).toContain("Established   2 times\n");
    expect(text).toContain("Hold time     9 s, keepalive each 3 s\n");
    expect(text).toContain("Capabilities  graceful-restart, route-refresh\n");
    expect(text).toContain("ipv4-unicast        10         9      1           2  yes\n");
  });

  it("is told of with why it went down", () => {
    const text = formatNeighbor(spine, HOUR + 5000);
    expect(text).toContain("AS unknown, router ID unknown");
    expect(text).toContain("Last error    5s ago: told to \u{fffd}[2Jgo\u{fffd}away\n");
    expect(text).toMatch(/Notification {2}6\/4 /);
  });
});

describe("routes", () => {
  it("have a line each", () => {
    const path = [
      { type: "sequence", asns: [65_000, 65_010] },
      { type: "set", asns: [1, 2] },
    ] as const;
    const rich = routeOf("10.2.0.0/24", "192.0.2.1", {
      attributes: {
        origin: "incomplete",
        asPath: path,
        nextHop: "192.0.2.1",
        localPref: 200,
        med: 0,
        communities: [0xffff_ff01, 65_000 * 65_536 + 7],
        largeCommunities: [[65_000, 1, 2]],
      },
    });
    const own = routeOf("fd00::/64", "2001:db8::1", { peer: undefined, best: false, stale: true });
    expect(formatRoutes([rich, own])).toBe(
      [
        "    Prefix       Next hop     Peer   Pref  MED  Path                 Communities",
        "*   10.2.0.0/24  192.0.2.1    tor    200   0    65000 65010 {1,2} ?  no-export 65000:7 65000:1:2",
        " s  fd00::/64    2001:db8::1  local  -     -    65000 i",
        "",
      ].join("\n"),
    );
    expect(formatRoutes([])).toBe("no routes\n");
  });
});

describe("metrics", () => {
  it("are data, a label node on every sample", () => {
    const metrics = bgpMetrics(status);
    const up = metrics.find(({ name }) => name === "netloom_bgp_session_up");
    expect(up?.samples).toEqual([
      { labels: { node: "n1", instance: "main", peer: "tor", address: "192.0.2.1" }, value: 1 },
      { labels: { node: "n1", instance: "main", peer: "spine", address: "fe80::1%eth1" }, value: 0 },
    ]);
    expect(metrics.every(({ samples }) => samples.every(({ labels }) => labels["node"] === "n1"))).toBe(true);
  });

  it("of several nodes fit on one page, each metric described once", () => {
    const text = bgpPrometheusText(status, { ...status, node: 'n"2' });
    expect(text.match(/# TYPE netloom_bgp_received_routes gauge/g)).toHaveLength(1);
    expect(text).toContain(
      'netloom_bgp_received_routes{node="n1",instance="main",peer="tor",address="192.0.2.1",family="ipv4-unicast"} 10\n',
    );
    expect(text).toContain('netloom_bgp_conditions{node="n\\"2",condition="MissingAuthSecret"} 1\n');
    expect(bgpPrometheusText()).toBe("");
  });
});

describe("words", () => {
  it.each([
    [0, "0s"],
    [59_999, "59s"],
    [184_000, "3m04s"],
    [2 * 24 * HOUR + 3 * HOUR, "2d03h"],
    [-5, "0s"],
  ])("a time of %d ms is %s", (milliseconds, expected) => {
    expect(duration(milliseconds)).toBe(expected);
  });

  it("stand in columns", () => {
    expect(
      table(
        ["A", "Number"],
        [
          ["long word", 7],
          ["x", 123],
        ],
      ),
    ).toBe("A          Number\nlong word       7\nx             123");
  });

  it("for communities are those that the speaker knows", () => {
    for (const name of WELL_KNOWN_COMMUNITIES) expect(parseCommunity(name), name).toBeDefined();
  });
});
