import { isIP, isIPv4 } from "node:net";
import { BgpError } from "../errors.ts";
import { compilePolicy } from "../rib/compile-policy.ts";
import { FAMILIES } from "../wire/family.ts";
import type { BmpConfig, FamilyConfig, PeerConfig, SpeakerConfig } from "../api/config.ts";

const ROLES: readonly string[] = ["provider", "rs", "rs-client", "customer", "peer"];

/**
 * Refuses what cannot work before anything changes.
 *
 * @throws `ERR_BGP_CONFIG`, naming the peer and the field.
 */
export function checkConfig(config: SpeakerConfig): void {
  requireAsn(config.asn, "asn");
  if (!isIPv4(config.routerId) || config.routerId === "0.0.0.0")
    throw invalid(
      "routerId",
      config.routerId,
      "write a dotted quad that is unique in the AS, e.g. 192.0.2.1",
    );
  for (const address of config.listen?.addresses ?? []) requireAddress(address, "listen.addresses");
  if (config.listen?.port !== undefined) requireWhole(config.listen.port, 0, 65_535, "listen.port");
  if (config.bmp !== undefined) checkBmp(config.bmp);
  const names = new Set<string>();
  const remotes = new Map<string, string>();
  for (const peer of config.peers) {
    if (typeof peer.name !== "string" || peer.name === "")
      throw invalid("peers[].name", peer.name, "give each peer a name");
    if (names.has(peer.name))
      throw invalid(`peer ${peer.name}`, peer.name, "give each peer a name of its own");
    names.add(peer.name);
    checkPeer(peer, config);
    const remote = JSON.stringify([peer.remote, peer.localAddress]);
    const twin = remotes.get(remote);
    if (twin !== undefined)
      throw invalid(`peer ${peer.name}: remote`, peer.remote, `it is ${twin}'s too: keep one of them`);
    remotes.set(remote, peer.name);
  }
}

function checkBmp({ stations, sysName, sysDescr, statisticsInterval }: BmpConfig): void {
  const known = new Set<string>();
  for (const { address, port } of stations) {
    requireAddress(address, "bmp.stations[].address");
    requireWhole(port, 1, 65_535, "bmp.stations[].port");
    const station = `${address} port ${port}`;
    if (known.has(station)) throw invalid("bmp.stations", station, "name each station once");
    known.add(station);
  }
  for (const [field, text] of Object.entries({ sysName, sysDescr })) {
    if (text !== undefined && (text === "" || Buffer.byteLength(text) > 255))
      throw invalid(`bmp.${field}`, text, "write 1 to 255 bytes");
  }
  if (statisticsInterval !== undefined) requireWhole(statisticsInterval, 0, 86_400, "bmp.statisticsInterval");
}

function checkPeer(peer: PeerConfig, { asn, listen }: SpeakerConfig): void {
  const at = (field: string): string => `peer ${peer.name}: ${field}`;
  checkRemote(peer, at);
  if (typeof peer.remoteAsn === "number") requireAsn(peer.remoteAsn, at("remoteAsn"));
  else if (!["external", "internal", "any"].includes(peer.remoteAsn))
    throw invalid(at("remoteAsn"), peer.remoteAsn, "write a number, external, internal or any");
  if (peer.localAsn !== undefined) requireAsn(peer.localAsn, at("localAsn"));
  if (peer.localAddress !== undefined) requireAddress(peer.localAddress, at("localAddress"));
  if ((peer.passive === true || "dynamic" in peer.remote) && listen === undefined)
    throw invalid(at("passive"), true, "a peer that calls needs a speaker that listens: set listen");
  if (peer.enforceFirstAs !== undefined && typeof peer.enforceFirstAs !== "boolean")
    throw invalid(at("enforceFirstAs"), peer.enforceFirstAs, "write true or false");
  checkTransport(peer, at);
  checkTimers(peer, at);
  checkDetection(peer, at);
  checkRole(peer, asn, at);
  for (const [family, settings] of Object.entries(peer.families ?? {})) {
    if (!FAMILIES.some((known) => known === family))
      throw invalid(at("families"), family, `write ${FAMILIES.join(" or ")}`);
    checkFamily(settings, (field) => at(`${family}.${field}`));
  }
}

function checkRemote({ remote }: PeerConfig, at: (field: string) => string): void {
  if ("address" in remote) {
    requireAddress(remote.address, at("remote.address"));
    if (remote.port !== undefined) requireWhole(remote.port, 1, 65_535, at("remote.port"));
  } else if ("dynamic" in remote) {
    const { dynamic }: { readonly dynamic: unknown } = remote;
    const [address = "", length, ...more] = typeof dynamic === "string" ? dynamic.split("/") : [];
    const bits = isIP(address) === 4 ? 32 : isIP(address) === 6 ? 128 : -1;
    if (length === undefined || more.length > 0 || !/^\d+$/.test(length) || Number(length) > bits)
      throw invalid(at("remote.dynamic"), remote.dynamic, "write a prefix, e.g. 192.0.2.0/24");
    if (remote.limit !== undefined) requireWhole(remote.limit, 1, 10_000, at("remote.limit"));
  } else if (typeof remote.interface !== "string" || remote.interface === "") {
    throw invalid(at("remote"), remote, "name an address, an interface or a dynamic prefix");
  }
}

function checkTransport({ transport = {}, remote }: PeerConfig, at: (field: string) => string): void {
  const { multihop, ttlSecurity, md5 } = transport;
  if (multihop !== undefined) requireWhole(multihop, 1, 255, at("transport.multihop"));
  if (ttlSecurity !== undefined) requireWhole(ttlSecurity, 1, 254, at("transport.ttlSecurity"));
  if (multihop !== undefined && ttlSecurity !== undefined)
    throw invalid(at("transport"), transport, "use multihop or ttlSecurity, not both");
  if (md5 === undefined) return;
  const bytes = Buffer.byteLength(md5);
  if (bytes < 1 || bytes > 80)
    throw invalid(at("transport.md5"), `${bytes} bytes`, "a TCP-MD5 key has 1 to 80 bytes");
  if ("interface" in remote)
    throw invalid(
      at("transport.md5"),
      remote,
      "TCP-MD5 needs the peer's address beforehand: write remote.address",
    );
}

function checkTimers({ timers = {}, gracefulRestart }: PeerConfig, at: (field: string) => string): void {
  const { hold, keepalive, connectRetry, sendHold } = timers;
  if (hold !== undefined && hold !== 0) requireWhole(hold, 3, 65_535, at("timers.hold"));
  if (keepalive !== undefined) requireWhole(keepalive, 1, 21_845, at("timers.keepalive"));
  if (connectRetry !== undefined) requireWhole(connectRetry, 1, 65_535, at("timers.connectRetry"));
  if (sendHold !== undefined) requireWhole(sendHold, 0, 65_535, at("timers.sendHold"));
  if (gracefulRestart === undefined || gracefulRestart === false) return;
  const { restartTime, longLived } = gracefulRestart;
  if (restartTime !== undefined) requireWhole(restartTime, 0, 4095, at("gracefulRestart.restartTime"));
  if (longLived !== undefined) requireWhole(longLived, 0, 0xff_ffff, at("gracefulRestart.longLived"));
}

/** What RFC 5880 can say, in milliseconds; it counts in microseconds, in 32 bits. */
function checkDetection({ failureDetector = {} }: PeerConfig, at: (field: string) => string): void {
  const { transmitInterval, receiveInterval, multiplier } = failureDetector;
  if (transmitInterval !== undefined)
    requireWhole(transmitInterval, 10, 60_000, at("failureDetector.transmitInterval"));
  if (receiveInterval !== undefined)
    requireWhole(receiveInterval, 10, 60_000, at("failureDetector.receiveInterval"));
  if (multiplier !== undefined) requireWhole(multiplier, 1, 255, at("failureDetector.multiplier"));
}

function checkRole(peer: PeerConfig, asn: number, at: (field: string) => string): void {
  if (peer.role === undefined) {
    if (peer.strictRole === true) throw invalid(at("strictRole"), true, "it needs a role");
    return;
  }
  if (!ROLES.includes(peer.role)) throw invalid(at("role"), peer.role, `write one of ${ROLES.join(", ")}`);
  // RFC 9234 section 4.1: roles are of external sessions.
  if (peer.remoteAsn === "internal" || peer.remoteAsn === (peer.localAsn ?? asn))
    throw invalid(at("role"), peer.role, "internal peers have none");
}

function checkFamily(family: FamilyConfig, at: (field: string) => string): void {
  if (family.maxPrefixes !== undefined) requireWhole(family.maxPrefixes, 1, 0xffff_ffff, at("maxPrefixes"));
  if (family.nextHop !== undefined) requireAddress(family.nextHop, at("nextHop"));
  for (const direction of ["import", "export"] as const) {
    const policy = family[direction];
    if (policy !== undefined) compilePolicy(policy, direction, at(direction));
  }
}

function requireAsn(asn: unknown, field: string): void {
  requireWhole(asn, 1, 0xffff_ffff, field);
  // RFC 6793 section 9, RFC 7300.
  if (asn === 23_456 || asn === 65_535 || asn === 0xffff_ffff)
    throw invalid(
      field,
      asn,
      "this number is reserved: take one of yours, or a private one (64512 to 65534)",
    );
}

function requireAddress(address: unknown, field: string): void {
  if (typeof address !== "string" || isIP(address) === 0)
    throw invalid(field, address, "write an IPv4 or IPv6 address");
}

function requireWhole(value: unknown, least: number, most: number, field: string): void {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
    throw invalid(field, value, `write a whole number from ${least} to ${most}`);
}

function invalid(field: string, input: unknown, remedy: string): BgpError {
  const shown = Object(input) === input ? JSON.stringify(input) : String(input);
  return new BgpError("ERR_BGP_CONFIG", `${field} ${shown} is not acceptable`, { input, remedy });
}
