import { describe, expect, it } from "vitest";
import { parseAddress } from "../../src/address/index.ts";
import { IpcacheFlag } from "../../src/datapath/schema.generated.ts";
import { RESERVED_IDENTITIES } from "../../src/identity/numeric.ts";
import { Ipcache, type IpcacheEntry } from "../../src/ipcache/ipcache.ts";
import { memoryMaps } from "../../src/memory/index.ts";

const { world, unmanaged } = RESERVED_IDENTITIES;
const here: IpcacheEntry = { identity: unmanaged, tunnel: undefined, native: false };
const NAMED = 0x0100_0001;

/** What the datapath finds for an address: identity, way. */
function answers(ipcache: Ipcache, maps = memoryMaps()): (address: string) => string {
  ipcache.addresses.applySets(maps.ipcache);
  ipcache.prefixes.applySets(maps.ipcachePrefixes);
  ipcache.prefixes.applyDeletes(maps.ipcachePrefixes);
  return (text) => {
    const address = parseAddress(text);
    const value = maps.ipcache.get({ address }) ?? maps.ipcachePrefixes.get({ prefixLength: 128, address });
    if (value === undefined) return "nothing";
    const way = (value.flags & IpcacheFlag.IPCACHE_NATIVE) === 0 ? value.tunnel.toString() : "native";
    const asked = ipcache.lookup(address);
    expect([asked?.identity, asked?.native]).toEqual([value.identity, way === "native"]);
    return `${value.identity} ${way}`;
  };
}

describe("native ranges in the ipcache", () => {
  it("are the world's, but for pods' ranges and what policies name inside them", () => {
    const ipcache = new Ipcache(world);
    ipcache.setPodCIDRs(
      new Map([
        ["10.1.0.0/24", here],
        ["10.2.0.0/24", { identity: unmanaged, tunnel: parseAddress("192.0.2.2"), native: false }],
        ["10.3.0.0/24", { identity: unmanaged, tunnel: undefined, native: true }],
      ]),
    );
    ipcache.setNamed(
      new Map([
        ["10.9.0.0/16", NAMED],
        ["172.16.0.0/12", NAMED + 1],
      ]),
    );
    ipcache.setNative(["10.0.0.0/8", "10.4.0.0/16", "172.16.5.0/24", "10.1.0.128/25"]);
    const answer = answers(ipcache);
    expect(answer("10.7.0.1")).toBe(`${world} native`);
    expect(answer("10.4.0.1")).toBe(`${world} native`);
    expect(answer("10.1.0.200"), "nobody's, of this node").toBe(`${unmanaged} ::`);
    expect(answer("10.2.0.1"), "behind a tunnel").toBe(`${unmanaged} 192.0.2.2`);
    expect(answer("10.3.0.1"), "of a neighbour").toBe(`${unmanaged} native`);
    expect(answer("10.9.1.1"), "named by a policy").toBe(`${NAMED} native`);
    expect(answer("172.16.5.1"), "inside what a policy names").toBe(`${NAMED + 1} native`);
    expect(answer("172.16.6.1")).toBe(`${NAMED + 1} ::`);
    expect(answer("203.0.113.1")).toBe("nothing");
  });

  it("mark single addresses inside them too, but those behind a tunnel", () => {
    const ipcache = new Ipcache(world);
    const maps = memoryMaps();
    const remoteNode = RESERVED_IDENTITIES["remote-node"];
    ipcache.claim("192.0.2.2", "node two", { identity: remoteNode, tunnel: undefined, native: false }, 1);
    const tunnel = parseAddress("192.0.2.9");
    ipcache.claim("192.0.2.130", "pod", { identity: 300, tunnel, native: false }, 1);
    expect(answers(ipcache, maps)("192.0.2.2")).toBe(`${remoteNode} ::`);
    ipcache.setNative(["192.0.2.0/24"]);
    expect(answers(ipcache, maps)("192.0.2.2")).toBe(`${remoteNode} native`);
    expect(answers(ipcache, maps)("192.0.2.130")).toBe("300 192.0.2.9");
    ipcache.setNative([]);
    expect(answers(ipcache, maps)("192.0.2.2")).toBe(`${remoteNode} ::`);
  });

  it("are their own family's world", () => {
    const ipcache = new Ipcache(RESERVED_IDENTITIES["world-ipv4"]);
    ipcache.setNative(["0.0.0.0/0", "2001:db8::/32"]);
    const answer = answers(ipcache);
    expect(answer("203.0.113.1")).toBe(`${RESERVED_IDENTITIES["world-ipv4"]} native`);
    expect(answer("2001:db8::1")).toBe(`${RESERVED_IDENTITIES["world-ipv6"]} native`);
  });

  it("may be all of IPv6, which leaves IPv4 as it is", () => {
    const ipcache = new Ipcache(RESERVED_IDENTITIES["world-ipv4"]);
    ipcache.setNative(["::/0"]);
    expect(answers(ipcache)("203.0.113.1")).toBe(`${RESERVED_IDENTITIES["world-ipv4"]} ::`);
  });
});
