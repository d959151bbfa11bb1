import { parseCidr } from "@netloom/core";
import type { CloudPool } from "@netloom/ipam-cloud";
import { etagOf, etagOfAll, type ArmMachine } from "../arm/rest-api.ts";
import type { SimAddress, SimInterface } from "../cloud/records.ts";
import { interfaceId, machineId, subnetId, type ArmMachineKind } from "./arm-ids.ts";

/** Of a resource that is at rest, or being changed. */
export type ProvisioningState = "Succeeded" | "Updating";

export function interfaceJson(
  one: SimInterface,
  kind: ArmMachineKind,
  provisioningState: ProvisioningState = "Succeeded",
): object {
  const instance = one.attachment?.instance;
  const id = interfaceId(one.id, instance, kind);
  return {
    id,
    name: one.id,
    etag: etagOf(one),
    type: "Microsoft.Network/networkInterfaces",
    location: "sim",
    tags: one.tags,
    properties: {
      provisioningState,
      macAddress: one.mac.toUpperCase().replaceAll(":", "-"),
      primary: one.primary,
      enableIPForwarding: true,
      ...(instance === undefined ? {} : { virtualMachine: { id: machineId(instance, kind) } }),
      ipConfigurations: one.addresses.map((address) => ({
        id: `${id}/ipConfigurations/${configurationName(address)}`,
        name: configurationName(address),
        properties: { provisioningState, ...configurationJson(address, one.pool), ...addressJson(address) },
      })),
    },
  };
}

/** Of a machine in a scale set, whose configurations are there without their addresses. */
export function scaleSetMachineJson(
  { instance, interfaces }: ArmMachine,
  provisioningState: ProvisioningState = "Succeeded",
): object {
  const { properties, ...machine } = machineJson({ instance, interfaces }, "scale-set", provisioningState);
  return {
    ...machine,
    instanceId: instance.id,
    etag: etagOfAll(interfaces),
    sku: { name: instance.type, tier: "Standard" },
    properties: {
      ...properties,
      networkProfileConfiguration: {
        networkInterfaceConfigurations: interfaces.map((one) => ({
          name: one.id,
          properties: {
            primary: one.primary,
            enableIPForwarding: true,
            ipConfigurations: one.addresses.map((address) => ({
              name: configurationName(address),
              properties: configurationJson(address, one.pool),
            })),
          },
        })),
      },
    },
  };
}

export function machineJson(
  { instance, interfaces }: ArmMachine,
  kind: ArmMachineKind,
  provisioningState: ProvisioningState = "Succeeded",
): { readonly properties: object } {
  return {
    ...{ id: machineId(instance.id, kind), name: instance.id, location: "sim", tags: instance.tags },
    properties: {
      vmId: `vm-${instance.id}`,
      provisioningState,
      hardwareProfile: { vmSize: instance.type },
      storageProfile: { imageReference: { id: "/an/image/that/must/not/be/sent/back" } },
      networkProfile: {
        networkInterfaces: interfaces.map((one) => ({
          id: interfaceId(one.id, instance.id, kind),
          properties: { primary: one.primary },
        })),
      },
    },
  };
}

export function subnetJson({ id, cidrs }: CloudPool): object {
  return {
    id: subnetId(id),
    name: id,
    properties: {
      provisioningState: "Succeeded",
      ...(cidrs.length === 1 ? { addressPrefix: cidrs[0] } : { addressPrefixes: cidrs }),
    },
  };
}

/** What was not made through this API has no name, and gets one here. */
export function configurationName({ cidr, name, role }: SimAddress): string {
  if (name !== undefined) return name;
  return role === "primary" ? "primary" : `ipconfig-${cidr.replaceAll(/[.:/]/g, "-")}`;
}

function configurationJson({ cidr, role }: SimAddress, pool: string): object {
  return {
    primary: role === "primary",
    privateIPAddressVersion: parseCidr(cidr).family === 4 ? "IPv4" : "IPv6",
    subnet: { id: subnetId(pool) },
  };
}

function addressJson({ cidr, role }: SimAddress): object {
  const { prefix } = parseCidr(cidr);
  return {
    privateIPAllocationMethod: "Dynamic",
    privateIPAddress: role === "block" ? cidr : cidr.split("/")[0],
    ...(role === "block" ? { privateIPAddressPrefixLength: prefix } : {}),
  };
}
