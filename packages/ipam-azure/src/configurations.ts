import type { NetworkInterface, NetworkInterfaceIPConfiguration } from "@azure/arm-network";
import { cidrAround, formatCidr, parseAddress } from "@netloom/core";
import type { CloudAddress } from "@netloom/ipam-cloud";

/** A configuration of an interface that is for pods: one to be made. */
export interface WantedConfiguration {
  readonly name: string;
  /** 32, or less for a block. */
  readonly prefix: number;
  /** Exactly this; of Azure's choice where it is left out. */
  readonly cidr?: string;
}

/** A configuration that there is. */
export interface Configuration extends CloudAddress {
  readonly name: string;
}

/** The configurations of an interface that have addresses, canonical, its primary one first. */
export function configurationsOf(nic: NetworkInterface): readonly Configuration[] {
  const primary = primaryOf(nic);
  const others = (nic.ipConfigurations ?? []).filter((one) => one !== primary);
  return [...(primary === undefined ? [] : [primary]), ...others].flatMap((one): readonly Configuration[] => {
    const { name, privateIPAddress: address, privateIPAddressPrefixLength: length } = one;
    if (name === undefined || address === undefined) return [];
    const [first = "", suffix] = address.split("/");
    const full = first.includes(":") ? 128 : 32;
    const prefix = Number(suffix ?? length ?? full);
    return [
      {
        name,
        // Of a block it may be any address that is told.
        cidr: formatCidr(cidrAround(parseAddress(first), prefix)),
        role: isOwn(one) ? "primary" : prefix === full ? "secondary" : "block",
        ready: one.provisioningState === undefined || one.provisioningState === "Succeeded",
      },
    ];
  });
}

/** The configuration that all others must have the subnet and security groups of. */
export function primaryOf({
  ipConfigurations = [],
}: NetworkInterface): NetworkInterfaceIPConfiguration | undefined {
  return ipConfigurations.find(({ primary }) => primary === true) ?? ipConfigurations[0];
}

/** The machine's own: pods never have it, and it is never given back. So is what something outside leads to. */
function isOwn(one: NetworkInterfaceIPConfiguration): boolean {
  return (
    one.primary === true ||
    one.privateIPAddressVersion === "IPv6" ||
    one.publicIPAddress !== undefined ||
    isAny(one.loadBalancerBackendAddressPools) ||
    isAny(one.loadBalancerInboundNatRules) ||
    isAny(one.applicationGatewayBackendAddressPools)
  );
}

function isAny(list: readonly unknown[] | undefined): boolean {
  return list !== undefined && list.length > 0;
}
