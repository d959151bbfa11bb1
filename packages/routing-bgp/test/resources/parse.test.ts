import { isNetloomError } from "@netloom/core";
import { describe, expect, it } from "vitest";
import {
  parseAdvertisement,
  parseClusterConfig,
  parseNodeOverride,
  parsePeerConfig,
} from "../../src/resources/index.ts";

const cluster = {
  name: "racks",
  nodeSelector: { matchLabels: { rack: "r1" } },
  instances: [
    {
      name: "main",
      localAsn: 65_001,
      localPort: 179,
      peers: [
        { name: "tor", peerAsn: 65_000, peerAddress: "192.0.2.1", peerConfigRef: "tor" },
        { name: "spine", peerAsn: "external", interface: "eth1" },
        { name: "link", peerAsn: "any", peerAddress: "FE80::1%eth0" },
      ],
    },
  ],
};

const peer = {
  name: "tor",
  timers: { hold: 9, keepalive: 3, connectRetry: 5, sendHold: 60 },
  transport: { peerPort: 1179, sourceInterface: "eth0", passive: false },
  authSecretRef: "tor-password",
  ttlSecurity: 1,
  gracefulRestart: { enabled: true, restartTime: 60, longLived: 3600 },
  bfd: { transmitInterval: 100, receiveInterval: 100, multiplier: 3 },
  role: "customer",
  addPath: { receive: true },
  enforceFirstAs: false,
  families: [
    {
      family: "ipv4-unicast",
      advertisements: { matchLabels: { advertise: "tor" } },
      import: {
        statements: [
          {
            match: {
              prefixes: [{ prefix: "10.0.0.0/8", maxLength: 24 }],
              communities: ["no-export", "65000:1"],
            },
            action: "accept",
            set: { localPref: 200, med: null, origin: "igp", addLargeCommunities: ["65000:1:2"] },
          },
        ],
      },
      maxPrefixes: 1000,
    },
  ],
};

const advertisement = {
  name: "pods",
  labels: { advertise: "tor" },
  advertisements: [
    { type: "PodCIDR", attributes: { communities: { standard: ["65000:7"], wellKnown: ["no-export"] } } },
    { type: "Pool", selector: {}, attributes: { localPreference: 150 } },
    {
      type: "Service",
      selector: { matchLabels: { bgp: "yes" } },
      service: { addresses: ["LoadBalancerIP"], aggregationLengthIPv4: 24 },
      attributes: { med: 0, prepend: 2 },
    },
    { type: "Interface", interface: "lo" },
  ],
};

const override = {
  name: "n1",
  instances: [
    {
      name: "main",
      routerId: "10.0.0.1",
      localPort: 1790,
      peers: [{ name: "tor", localAddress: "192.0.2.9" }],
    },
  ],
};

const STATION = { address: "192.0.2.9", port: 5000 };

describe("resources that are right", () => {
  it("are taken as they are, addresses in canonical form", () => {
    const { instances, nodeSelector } = parseClusterConfig(cluster);
    expect(nodeSelector?.key).toBe("rack=r1");
    expect(instances[0]?.peers[2]).toEqual({ name: "link", peerAsn: "any", peerAddress: "fe80::1%eth0" });
    expect(instances[0]?.peers.slice(0, 2)).toEqual(cluster.instances[0]?.peers.slice(0, 2));
    const { families, ...rest } = parsePeerConfig(peer);
    const { families: given, ...said } = peer;
    expect(rest).toEqual(said);
    expect(families[0]).toMatchObject({ import: given[0]?.import, maxPrefixes: 1000 });
    expect(parseAdvertisement(advertisement).advertisements[2]).toMatchObject({
      service: { addresses: ["LoadBalancerIP"], aggregationLengthIPv4: 24 },
      attributes: { med: 0, prepend: 2 },
    });
    expect(parseNodeOverride(override)).toEqual(override);
  });

  it("name monitoring stations, addresses in canonical form", () => {
    const bmp = { stations: [{ address: "2001:DB8::0:9", port: 5000 }, STATION], statisticsInterval: 0 };
    expect(parseClusterConfig(changed(cluster, "instances.0.bmp", bmp)).instances[0]?.bmp).toEqual({
      stations: [{ address: "2001:db8::9", port: 5000 }, STATION],
      statisticsInterval: 0,
    });
  });

  it("carry both families, and tell and take nothing, where none is named", () => {
    expect(parsePeerConfig({ name: "plain" }).families).toEqual([
      { family: "ipv4-unicast", advertisements: undefined },
      { family: "ipv6-unicast", advertisements: undefined },
    ]);
  });
});

/** The same with one thing changed, by its path. */
function changed(base: object, path: string, value: unknown): unknown {
  const copy = structuredClone(base) as Record<string, unknown>;
  const steps = path.split(".");
  let at = copy;
  for (const step of steps.slice(0, -1)) at = at[step] as Record<string, unknown>;
  if (value === undefined) delete at[steps.at(-1)!];
  else at[steps.at(-1)!] = value;
  return copy;
}

describe("resources that are wrong", () => {
  it.each([
    ["name", undefined, "name"],
    ["name", "a/b", "is no name"],
    ["nodeSelector", { matchLabel: {} }, "matchLabel"],
    ["instances.0.localAsn", 0, "instances[0].localAsn 0 is out of range"],
    ["instances.0.localAsn", 2 ** 32, "whole number from 1 to 4294967295"],
    ["instances.0.localAsn", 23_456, "is reserved"],
    ["instances.0.peers.1", { name: "b", peerAsn: 1, peerAddress: "192.0.2.1" }, "is where two peers are"],
    ["instances.0.peers.0.peerAddress", undefined, "peerAddress or interface"],
    ["instances.0.peers.0.interface", "eth0", "peerAddress or interface"],
    ["instances.0.peers.0.peerAddress", "192.0.2.1%eth0", "fe80::1%eth0"],
    ["instances.0.peers.0.peerAddress", "fe80::1", "fe80::1%eth0"],
    ["instances.0.peers.0.peerAsn", "peer", "external, internal or any"],
    ["instances.0.peers.1.name", "tor", '"tor" is there twice'],
    ["instances.0.peers.0.autoDiscovery", {}, "autoDiscovery is unknown"],
    [
      "instances.0.bmp",
      { stations: [{ address: "bmp", port: 5000 }] },
      "instances[0].bmp.stations[0].address",
    ],
    ["instances.0.bmp", { stations: [STATION, STATION] }, "is there twice"],
    ["instances.0.bmp", { stations: [], interval: 1 }, "interval is unknown"],
    ["instances.1", { name: "other", localAsn: 1, localPort: 179, peers: [] }, "is the localPort of two"],
  ])("cluster configuration: %s = %j", (path, value, expected) => {
    const refusal = refusalOf(parseClusterConfig, changed(cluster, path, value));
    expect(refusal).toContain("ERR_BGP_INVALID");
    expect(refusal).toContain(expected);
  });

  it.each([
    ["timers.hold", 2, "write 0 for none, or 3 and more"],
    ["families.0.maxPrefixes", 0, "is out of range"],
    ["ebgpMultihop", 3, "has both ebgpMultihop and ttlSecurity"],
    ["gracefulRestart.restartTime", 4096, "from 1 to 4095"],
    ["families", [], "names no family"],
    ["families.1", { family: "ipv4-unicast" }, "names a family twice"],
    ["families.0.family", "ipv4-multicast", "write one of ipv4-unicast, ipv6-unicast"],
    ["families.0.import.statements.0.action", "permit", "accept, reject"],
    ["families.0.import.statements.0.match.sets", ["x"], "sets is unknown"],
    ["families.0.import.statements.0.match.prefixes.0.maxLength", 7, "whole number from 8 to 32"],
    ["families.0.import.statements.0.match.communities.0", "70000:1", "is no community"],
  ])("peer configuration: %s = %j", (path, value, expected) => {
    const refusal = refusalOf(parsePeerConfig, changed(peer, path, value));
    expect(refusal).toContain("ERR_BGP_INVALID");
    expect(refusal).toContain(expected);
  });

  it.each([
    ["labels.advertise", 1, "is no text"],
    ["advertisements.0.type", "CiliumPodIPPool", "write one of PodCIDR, Pool, Service, Interface"],
    ["advertisements.0.selector", {}, "selector is unknown"],
    ["advertisements.1.selector", undefined, "selector"],
    ["advertisements.2.service.addresses", [], "has no types of addresses"],
    ["advertisements.2.service.aggregationLengthIPv4", 33, "from 1 to 32"],
    ["advertisements.0.attributes.communities.large", ["1:2"], "write 3 numbers, e.g. 65000:100:7"],
    ["advertisements.0.attributes.communities.wellKnown", ["no-import"], "no-export"],
  ])("advertisement: %s = %j", (path, value, expected) => {
    const refusal = refusalOf(parseAdvertisement, changed(advertisement, path, value));
    expect(refusal).toContain("ERR_BGP_INVALID");
    expect(refusal).toContain(expected);
  });

  it.each([
    ["instances.0.routerId", "0.0.0.0", "is no router ID"],
    ["instances.0.routerId", "fd00::1", "is no router ID"],
    ["instances.0.peers.0.localAddress", "n1", "localAddress"],
  ])("override: %s = %j", (path, value, expected) => {
    const refusal = refusalOf(parseNodeOverride, changed(override, path, value));
    expect(refusal).toContain("ERR_BGP_INVALID");
    expect(refusal).toContain(expected);
  });

  it.each([[undefined], [null], [7], ["x"], [[]]])("whatever else: %j", (input) => {
    for (const parse of [parseClusterConfig, parsePeerConfig, parseAdvertisement, parseNodeOverride]) {
      expect(refusalOf(parse, input)).toMatch(/ERR_BGP_INVALID.*is no object/);
    }
  });
});

/** What a parser says of an input: the code and the message of its error. */
function refusalOf(parse: (input: unknown) => unknown, input: unknown): string {
  try {
    parse(input);
  } catch (error) {
    if (isNetloomError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  return "nothing";
}
