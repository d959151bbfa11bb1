import { formatIp, type IpAddress, type IpFamily, isLinkLocal } from "../text/ip.ts";
import { check, libc } from "./libc.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SIOCGIFNAME = 0x8910;
const SIOCGIFINDEX = 0x8933;
const IFNAMSIZ = 16;
/** struct ifreq: the name, then a union of up to 24 bytes. */
const IFREQ_LENGTH = 40;
/** struct sockaddr_in6, the longer one. */
const ADDRESS_LENGTH = 28;

export interface SocketAddress {
  /** `10.0.0.1`, `fe80::1%eth0`. */
  readonly address: string;
  readonly port: number;
}

export const domainOf = (family: IpFamily): number => (family === 4 ? AF_INET : AF_INET6);

/**
 * struct sockaddr_in (16 bytes, address at 4) or sockaddr_in6 (28 bytes, address at 8, scope at 24); the port in
 * network order at 2. A zone is looked up where the socket is, which need not be this thread's namespace.
 *
 * @param device - The zone of a link-local address that has none.
 */
export function encodeAddress(fd: number, op: string, ip: IpAddress, port: number, device?: string): Buffer {
  const name = Buffer.alloc(ip.family === 4 ? 16 : ADDRESS_LENGTH);
  name.writeUInt16LE(domainOf(ip.family), 0);
  name.writeUInt16BE(port, 2);
  name.set(ip.bytes, ip.family === 4 ? 4 : 8);
  const zone = ip.zone ?? (isLinkLocal(ip) ? device : undefined);
  if (zone !== undefined) name.writeUInt32LE(deviceIndex(fd, op, zone), 24);
  return name;
}

/** Room for any address, with its length, for calls that fill both in. */
export class AddressHolder {
  readonly bytes: Buffer = Buffer.alloc(ADDRESS_LENGTH);
  readonly length: Buffer = Buffer.alloc(4);

  /** To be called before each use. */
  reset(): this {
    this.length.writeUInt32LE(ADDRESS_LENGTH);
    return this;
  }

  read(fd: number): SocketAddress {
    const { bytes } = this;
    const port = bytes.readUInt16BE(2);
    if (bytes.readUInt16LE(0) === AF_INET) return { address: formatIp(bytes.subarray(4, 8)), port };
    const address = formatIp(bytes.subarray(8, 24));
    const scope = bytes.readUInt32LE(24);
    return { address: scope === 0 ? address : `${address}%${deviceName(fd, scope)}`, port };
  }
}

/** What a socket is bound to. */
export function localAddress(fd: number): SocketAddress {
  const holder = new AddressHolder().reset();
  check(libc().getsockname(fd, holder.bytes, holder.length), "ask for the address of a socket");
  return holder.read(fd);
}

/** What a socket is connected to; undefined where it no longer is. */
export function remoteAddress(fd: number): SocketAddress | undefined {
  const holder = new AddressHolder().reset();
  return libc().getpeername(fd, holder.bytes, holder.length) < 0 ? undefined : holder.read(fd);
}

function deviceIndex(fd: number, op: string, zone: string): number {
  if (/^[1-9]\d{0,9}$/.test(zone)) return Number(zone);
  const request = Buffer.alloc(IFREQ_LENGTH);
  request.write(zone, 0, IFNAMSIZ - 1);
  check(libc().ioctl(fd, SIOCGIFINDEX, request), `${op}: find device ${zone}`);
  return request.readInt32LE(IFNAMSIZ);
}

/** The index where the device has gone meanwhile. */
function deviceName(fd: number, index: number): string {
  const request = Buffer.alloc(IFREQ_LENGTH);
  request.writeInt32LE(index, IFNAMSIZ);
  if (libc().ioctl(fd, SIOCGIFNAME, request) < 0) return String(index);
  return request.toString("latin1", 0, request.indexOf(0));
}
