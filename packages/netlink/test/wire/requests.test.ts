import { describe, expect, it } from "vitest";
import {
  addAddress,
  addFdbEntry,
  addNeighbour,
  addRoute,
  addRule,
  appendFdbEntry,
  deleteAddress,
  deleteLink,
  deleteRoute,
  deleteRule,
  replaceNeighbour,
  replaceRoute,
  type Request,
  setLink,
} from "../../src/index.ts";
import { createLink } from "../../src/links.ts";
import { lookupRoute } from "../../src/routes.ts";
import { type Golden, golden } from "./iproute2.ts";
import { NESTS, type Nests, tree } from "./tree.ts";

const BOOT = { protocol: "boot" } as const;
/** iproute2 leaves the protocol of a rule unsaid. */
const UNSAID = ["/21 04"];

interface Case {
  readonly name: keyof typeof golden;
  readonly request: Request;
  readonly header: number;
  readonly nests?: Nests;
  /** Attributes only we send. */
  readonly extra?: readonly string[];
  /** Attributes only iproute2 sends. */
  readonly missing?: readonly string[];
}

const MAC_1 = "02:00:00:00:00:01";
const MAC_2 = "02:00:00:00:00:02";

const links: Case[] = [
  {
    name: "veth",
    request: createLink({
      kind: "veth",
      name: "veth0",
      mac: MAC_1,
      mtu: 1400,
      peer: { name: "eth0", mac: MAC_2, mtu: 1400 },
    }),
    header: 16,
    nests: NESTS.veth,
  },
  {
    name: "vxlanExternal",
    request: createLink({ kind: "vxlan", name: "vx0", external: true, port: 8472, learning: false }),
    header: 16,
    nests: NESTS.link,
    missing: ["/18/2/1 00000000"],
  },
  {
    name: "vxlan",
    request: createLink({
      kind: "vxlan",
      name: "vx1",
      vni: 42,
      local: "192.0.2.1",
      remote: "192.0.2.2",
      ttl: 64,
      parent: 3,
      udpChecksum: false,
      learning: true,
    }),
    header: 16,
    nests: NESTS.link,
  },
  {
    name: "vxlan6",
    request: createLink({
      kind: "vxlan",
      name: "vx2",
      vni: 43,
      local: "2001:db8::1",
      port: 4790,
      learning: true,
      udpZeroChecksum6Tx: true,
      udpZeroChecksum6Rx: true,
    }),
    header: 16,
    nests: NESTS.link,
  },
  {
    name: "bridge",
    request: createLink({
      kind: "bridge",
      name: "br0",
      stp: false,
      ageingTime: 100,
      forwardDelay: 4,
      multicastSnooping: false,
    }),
    header: 16,
    nests: NESTS.link,
  },
  {
    name: "setLink",
    request: setLink(3, { up: true, mtu: 1450, txQueueLength: 500, arp: false, alias: "hello" }),
    header: 16,
  },
  { name: "setMaster", request: setLink(3, { master: 7 }), header: 16 },
  { name: "clearMaster", request: setLink(3, { master: null }), header: 16 },
  { name: "renameLink", request: setLink(5, { name: "vx9" }), header: 16 },
  { name: "deleteLink", request: deleteLink(5), header: 16 },
];

const addresses: Case[] = [
  {
    name: "address4",
    request: addAddress({ device: 3, address: "10.0.0.1/24", broadcast: "10.0.0.255" }),
    header: 8,
  },
  {
    name: "addressPeer",
    request: addAddress({ device: 3, address: "10.0.1.1", peer: "10.0.1.2" }),
    header: 8,
  },
  {
    name: "address6",
    request: addAddress({ device: 3, address: "fd00::1/64", noDad: true, noPrefixRoute: true }),
    header: 8,
  },
  {
    name: "addressLifetime",
    request: addAddress({
      device: 3,
      address: "10.0.2.1/24",
      validLifetime: 100,
      preferredLifetime: 50,
      metric: 7,
    }),
    header: 8,
  },
  { name: "deleteAddress", request: deleteAddress({ device: 3, address: "10.0.0.1/24" }), header: 8 },
];

const routes: Case[] = [
  {
    name: "route4",
    request: addRoute({
      ...BOOT,
      to: "10.1.0.0/16",
      via: "10.0.0.2",
      device: 3,
      metric: 5,
      mtu: 1400,
      advertisedMss: 1360,
      source: "10.0.0.1",
    }),
    header: 12,
    nests: NESTS.route,
  },
  {
    name: "routeTable",
    request: addRoute({ to: "10.2.0.0/16", device: 3, table: 1000, protocol: "bgp" }),
    header: 12,
  },
  {
    name: "routeOnlink",
    request: addRoute({ to: "10.3.0.1", via: "99.0.0.1", device: 3, onlink: true }),
    header: 12,
  },
  { name: "routeDefault", request: addRoute({ ...BOOT, to: "0.0.0.0/0", via: "10.0.0.2" }), header: 12 },
  {
    name: "routeBlackhole",
    request: addRoute({ ...BOOT, to: "10.4.0.0/16", type: "blackhole" }),
    header: 12,
  },
  {
    name: "routeLocal",
    request: addRoute({ ...BOOT, to: "10.5.0.0/16", type: "local", device: 1, table: 100 }),
    header: 12,
  },
  {
    name: "route6",
    request: addRoute({ ...BOOT, to: "fd01::/48", via: "fd00::2", device: 3, metric: 100 }),
    header: 12,
  },
  {
    name: "routeMultipath",
    request: addRoute({
      ...BOOT,
      to: "10.6.0.0/16",
      multipath: [
        { via: "10.0.0.2", device: 3 },
        { via: "10.0.0.3", device: 3, weight: 3, onlink: true },
      ],
    }),
    header: 12,
  },
  {
    name: "routeVia6",
    request: addRoute({ ...BOOT, to: "10.7.0.0/16", via: "fd00::2", device: 3 }),
    header: 12,
  },
  {
    name: "replaceRoute",
    request: replaceRoute({ ...BOOT, to: "10.1.0.0/16", via: "10.0.0.3", device: 3, metric: 5 }),
    header: 12,
  },
  { name: "deleteRoute", request: deleteRoute({ to: "10.1.0.0/16" }), header: 12 },
  { name: "lookupRoute", request: lookupRoute("10.0.0.9", { mark: 7 }), header: 12 },
];

const rules: Case[] = [
  {
    name: "rule4",
    request: addRule({ from: "10.0.0.0/8", mark: 1, markMask: 0xff, table: 100, priority: 50 }),
    header: 12,
    extra: UNSAID,
  },
  {
    name: "rule6",
    request: addRule({
      to: "fd00::/8",
      inputDevice: "veth0",
      table: 2000,
      priority: 60,
      suppressPrefixLength: 8,
    }),
    header: 12,
    extra: UNSAID,
  },
  { name: "ruleGoto", request: addRule({ priority: 10, target: 50 }), header: 12, extra: UNSAID },
  {
    name: "rulePorts",
    request: addRule({
      invert: true,
      ipProtocol: 6,
      sourcePorts: { first: 100, last: 200 },
      destinationPorts: { first: 80, last: 80 },
      userIds: { first: 0, last: 10 },
      outputDevice: "veth0",
      priority: 70,
      action: "unreachable",
    }),
    header: 12,
    extra: UNSAID,
  },
  { name: "deleteRule", request: deleteRule({ priority: 50 }), header: 12 },
];

const neighbours: Case[] = [
  {
    name: "neighbour4",
    request: addNeighbour({ device: 3, address: "10.0.0.9", mac: "02:00:00:00:00:09" }),
    header: 12,
  },
  {
    name: "neighbour6",
    request: replaceNeighbour({
      device: 3,
      address: "fd00::9",
      mac: "02:00:00:00:00:09",
      state: "reachable",
      router: true,
    }),
    header: 12,
  },
  {
    name: "neighbourProxy",
    request: addNeighbour({ device: 3, address: "10.0.0.10", proxy: true }),
    header: 12,
  },
  {
    name: "fdbAppend",
    request: appendFdbEntry({
      device: 4,
      mac: "00:00:00:00:00:00",
      remote: "192.0.2.9",
      vni: 7,
      port: 4790,
      via: 3,
    }),
    header: 12,
  },
  {
    name: "fdbAdd6",
    request: addFdbEntry({ device: 6, mac: "02:00:00:00:00:77", remote: "2001:db8::9" }),
    header: 12,
  },
  {
    name: "fdbMaster",
    request: addFdbEntry({ device: 3, mac: "02:00:00:00:00:78", table: "master", vlan: 1 }),
    header: 12,
  },
];

describe("requests are what iproute2 sends", () => {
  for (const { name, request, header, nests = NESTS.none, extra = [], missing = [] } of [
    ...links,
    ...addresses,
    ...routes,
    ...rules,
    ...neighbours,
  ]) {
    const expected: Golden = golden[name];
    it(`for "${expected.command}"`, () => {
      expect({ type: request.type, flags: request.flags, holes: request.body.holes }).toEqual({
        type: expected.type,
        flags: expected.flags,
        holes: [],
      });
      const ours = tree(request.body.bytes, header, nests).filter((line) => !extra.includes(line));
      const theirs = tree(Buffer.from(expected.body, "hex"), header, nests);
      expect(ours).toEqual(theirs.filter((line) => !missing.includes(line)));
    });
  }

  it("and leave holes where a name or a descriptor must become a number", () => {
    const { body } = addRoute({ to: "10.0.0.0/8", device: "eth0" });
    expect(body.holes).toEqual([{ at: body.bytes.length - 4, device: "eth0" }]);
    const owner = { fd: 7 };
    const move = setLink("eth0", { netns: owner as never });
    expect(move.body.holes).toEqual([
      { at: 4, device: "eth0" },
      { at: move.body.bytes.length - 4, owner },
    ]);
  });
});
