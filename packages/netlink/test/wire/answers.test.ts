import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isNetlinkError } from "../../src/index.ts";
import { decodeAddress } from "../../src/wire/address.ts";
import { decodeLink } from "../../src/wire/link.ts";
import type { MessageCursor } from "../../src/wire/message.ts";
import { decodeFdbEntry, decodeNeighbour } from "../../src/wire/neighbour.ts";
import { decodeRoute } from "../../src/wire/route.ts";
import { decodeRule } from "../../src/wire/rule.ts";
import { messageOf } from "../support/messages.ts";
import { fromKernel } from "./kernel.ts";

const DECODERS: readonly ((message: MessageCursor) => unknown)[] = [
  decodeLink,
  decodeAddress,
  decodeRoute,
  decodeRule,
  decodeNeighbour,
  decodeFdbEntry,
];

function read<T>(decode: (message: MessageCursor) => T, name: keyof typeof fromKernel): T {
  return decode(messageOf(Buffer.from(fromKernel[name], "hex")));
}

describe("answers of the kernel are read", () => {
  it("as links", () => {
    expect(read(decodeLink, "lo")).toMatchObject({
      index: 1,
      name: "lo",
      kind: undefined,
      up: false,
      loopback: true,
    });
    expect(read(decodeLink, "veth")).toEqual({
      index: 2,
      name: "veth0",
      kind: "veth",
      up: true,
      carrier: true,
      state: "up",
      arp: true,
      loopback: false,
      flags: 0x11043,
      mtu: 1400,
      mac: "02:00:00:00:00:01",
      master: undefined,
      parent: 2,
      parentNetnsId: 0,
      alias: "pod",
      txQueueLength: 1000,
      gsoMaxSize: 65536,
      gsoMaxSegments: 65535,
      groMaxSize: 65536,
      group: 0,
      vxlan: undefined,
      bridge: undefined,
    });
    expect(read(decodeLink, "bridge")).toMatchObject({
      name: "br0",
      kind: "bridge",
      up: true,
      carrier: false,
      state: "down",
      bridge: {
        stp: false,
        vlanFiltering: false,
        multicastSnooping: true,
        ageingTime: 300,
        forwardDelay: 15,
      },
    });
    expect(read(decodeLink, "vxlan")).toMatchObject({
      name: "vx0",
      kind: "vxlan",
      master: 3,
      vxlan: {
        external: false,
        vni: 42,
        port: 4789,
        local: "192.0.2.1",
        remote: "192.0.2.2",
        parent: 2,
        learning: false,
        ttl: 64,
        udpChecksum: true,
        udpZeroChecksum6Tx: false,
        udpZeroChecksum6Rx: false,
        gbp: false,
      },
    });
  });

  it("as addresses, the peer apart from the address", () => {
    expect(read(decodeAddress, "address4")).toEqual({
      family: 4,
      device: 2,
      address: "10.0.0.1/24",
      peer: undefined,
      broadcast: "10.0.0.255",
      label: "veth0",
      scope: "universe",
      permanent: false,
      tentative: false,
      dadFailed: false,
      deprecated: false,
      secondary: false,
      noPrefixRoute: false,
      flags: 0,
      validLifetime: 1000,
      preferredLifetime: 500,
      metric: undefined,
      protocol: 0,
    });
    expect(read(decodeAddress, "addressPeer")).toMatchObject({ address: "10.0.1.1/32", peer: "10.0.1.2" });
    expect(read(decodeAddress, "address6")).toMatchObject({
      family: 6,
      address: "fd00::1/64",
      permanent: true,
    });
    expect(read(decodeAddress, "addressLinkLocal")).toMatchObject({ scope: "link", tentative: true });
  });

  it("as routes", () => {
    expect(read(decodeRoute, "route4")).toEqual({
      family: 4,
      to: "10.1.0.0/16",
      type: "unicast",
      table: 1000,
      protocol: "bgp",
      scope: "universe",
      metric: 5,
      device: 2,
      via: "10.0.0.2",
      source: "10.0.0.1",
      from: undefined,
      tos: 0,
      onlink: false,
      dead: false,
      mtu: 1400,
      advertisedMss: 1360,
      multipath: undefined,
    });
    expect(read(decodeRoute, "routeMultipath")?.multipath).toEqual([
      { device: 2, via: "10.0.0.2", weight: 1, onlink: false, dead: false },
      { device: 2, via: "10.0.0.3", weight: 3, onlink: false, dead: false },
    ]);
    expect(read(decodeRoute, "routeVia6")).toMatchObject({ family: 4, to: "10.7.0.0/16", via: "fd00::2" });
    expect(read(decodeRoute, "route6")).toMatchObject({ to: "fd01::/48", via: "fd00::2", metric: 1024 });
  });

  it("as rules", () => {
    expect(read(decodeRule, "rule")).toEqual({
      family: 4,
      priority: 50,
      action: "lookup",
      table: 1000,
      target: undefined,
      from: "10.0.0.0/8",
      to: undefined,
      invert: false,
      mark: 1,
      markMask: 255,
      inputDevice: undefined,
      outputDevice: undefined,
      ipProtocol: undefined,
      sourcePorts: undefined,
      destinationPorts: undefined,
      userIds: undefined,
      suppressPrefixLength: undefined,
      protocol: "static",
    });
  });

  it("as neighbours and forwarding entries, told apart by family", () => {
    expect(read(decodeNeighbour, "neighbour")).toEqual({
      family: 4,
      device: 2,
      address: "10.0.0.9",
      mac: "02:00:00:00:00:09",
      state: "permanent",
      proxy: false,
      router: false,
      external: false,
    });
    expect(read(decodeFdbEntry, "neighbour")).toBeUndefined();
    expect(read(decodeNeighbour, "fdbVxlan")).toBeUndefined();
    expect(read(decodeFdbEntry, "fdbVxlan")).toEqual({
      device: 4,
      mac: "00:00:00:00:00:00",
      remote: "192.0.2.9",
      vni: 7,
      port: 4790,
      via: 2,
      vlan: undefined,
      master: undefined,
      state: "permanent",
      table: "self",
      external: false,
    });
    expect(read(decodeFdbEntry, "fdbMaster")).toMatchObject({
      table: "master",
      master: 3,
      mac: "02:00:00:00:00:0c",
    });
  });

  it("as nothing when a bridge speaks about its ports", () => {
    const bytes = Buffer.from(fromKernel.vxlan, "hex");
    bytes[0] = 7;
    expect(decodeLink(messageOf(bytes))).toBeUndefined();
  });
});

function outcome(decode: () => unknown): unknown {
  try {
    decode();
    return "read";
  } catch (error) {
    return isNetlinkError(error, "ERR_INVALID") ? "refused" : error;
  }
}

describe("bytes no kernel sends", () => {
  const corpus = Object.values(fromKernel).map((hex) => Buffer.from(hex, "hex"));
  const damaged = fc
    .tuple(fc.constantFrom(...corpus), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }), fc.nat())
    .map(([bytes, changes, cut]) => {
      const copy = Buffer.from(bytes.subarray(0, Math.max(bytes.length - (cut % 64), 0)));
      for (const [at, value] of changes) copy[at % copy.length] = value;
      return copy;
    });

  it("are refused or misread, but neither crash nor hang a decoder", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          damaged,
          fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
        ),
        (bytes) => {
          for (const decode of DECODERS) {
            expect(["read", "refused"]).toContain(outcome(() => decode(messageOf(bytes))));
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});
