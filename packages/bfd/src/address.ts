import { isIP, SocketAddress } from "node:net";

/**
 * The one way to write an address: `fe80::1%eth0` for `FE80:0::1` on eth0.
 *
 * @param device - The zone of a link-local address that has none.
 * @throws TypeError where it is none.
 */
export function canonicalAddress(text: string, device?: string): string {
  const [bare = "", zone] = text.split("%", 2);
  const version = isIP(bare);
  if (version === 0) throw new TypeError(`${JSON.stringify(text)} is not an IPv4 or IPv6 address`);
  const { address } = new SocketAddress({ address: bare, family: version === 4 ? "ipv4" : "ipv6" });
  // fe80::/10: RFC 4291 section 2.5.6.
  const scope = zone ?? (/^fe[89ab]/.test(address) ? device : undefined);
  return scope === undefined ? address : `${address}%${scope}`;
}
