import { describe, expect, it } from "vitest";
import {
  parseAdvertisement,
  parseClusterConfig,
  parseNodeOverride,
  parsePeerConfig,
  resolve,
  type BgpResources,
} from "../../src/resources/index.ts";

const node = { name: "n1", labels: { rack: "r1" }, addresses: ["192.0.2.11", "2001:db8::11"] };

const main = {
  name: "main",
  localAsn: 65_001,
  peers: [{ name: "tor", peerAsn: 65_000, peerAddress: "192.0.2.1", peerConfigRef: "tor" }],
};

function resources(
  parts: {
    readonly clusters?: readonly object[];
    readonly peers?: readonly object[];
    readonly advertisements?: readonly object[];
    readonly overrides?: readonly object[];
  } = {},
): BgpResources {
  const { clusters = [{ name: "all", instances: [main] }], advertisements = [], overrides = [] } = parts;
  const { peers = [{ name: "tor" }] } = parts;
  return {
    clusterConfigs: clusters.map(parseClusterConfig),
    peerConfigs: peers.map(parsePeerConfig),
    advertisements: advertisements.map(parseAdvertisement),
    nodeOverrides: overrides.map(parseNodeOverride),
  };
}

describe("resolve", () => {
  it("makes a speaker of an instance, known by the node's IPv4 address and listening only where told", () => {
    const { instances, conditions } = resolve(node, resources());
    expect(conditions).toEqual([]);
    expect(instances).toHaveLength(1);
    expect(instances[0]?.config).toEqual({
      asn: 65_001,
      routerId: "192.0.2.11",
      peers: [
        {
          name: "tor",
          remote: { address: "192.0.2.1" },
          remoteAsn: 65_000,
          transport: {},
          families: { "ipv4-unicast": {}, "ipv6-unicast": { nextHop: "2001:db8::11" } },
        },
      ],
    });
  });

  it("lets monitoring stations know the node by its name, unless they are told another", () => {
    const bmp = { stations: [{ address: "192.0.2.9", port: 5000 }] };
    const monitored = (more: object) => {
      const clusters = [{ name: "all", instances: [{ ...main, bmp: { ...bmp, ...more } }] }];
      return resolve(node, resources({ clusters })).instances[0]?.config.bmp;
    };
    expect(monitored({})).toEqual({ ...bmp, sysName: "n1" });
    expect(monitored({ sysName: "rack 1" })).toEqual({ ...bmp, sysName: "rack 1" });
  });

  it("hands a peer's configuration to the speaker", () => {
    const tor = {
      name: "tor",
      timers: { hold: 9 },
      transport: { peerPort: 1179, sourceInterface: "eth0" },
      authSecretRef: "word",
      ebgpMultihop: 4,
      gracefulRestart: { restartTime: 30 },
      bfd: {},
      shutdown: "moving",
      families: [{ family: "ipv4-unicast", import: { statements: [{ action: "accept" }] }, maxPrefixes: 9 }],
    };
    const { instances } = resolve(node, resources({ peers: [tor] }), { secrets: () => "secret" });
    expect(instances[0]?.config.peers[0]).toEqual({
      name: "tor",
      remote: { address: "192.0.2.1", port: 1179 },
      remoteAsn: 65_000,
      shutdown: "moving",
      transport: { multihop: 4, md5: "secret", interface: "eth0" },
      timers: { hold: 9 },
      gracefulRestart: { restartTime: 30 },
      failureDetector: {},
      families: { "ipv4-unicast": { import: { statements: [{ action: "accept" }] }, maxPrefixes: 9 } },
    });
    const off = [{ name: "tor", gracefulRestart: { enabled: false } }];
    const without = resolve(node, resources({ peers: off }));
    expect(without.instances[0]?.config.peers[0]?.gracefulRestart).toBe(false);
  });

  it("exports to each family what its selector selects", () => {
    const peers = [
      {
        name: "tor",
        families: [
          { family: "ipv4-unicast", advertisements: { matchLabels: { to: "tor" } } },
          { family: "ipv6-unicast", advertisements: {} },
        ],
      },
    ];
    const advertisements = [
      { name: "z", labels: { to: "tor" }, advertisements: [{ type: "PodCIDR" }] },
      { name: "a", advertisements: [{ type: "PodCIDR" }, { type: "Interface", interface: "lo" }] },
    ];
    const resolved = resolve(node, resources({ peers, advertisements }));
    expect(resolved.instances[0]?.exports).toEqual([
      { peer: "tor", family: "ipv4-unicast", entries: ["z/0"] },
      { peer: "tor", family: "ipv6-unicast", entries: ["a/0", "a/1", "z/0"] },
    ]);
    expect(resolved.advertisements.map(({ id }) => id)).toEqual(["a/0", "a/1", "z/0"]);
    expect(resolve(node, resources({ advertisements })).advertisements).toEqual([]);
  });

  it("lets an override change what is said of its node, and of no other", () => {
    const changes = { name: "main", routerId: "10.9.9.9", localAsn: 65_009, localPort: 1790 };
    const overrides = [
      { name: "n1", instances: [{ ...changes, peers: [{ name: "tor", localAddress: "192.0.2.99" }] }] },
    ];
    const [instance] = resolve(node, resources({ overrides })).instances;
    expect(instance?.config).toMatchObject({ asn: 65_009, routerId: "10.9.9.9", listen: { port: 1790 } });
    expect(instance?.config.peers[0]?.localAddress).toBe("192.0.2.99");
    const [other] = resolve({ ...node, name: "n2" }, resources({ overrides })).instances;
    expect(other?.config).toMatchObject({ asn: 65_001, routerId: "192.0.2.11" });
  });

  it.each([
    [
      "NoMatchingNode",
      { clusters: [{ name: "r2", nodeSelector: { matchLabels: { rack: "r2" } }, instances: [] }] },
      0,
    ],
    ["NoMatchingNode", { clusters: [] }, 0],
    [
      "ConflictingClusterConfig",
      {
        clusters: [
          { name: "all", instances: [main] },
          { name: "r1", nodeSelector: {}, instances: [] },
        ],
      },
      1,
    ],
    ["MissingPeerConfigs", { peers: [] }, 0],
    ["MissingAuthSecret", { peers: [{ name: "tor", authSecretRef: "word" }] }, 0],
    ["UnusedOverride", { overrides: [{ name: "n1", instances: [{ name: "other" }] }] }, 1],
    [
      "UnusedOverride",
      { overrides: [{ name: "n1", instances: [{ name: "main", peers: [{ name: "x" }] }] }] },
      1,
    ],
  ])("says %s and goes on with the rest: %#", (type, parts, peers) => {
    const { instances, conditions } = resolve(node, resources(parts));
    expect(conditions.map((condition) => condition.type)).toEqual([type]);
    expect(instances.flatMap(({ config }) => config.peers)).toHaveLength(peers);
  });

  it.each([
    [{ transport: { passive: true } }, {}],
    [{ authSecretRef: "word" }, { peerAddress: undefined, interface: "eth1" }],
    [{ authSecretRef: "long" }, {}],
    [{ role: "customer" }, { peerAsn: 65_001 }],
    [{ role: "customer" }, { peerAsn: "internal" }],
  ])("leaves out a peer that a speaker would refuse, and keeps the others: %#", (config, changes) => {
    const [tor] = main.peers;
    const bad = JSON.parse(
      JSON.stringify({ ...tor, name: "bad", peerAddress: "192.0.2.2", ...changes }),
    ) as object;
    const good = { name: "good", peerAsn: 65_000, peerAddress: "192.0.2.3" };
    const clusters = [{ name: "all", instances: [{ ...main, peers: [bad, good] }] }];
    const secrets = (name: string): string => name.repeat(name === "long" ? 21 : 1);
    const given = resources({ clusters, peers: [{ name: "tor", ...config }] });
    const { instances, conditions } = resolve(node, given, { secrets });
    expect(conditions).toMatchObject([{ type: "UnusablePeerConfig", subject: "main/bad" }]);
    expect(conditions[0]?.message).not.toContain("long");
    expect(instances[0]?.config.peers.map(({ name }) => name)).toEqual(["good"]);
  });

  it("leaves out an instance that nobody could tell from others", () => {
    const six = { ...node, addresses: ["2001:db8::11"] };
    expect(resolve(six, resources())).toMatchObject({
      instances: [],
      conditions: [{ type: "MissingRouterId" }],
    });
    const overrides = [{ name: "n1", instances: [{ name: "main", routerId: "10.0.0.1" }] }];
    expect(resolve(six, resources({ overrides })).instances).toHaveLength(1);
  });
});
