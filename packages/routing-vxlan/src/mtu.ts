import { NetloomError, type Family, type RoutedNode, type Underlay } from "@netloom/core";

/** Outer headers: IP, UDP (8), VXLAN (8), inner Ethernet (14). */
export const OVERHEAD: Readonly<Record<Family, number>> = { 4: 20 + 8 + 8 + 14, 6: 40 + 8 + 8 + 14 };

/** What every link must carry: RFC 791 section 3.1 says 576 of IPv4 hosts, RFC 8200 section 5 says 1280. */
const SMALLEST: Readonly<Record<Family, number>> = { 4: 576, 6: 1280 };

/**
 * What the tunnel leaves for a pod's packet.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID` where that is less than a family of the node's pods needs.
 */
export function innerMtu(local: RoutedNode, underlay: Underlay): number {
  const mtu = underlay.mtu - OVERHEAD[underlay.family];
  const family = local.podCIDRs.some((prefix) => prefix.includes(":")) ? 6 : 4;
  if (Number.isInteger(mtu) && mtu >= SMALLEST[family]) return mtu;
  const least = SMALLEST[family] + OVERHEAD[underlay.family];
  throw new NetloomError(
    "ERR_OPTIONS_INVALID",
    `an uplink of ${underlay.mtu} bytes leaves ${mtu} for pods, and IPv${family} needs ${SMALLEST[family]}`,
    {
      input: underlay.mtu,
      remedy: `raise the MTU of ${local.name}'s uplink to ${least} or more`,
      backend: "vxlan",
    },
  );
}
