import type { RoutedService } from "@netloom/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { desired, withExports, type AdvertisedFacts } from "../src/advertise.ts";
import { mergeAttributes } from "../src/attributes.ts";
import { parseAdvertisement, type NamedEntry, type ResolvedInstance } from "../src/resources/index.ts";

const nothing: AdvertisedFacts = { draining: false, podCIDRs: [], pools: [], services: [], interfaces: {} };

function entries(...given: readonly object[]): readonly NamedEntry[] {
  const { advertisements } = parseAdvertisement({ name: "a", advertisements: given });
  return advertisements.map((entry, index) => ({ id: `a/${index}`, entry }));
}

function service(changes: Partial<RoutedService> = {}): RoutedService {
  return {
    name: "default/web",
    labels: { app: "web" },
    addresses: {
      ClusterIP: ["10.96.0.1"],
      ExternalIP: [],
      LoadBalancerIP: ["198.51.100.1", "2001:db8:1::1"],
    },
    externalTrafficPolicy: "cluster",
    backends: { total: 2, local: 1 },
    ...changes,
  };
}

const loadBalancers = {
  type: "Service",
  selector: {},
  service: { addresses: ["LoadBalancerIP"] },
};

/** All prefixes, whichever set they are in. */
function prefixes(facts: Partial<AdvertisedFacts>, ...given: readonly object[]): readonly string[] {
  const sets = desired({ ...nothing, ...facts }, entries(...given));
  return sets.flatMap(({ routes }) => routes.map(({ prefix }) => prefix));
}

describe("what is advertised", () => {
  it("is the node's pod CIDRs, in both families", () => {
    const podCIDRs = ["10.244.1.0/24", "fd00:1::/64"];
    expect(prefixes({ podCIDRs }, { type: "PodCIDR" })).toEqual(podCIDRs);
    expect(prefixes({ podCIDRs })).toEqual([]);
  });

  it("is the ranges of the pools that are selected, also by name", () => {
    const pools = [
      { name: "red", labels: { colour: "red" }, ranges: ["10.1.0.0/26"] },
      { name: "blue", labels: {}, ranges: ["10.2.0.0/26"] },
    ];
    expect(prefixes({ pools }, { type: "Pool", selector: { matchLabels: { colour: "red" } } })).toEqual([
      "10.1.0.0/26",
    ]);
    const byName = { matchLabels: { "netloom.io/pool": "blue" } };
    expect(prefixes({ pools }, { type: "Pool", selector: byName })).toEqual(["10.2.0.0/26"]);
  });

  it("is the addresses of the types that are named, of the services that are selected", () => {
    const services = [
      service(),
      service({ name: "default/db", labels: {}, addresses: addressesOf("198.51.100.2") }),
    ];
    const web = { ...loadBalancers, selector: { matchLabels: { app: "web" } } };
    expect(prefixes({ services }, web)).toEqual(["198.51.100.1/32", "2001:db8:1::1/128"]);
    const cluster = { ...web, service: { addresses: ["ClusterIP", "ExternalIP"] } };
    expect(prefixes({ services }, cluster)).toEqual(["10.96.0.1/32"]);
    const byName = {
      matchLabels: { "io.kubernetes.service.name": "db", "io.kubernetes.service.namespace": "default" },
    };
    expect(prefixes({ services }, { ...web, selector: byName })).toEqual(["198.51.100.2/32"]);
  });

  it("is the addresses of a device", () => {
    const interfaces = { lo: ["192.0.2.1", "2001:db8::1"] };
    expect(prefixes({ interfaces }, { type: "Interface", interface: "lo" })).toEqual([
      "192.0.2.1/32",
      "2001:db8::1/128",
    ]);
    expect(prefixes({ interfaces }, { type: "Interface", interface: "eth9" })).toEqual([]);
  });

  it("is no service that has no ready backend anywhere", () => {
    const services = [service({ backends: { total: 0, local: 0 } })];
    expect(prefixes({ services }, loadBalancers)).toEqual([]);
  });

  it("is a service with the policy local only where it has a ready backend, its cluster addresses everywhere", () => {
    const all = { ...loadBalancers, service: { addresses: ["ClusterIP", "LoadBalancerIP"] } };
    const away = service({ externalTrafficPolicy: "local", backends: { total: 3, local: 0 } });
    expect(prefixes({ services: [away] }, all)).toEqual(["10.96.0.1/32"]);
    const here = service({ externalTrafficPolicy: "local", backends: { total: 3, local: 1 } });
    expect(prefixes({ services: [here] }, all)).toEqual([
      "10.96.0.1/32",
      "198.51.100.1/32",
      "2001:db8:1::1/128",
    ]);
  });

  it("is one prefix of many services where they are aggregated, but not under the policy local", () => {
    const service24 = {
      ...loadBalancers,
      service: { addresses: ["LoadBalancerIP"], aggregationLengthIPv4: 24, aggregationLengthIPv6: 48 },
    };
    const two = [service(), service({ name: "b", addresses: addressesOf("198.51.100.77") })];
    expect(prefixes({ services: two }, service24)).toEqual(["198.51.100.0/24", "2001:db8:1::/48"]);
    const services = [service({ externalTrafficPolicy: "local" })];
    expect(prefixes({ services }, service24)).toEqual(["198.51.100.1/32", "2001:db8:1::1/128"]);
  });

  it("is no service while the node drains; its pods stay", () => {
    const facts = { services: [service()], podCIDRs: ["10.244.1.0/24"] };
    expect(prefixes({ ...facts, draining: true }, { type: "PodCIDR" }, loadBalancers)).toEqual([
      "10.244.1.0/24",
    ]);
  });

  it("has each prefix in exactly one set, named by all the advertisements that have it", () => {
    const cidr = fc.constantFrom("10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "fd00::/64");
    const pools = fc.array(fc.record({ name: fc.constantFrom("x", "y", "z"), range: cidr }), {
      maxLength: 8,
    });
    const property = fc.property(pools, (list) => {
      const facts = list.map(({ name, range }) => ({ name, labels: {}, ranges: [range] }));
      const by = ["x", "y", "z"].map((name) => ({
        type: "Pool",
        selector: { matchLabels: { "netloom.io/pool": name } },
      }));
      const sets = desired({ ...nothing, pools: facts }, entries(...by));
      const told = sets.flatMap(({ routes }) => routes.map(({ prefix }) => prefix));
      expect(told.toSorted()).toEqual([...new Set(list.map(({ range }) => range))].sort());
      for (const { entries: owners, routes } of sets) {
        for (const { prefix } of routes) {
          const expected = ["x", "y", "z"].flatMap((pool, index) =>
            list.some(({ name, range }) => name === pool && range === prefix) ? [`a/${index}`] : [],
          );
          expect(owners).toEqual(expected);
        }
      }
    });
    fc.assert(property);
  });
});

function addressesOf(address: string): RoutedService["addresses"] {
  return { ClusterIP: [], ExternalIP: [], LoadBalancerIP: [address] };
}

describe("attributes", () => {
  it("of several advertisements are united: communities of all, the best of each number", () => {
    const merged = mergeAttributes([
      { communities: { standard: ["65000:2"], wellKnown: ["no-export"] }, localPreference: 100, med: 20 },
      undefined,
      {
        communities: { standard: ["65000:1", "65000:2"], large: ["1:2:3"] },
        localPreference: 200,
        prepend: 3,
      },
      { med: 10, prepend: 1 },
    ]);
    expect(merged).toEqual({
      addCommunities: ["65000:1", "65000:2", "no-export"],
      addLargeCommunities: ["1:2:3"],
      localPref: 200,
      med: 10,
      prepend: 1,
    });
    expect(mergeAttributes([undefined, {}])).toEqual({});
  });

  it("are those of what the peer selects, also of a prefix that others have too", () => {
    const list = entries(
      { type: "PodCIDR", attributes: { localPreference: 100, communities: { standard: ["1:1"] } } },
      { type: "Pool", selector: {}, attributes: { localPreference: 300 } },
    );
    const pools = [{ name: "p", labels: {}, ranges: ["10.244.1.0/24", "10.9.0.0/24"] }];
    const sets = desired({ ...nothing, podCIDRs: ["10.244.1.0/24"], pools }, list);
    expect(sets.map(({ name, routes }) => [name, routes])).toEqual([
      ["a/0+a/1", [{ prefix: "10.244.1.0/24" }]],
      ["a/1", [{ prefix: "10.9.0.0/24" }]],
    ]);
    const peerOf = (name: string) =>
      ({ name, remote: { address: "192.0.2.1" }, remoteAsn: 1, families: { "ipv4-unicast": {} } }) as const;
    const family = "ipv4-unicast";
    const instance: ResolvedInstance = {
      name: "main",
      config: { asn: 1, routerId: "10.0.0.1", peers: [peerOf("both"), peerOf("pods"), peerOf("none")] },
      exports: [
        { peer: "both", family, entries: ["a/0", "a/1"] },
        { peer: "pods", family, entries: ["a/0"] },
      ],
    };
    const config = withExports(instance, list, sets);
    const told = config.peers.map((peer) => peer.families?.[family]?.export?.statements);
    expect(told[0]).toEqual([
      { match: { sets: ["a/0+a/1"] }, action: "accept", set: { localPref: 300, addCommunities: ["1:1"] } },
      { match: { sets: ["a/1"] }, action: "accept", set: { localPref: 300 } },
    ]);
    expect(told[1]).toEqual([
      { match: { sets: ["a/0+a/1"] }, action: "accept", set: { localPref: 100, addCommunities: ["1:1"] } },
    ]);
    expect(told[2]).toEqual([]);
  });
});
