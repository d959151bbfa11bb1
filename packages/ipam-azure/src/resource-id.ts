import { CloudError } from "@netloom/ipam-cloud";

/** A machine, as its resource id names it. */
export type MachineId =
  | {
      readonly kind: "standalone";
      readonly id: string;
      readonly group: string;
      readonly name: string;
      readonly vmId?: string;
    }
  | {
      readonly kind: "scale-set";
      readonly id: string;
      readonly group: string;
      readonly scaleSet: string;
      /** Of the instance in its scale set: a number, as text. */
      readonly name: string;
      readonly vmId?: string;
    };

const STANDALONE =
  /^\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Compute\/virtualMachines\/([^/]+)$/i;
const SCALE_SET =
  /^\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Compute\/virtualMachineScaleSets\/([^/]+)\/virtualMachines\/([^/]+)$/i;
const INTERFACE =
  /^\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Network\/networkInterfaces\/([^/]+)$/i;
const SUBNET =
  /^(\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Network\/virtualNetworks\/([^/]+))\/subnets\/([^/]+)$/i;

/**
 * @param instance - a machine's resource id; after a `#`, where it is known, its `vmId`: a machine that is made anew has the
 *   resource id of the one before
 * @throws {@link CloudError} `invalid`
 */
export function parseMachine(instance: string): MachineId {
  const [id = "", vmId] = instance.split("#");
  const unique = vmId === undefined ? {} : { vmId };
  const alone = STANDALONE.exec(id);
  if (alone !== null) return { kind: "standalone", id, group: alone[1]!, name: alone[2]!, ...unique };
  const inSet = SCALE_SET.exec(id);
  if (inSet !== null)
    return { kind: "scale-set", id, group: inSet[1]!, scaleSet: inSet[2]!, name: inSet[3]!, ...unique };
  throw new CloudError({ kind: "invalid" }, `${instance} is not the resource id of a virtual machine`);
}

export function parseInterface(id: string): { readonly group: string; readonly name: string } {
  const [, group, name] = INTERFACE.exec(id) ?? [];
  if (group === undefined || name === undefined)
    throw new CloudError({ kind: "invalid" }, `${id} is not the resource id of a network interface`);
  return { group, name };
}

export interface SubnetId {
  readonly network: string;
  readonly group: string;
  readonly networkName: string;
  readonly name: string;
}

export function parseSubnet(id: string): SubnetId {
  const [, network, group, networkName, name] = SUBNET.exec(id) ?? [];
  if (network === undefined || group === undefined || networkName === undefined || name === undefined)
    throw new CloudError({ kind: "invalid" }, `${id} is not the resource id of a subnet`);
  return { network, group, networkName, name };
}

/** Azure spells resource ids, and names, with capitals here and without there. */
export function isSame(one: string | undefined, other: string | undefined): boolean {
  return one?.toLowerCase() === other?.toLowerCase();
}
