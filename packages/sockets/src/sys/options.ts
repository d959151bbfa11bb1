import { invalid } from "../errors.ts";
import { integer } from "../text/check.ts";
import type { IpFamily, IpPrefix } from "../text/ip.ts";
import { addressOf, check, errno, libc } from "./libc.ts";
import { domainOf } from "./address.ts";

const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ERROR = 4;
const SO_REUSEPORT = 15;
const SO_BINDTODEVICE = 25;
const SO_ATTACH_FILTER = 26;
const IPPROTO_IP = 0;
const IP_TTL = 2;
const IP_MINTTL = 21;
const IPPROTO_TCP = 6;
const TCP_MD5SIG = 14;
const TCP_USER_TIMEOUT = 18;
const TCP_MD5SIG_EXT = 32;
const TCP_MD5SIG_FLAG_PREFIX = 1;
const IPPROTO_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_V6ONLY = 26;
const IPV6_MINHOPCOUNT = 73;

/** struct tcp_md5sig: sockaddr_storage, flags, prefix length, key length, device, key. */
const MD5_LENGTH = 216;
const MD5_FLAGS = 128;
const MD5_PREFIX_LENGTH = 129;
const MD5_KEY_LENGTH = 130;
const MD5_KEY = 136;
const MD5_KEY_MAXIMUM = 80;

const ENOENT = 2;

export const reuseAddress = (fd: number, op: string): void => set(fd, op, SOL_SOCKET, SO_REUSEADDR, 1);
export const reusePort = (fd: number, op: string): void => set(fd, op, SOL_SOCKET, SO_REUSEPORT, 1);
/** Both families can listen then, each with a socket of its own. */
export const onlyIpv6 = (fd: number, op: string): void => set(fd, op, IPPROTO_IPV6, IPV6_V6ONLY, 1);

export function userTimeout(fd: number, op: string, milliseconds: number): void {
  const checked = integer(op, "a timeout in milliseconds", milliseconds, 0, 0x7fff_ffff);
  set(fd, op, IPPROTO_TCP, TCP_USER_TIMEOUT, checked);
}

/** Of what is sent; `default` is the namespace's. */
export function timeToLive(fd: number, op: string, family: IpFamily, ttl: number | "default"): void {
  const value = ttl === "default" ? -1 : integer(op, "a time to live", ttl, 1, 255);
  if (family === 4) set(fd, op, IPPROTO_IP, IP_TTL, value);
  else set(fd, op, IPPROTO_IPV6, IPV6_UNICAST_HOPS, value);
}

/** The kernel drops what arrives with less: RFC 5082. 0: nothing. */
export function minimumTimeToLive(fd: number, op: string, family: IpFamily, minimum: number): void {
  const value = integer(op, "a minimum time to live", minimum, 0, 255);
  if (family === 4) set(fd, op, IPPROTO_IP, IP_MINTTL, value);
  else set(fd, op, IPPROTO_IPV6, IPV6_MINHOPCOUNT, value);
}

export function bindToDevice(fd: number, op: string, device: string): void {
  if (device === "" || Buffer.byteLength(device) > 15) throw invalid(op, device, "a device's name");
  const name = Buffer.from(`${device}\0`);
  const result = libc().setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, name.length);
  check(result, `${op}: bind to device ${device}`, "CAP_NET_RAW before Linux 5.7");
}

/** RFC 2385: from now on segments from and to this prefix are signed; without a key, no longer. */
export function md5Key(fd: number, op: string, remote: IpPrefix, key: string | undefined): void {
  const bytes = Buffer.from(key ?? "");
  if (key !== undefined && (bytes.length < 1 || bytes.length > MD5_KEY_MAXIMUM))
    throw invalid(op, `a key of ${bytes.length} bytes`, `one of 1 to ${MD5_KEY_MAXIMUM} bytes`);
  const argument = Buffer.alloc(MD5_LENGTH);
  argument.writeUInt16LE(domainOf(remote.family), 0);
  argument.set(remote.bytes, remote.family === 4 ? 4 : 8);
  argument.writeUInt16LE(bytes.length, MD5_KEY_LENGTH);
  argument.set(bytes, MD5_KEY);
  let option = TCP_MD5SIG;
  if (remote.length < remote.bytes.length * 8) {
    option = TCP_MD5SIG_EXT;
    argument.writeUInt8(TCP_MD5SIG_FLAG_PREFIX, MD5_FLAGS);
    argument.writeUInt8(remote.length, MD5_PREFIX_LENGTH);
  }
  const result = libc().setsockopt(fd, IPPROTO_TCP, option, argument, argument.length);
  // There was none: what was asked for is so.
  if (result < 0 && key === undefined && errno() === ENOENT) return;
  check(result, `${op}: set TCP-MD5 key`);
}

/**
 * What arrives with another time to live (hop limit) never gets into the socket's queue (classic BPF). To be set before
 * the socket is bound, so that nothing slips in.
 */
export function requireTimeToLive(fd: number, op: string, family: IpFamily, ttl: number): void {
  const wanted = integer(op, "a time to live", ttl, 1, 255);
  // SKF_NET_OFF: from the network header on; octet 8 of IPv4's, 7 of IPv6's.
  const offset = (-0x10_0000 + (family === 4 ? 8 : 7)) >>> 0;
  // struct sock_fprog: the number of instructions, and where they are, which is behind it.
  const argument = Buffer.concat([
    Buffer.alloc(16),
    instruction(0x30, 0, 0, offset), // load the octet
    instruction(0x15, 0, 1, wanted), // equal: go on; else skip one
    instruction(0x06, 0, 0, 0xffff_ffff), // all of the packet
    instruction(0x06, 0, 0, 0), // nothing of it
  ]);
  argument.writeUInt16LE((argument.length - 16) / 8, 0);
  argument.writeBigUInt64LE(addressOf(argument) + 16n, 8);
  const result = libc().setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, argument, 16);
  check(result, `${op}: require a time to live`);
}

/** What became of a connection attempt: 0, or an errno. Asking clears it. */
export function pendingError(fd: number): number {
  const value = Buffer.alloc(4);
  const length = Buffer.from([4, 0, 0, 0]);
  check(libc().getsockopt(fd, SOL_SOCKET, SO_ERROR, value, length), "ask for the error of a socket");
  return value.readInt32LE();
}

/** struct sock_filter. */
function instruction(code: number, whenTrue: number, whenFalse: number, operand: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(whenTrue, 2);
  bytes.writeUInt8(whenFalse, 3);
  bytes.writeUInt32LE(operand, 4);
  return bytes;
}

function set(fd: number, op: string, level: number, option: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  check(libc().setsockopt(fd, level, option, bytes, bytes.length), `${op}: set a socket option`);
}
