import { BlockList, isIPv4 } from "node:net";
import type { Connection } from "../transport/transport.ts";
import type { PeerConfig } from "../api/config.ts";

/** Which peer is it that calls? The most exact answer first: its address, its device, the narrowest prefix. */
export function callerOf(
  { remote, local }: Pick<Connection, "remote" | "local">,
  peers: readonly PeerConfig[],
): PeerConfig | undefined {
  const here = peers.filter(
    ({ localAddress }) => localAddress === undefined || sameAddress(localAddress, local.address),
  );
  return (
    here.find((peer) => "address" in peer.remote && sameAddress(peer.remote.address, remote.address)) ??
    here.find((peer) => "interface" in peer.remote && peer.remote.interface === scopeOf(remote.address)) ??
    narrowest(here, remote.address)
  );
}

function narrowest(peers: readonly PeerConfig[], address: string): PeerConfig | undefined {
  return peers
    .flatMap((peer) => ("dynamic" in peer.remote ? [{ peer, prefix: peer.remote.dynamic }] : []))
    .filter(({ prefix }) => contains(prefix, address))
    .toSorted((a, b) => lengthOf(b.prefix) - lengthOf(a.prefix))[0]?.peer;
}

function contains(prefix: string, address: string): boolean {
  const family = isIPv4(address) ? "ipv4" : "ipv6";
  const [network = ""] = prefix.split("/");
  if (isIPv4(network) !== (family === "ipv4")) return false;
  const list = new BlockList();
  list.addSubnet(network, lengthOf(prefix), family);
  return list.check(withoutScope(address), family);
}

const lengthOf = (prefix: string): number => Number(prefix.slice(prefix.indexOf("/") + 1));

/** `eth0` of `fe80::1%eth0`. */
function scopeOf(address: string): string | undefined {
  const at = address.indexOf("%");
  return at < 0 ? undefined : address.slice(at + 1);
}

export function withoutScope(address: string): string {
  const at = address.indexOf("%");
  return at < 0 ? address : address.slice(0, at);
}

/** However they are written: `fe80::1` is meant on whichever device, `fe80::1%eth0` on that one. */
function sameAddress(a: string, b: string): boolean {
  if (a === b) return true;
  const [left, right] = [scopeOf(a), scopeOf(b)];
  if (left !== undefined && right !== undefined && left !== right) return false;
  return canonical(withoutScope(a)) === canonical(withoutScope(b));
}

/** WHATWG's form of an IPv6 address is RFC 5952's. */
function canonical(address: string): string {
  return isIPv4(address) ? address : new URL(`http://[${address}]`).hostname.slice(1, -1);
}
