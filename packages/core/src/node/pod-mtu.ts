import type { Family } from "../address/index.ts";
import { NetloomError } from "../errors.ts";
import type { RoutedNode, Underlay } from "../ports/routing.ts";

/** What every link must carry: RFC 791 section 3.1 says 576 of IPv4 hosts, RFC 8200 section 5 says 1280. */
const SMALLEST: Readonly<Record<Family, number>> = { 4: 576, 6: 1280 };

/**
 * What the underlay leaves for a pod's packet.
 *
 * @param overhead - bytes that are added to each.
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID` where that is less than a family of the node's pods needs.
 */
export function podMtu(local: RoutedNode, underlay: Underlay, overhead: number, backend: string): number {
  const mtu = underlay.mtu - overhead;
  const family = local.podCIDRs.some((prefix) => prefix.includes(":")) ? 6 : 4;
  if (Number.isInteger(mtu) && mtu >= SMALLEST[family]) return mtu;
  throw new NetloomError(
    "ERR_OPTIONS_INVALID",
    `an uplink of ${underlay.mtu} bytes leaves ${mtu} for pods, and IPv${family} needs ${SMALLEST[family]}`,
    {
      input: underlay.mtu,
      remedy: `raise the MTU of ${local.name}'s uplink to ${SMALLEST[family] + overhead} or more`,
      backend,
    },
  );
}
