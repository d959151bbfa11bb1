import type { CloudNode } from "@netloom/ipam-cloud";

/** What the simulated subscription is called: everything is in one resource group, one network and one scale set. */
export const SUBSCRIPTION = "00000000-0000-0000-0000-000000000000";

const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/sim/providers`;
const SCALE_SET = `${GROUP}/Microsoft.Compute/virtualMachineScaleSets/sim/virtualMachines`;
export const OPERATIONS = `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Network/locations/sim/operations`;

/** How a machine is shown: on its own, or as an instance of a scale set. */
export type ArmMachineKind = "standalone" | "scale-set";

export function machineId(instance: string, kind: ArmMachineKind): string {
  return kind === "scale-set"
    ? `${SCALE_SET}/${instance}`
    : `${GROUP}/Microsoft.Compute/virtualMachines/${instance}`;
}

export function interfaceId(id: string, instance: string | undefined, kind: ArmMachineKind): string {
  return kind === "scale-set" && instance !== undefined
    ? `${SCALE_SET}/${instance}/networkInterfaces/${id}`
    : `${GROUP}/Microsoft.Network/networkInterfaces/${id}`;
}

export function subnetId(pool: string): string {
  return `${GROUP}/Microsoft.Network/virtualNetworks/sim/subnets/${pool}`;
}

/** The node as its machine's resource id makes it known. */
export function armNode(node: CloudNode, kind: ArmMachineKind = "standalone"): CloudNode {
  return { ...node, instance: machineId(node.instance, kind) };
}

/** The node as the simulated cloud knows it. */
export function simNode(node: CloudNode): CloudNode {
  return { ...node, instance: node.instance.split("#")[0]!.split("/").at(-1)! };
}
