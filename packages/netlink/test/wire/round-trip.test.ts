import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addAddress,
  addFdbEntry,
  addNeighbour,
  addRoute,
  addRule,
  type AddressOptions,
  type CreateLinkOptions,
  type FdbEntryOptions,
  type NeighbourOptions,
  type Request,
  type NeighbourState,
  type EncapOptions,
  type RouteOptions,
  type RouteProtocol,
  type RouteType,
  type RuleOptions,
  type Scope,
  setLink,
} from "../../src/index.ts";
import { createLink } from "../../src/links.ts";
import { decodeAddress } from "../../src/wire/address.ts";
import { decodeLink } from "../../src/wire/link.ts";
import type { MessageCursor } from "../../src/wire/message.ts";
import { decodeFdbEntry, decodeNeighbour } from "../../src/wire/neighbour.ts";
import { decodeRoute } from "../../src/wire/route.ts";
import { decodeRule } from "../../src/wire/rule.ts";
import {
  family,
  index,
  ipOf,
  mac,
  maybe,
  name,
  networkOf,
  port,
  prefixOf,
  u32,
} from "../support/arbitraries.ts";
import { messageOf } from "../support/messages.ts";

/** Requests and answers share one format: what is written must be read back. */
function back<T>({ body }: Request, decode: (message: MessageCursor) => T): T {
  return decode(messageOf(body.bytes));
}

const u32Positive = fc.integer({ min: 1, max: 0xffff_ffff });

const addresses: fc.Arbitrary<AddressOptions> = family.chain((version) =>
  fc
    .record({
      device: index,
      address: prefixOf(version),
      broadcast: version === 4 ? maybe(ipOf(4)) : fc.constant(undefined),
      label: version === 4 ? maybe(name) : fc.constant(undefined),
      noPrefixRoute: fc.boolean(),
      scope: fc.constantFrom<Scope[]>("universe", "site", "link", "host", 77),
      metric: maybe(u32),
      validLifetime: maybe(fc.nat(1000)),
    })
    .map((address) => Object.assign(address, { preferredLifetime: address.validLifetime })),
);

const nexthop = fc.record({
  device: index,
  via: maybe(ipOf(4)),
  weight: fc.integer({ min: 1, max: 256 }),
  onlink: fc.boolean(),
});

const encap: fc.Arbitrary<EncapOptions> = family.chain((version) =>
  fc.record({
    id: u32,
    to: ipOf(version),
    from: maybe(ipOf(version).filter((text) => text !== "0.0.0.0" && text !== "::")),
    ttl: fc.integer({ min: 0, max: 255 }),
    tos: fc.integer({ min: 0, max: 255 }),
  }),
);

const routes: fc.Arbitrary<RouteOptions> = family.chain((version) =>
  fc.record({
    to: networkOf(version),
    device: maybe(index),
    via: maybe(ipOf(version)),
    multipath:
      version === 4 ? maybe(fc.array(nexthop, { minLength: 1, maxLength: 4 })) : fc.constant(undefined),
    onlink: fc.boolean(),
    table: u32Positive,
    type: fc.constantFrom<RouteType[]>("unicast", "blackhole", "throw", 77),
    protocol: fc.constantFrom<RouteProtocol[]>("static", "bgp", 77),
    metric: maybe(u32),
    source: maybe(ipOf(version)),
    mtu: maybe(u32),
    advertisedMss: maybe(u32),
    encap: maybe(encap),
  }),
);

const range = (value: fc.Arbitrary<number>): fc.Arbitrary<{ first: number; last: number }> =>
  fc.record({ first: value, last: value });

const rules: fc.Arbitrary<RuleOptions> = family.chain((version) =>
  fc.record({
    family: fc.constant(version),
    priority: u32Positive,
    table: u32Positive,
    // A prefix of length 0 matches all, which reads back as no prefix.
    from: maybe(networkOf(version).filter((text) => !text.endsWith("/0"))),
    to: maybe(networkOf(version).filter((text) => !text.endsWith("/0"))),
    invert: fc.boolean(),
    mark: maybe(u32),
    markMask: maybe(u32),
    inputDevice: maybe(name),
    outputDevice: maybe(name),
    ipProtocol: maybe(fc.nat(255)),
    sourcePorts: maybe(range(port)),
    destinationPorts: maybe(range(port)),
    userIds: maybe(range(u32)),
    suppressPrefixLength: maybe(fc.nat(128)),
    protocol: fc.constantFrom<RouteProtocol[]>("static", "bgp", 77),
  }),
);

const neighbours: fc.Arbitrary<NeighbourOptions> = family.chain((version) =>
  fc.record({
    device: index,
    address: ipOf(version),
    mac: maybe(mac),
    state: fc.constantFrom<NeighbourState[]>("permanent", "reachable", "stale", 0x42),
    proxy: fc.boolean(),
    router: fc.boolean(),
    external: fc.boolean(),
  }),
);

const fdbEntries: fc.Arbitrary<FdbEntryOptions> = fc.record({
  device: index,
  mac,
  remote: maybe(family.chain(ipOf)),
  vni: maybe(fc.nat(0xff_ffff)),
  port: maybe(port),
  via: maybe(index),
  vlan: maybe(fc.integer({ min: 1, max: 4094 })),
  table: fc.constantFrom("self", "master"),
  state: fc.constantFrom("permanent", "static", "dynamic", "stale"),
  external: fc.boolean(),
});

const common = { name, mac, mtu: u32, master: index, txQueueLength: u32, gsoMaxSize: u32, group: u32 };

const vxlans = family.chain((version) =>
  fc.record({
    ...common,
    vni: fc.nat(0xff_ffff),
    external: fc.boolean(),
    port,
    local: maybe(ipOf(version)),
    remote: maybe(ipOf(version)),
    parent: maybe(index),
    learning: fc.boolean(),
    ttl: fc.nat(255),
    udpChecksum: fc.boolean(),
    udpZeroChecksum6Tx: fc.boolean(),
    udpZeroChecksum6Rx: fc.boolean(),
    gbp: fc.boolean(),
  }),
);

const bridges = fc.record({
  ...common,
  stp: fc.boolean(),
  vlanFiltering: fc.boolean(),
  multicastSnooping: fc.boolean(),
  ageingTime: fc.nat(1_000_000).map((ticks) => ticks / 100),
  forwardDelay: fc.nat(3000).map((ticks) => ticks / 100),
});

describe("what is written is read back", () => {
  it("for addresses", () => {
    fc.assert(
      fc.property(addresses, (options) => {
        expect(back(addAddress(options), decodeAddress)).toMatchObject(options);
      }),
    );
  });

  it("for routes", () => {
    fc.assert(
      fc.property(routes, (options) => {
        expect(back(addRoute(options), decodeRoute)).toMatchObject(options);
      }),
    );
  });

  it("for rules", () => {
    fc.assert(
      fc.property(rules, (options) => {
        expect(back(addRule(options), decodeRule)).toMatchObject(options);
      }),
    );
  });

  it("for neighbours", () => {
    fc.assert(
      fc.property(neighbours, (options) => {
        expect(back(addNeighbour(options), decodeNeighbour)).toMatchObject(options);
      }),
    );
  });

  it("for forwarding entries", () => {
    fc.assert(
      fc.property(fdbEntries, (options) => {
        expect(back(addFdbEntry(options), decodeFdbEntry)).toMatchObject(options);
      }),
    );
  });

  it("for VXLAN devices", () => {
    fc.assert(
      fc.property(vxlans, ({ parent, local, remote, ...rest }) => {
        const options = {
          kind: "vxlan",
          ...rest,
          ...present({ parent, local, remote }),
        } as CreateLinkOptions;
        const {
          vni,
          external,
          port,
          learning,
          ttl,
          udpChecksum,
          udpZeroChecksum6Tx,
          udpZeroChecksum6Rx,
          gbp,
          ...link
        } = rest;
        const settings = {
          vni,
          external,
          port,
          learning,
          ttl,
          udpChecksum,
          udpZeroChecksum6Tx,
          udpZeroChecksum6Rx,
          gbp,
        };
        expect(back(createLink(options), decodeLink)).toMatchObject({
          ...link,
          vxlan: { ...settings, parent, local, remote },
        });
      }),
    );
  });

  it("for bridges", () => {
    fc.assert(
      fc.property(bridges, (options) => {
        const { stp, vlanFiltering, multicastSnooping, ageingTime, forwardDelay, ...link } = options;
        const bridge = { stp, vlanFiltering, multicastSnooping, ageingTime, forwardDelay };
        expect(back(createLink({ kind: "bridge", ...options }), decodeLink)).toMatchObject({
          ...link,
          kind: "bridge",
          bridge,
        });
      }),
    );
  });

  it("for changes of a device", () => {
    const changes = fc.record({ ...common, up: fc.boolean(), arp: fc.boolean(), alias: name });
    fc.assert(
      fc.property(index, changes, (device, options) => {
        expect(back(setLink(device, options), decodeLink)).toMatchObject({ index: device, ...options });
      }),
    );
  });
});

/** Without the keys that are undefined, which exact optional properties do not take. */
function present<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
