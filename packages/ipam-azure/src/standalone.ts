import type { NetworkInterface, NetworkInterfaceIPConfiguration } from "@azure/arm-network";
import { primaryOf, type WantedConfiguration } from "./configurations.ts";
import { ask } from "./gate.ts";
import {
  found,
  gone,
  machineOf,
  type Access,
  type Edit,
  type Found,
  type Inventory,
  type Machine,
  type Machines,
} from "./machines.ts";
import { change } from "./operation.ts";
import { isSame, parseInterface } from "./resource-id.ts";

/** Machines on their own, those of flexible scale sets among them: each interface is a resource with a version. */
export class StandaloneMachines implements Machines {
  readonly #access: Access<"standalone">;

  constructor(access: Access<"standalone">) {
    this.#access = access;
  }

  async machine(): Promise<Machine | undefined> {
    const { machine, clients, call } = this.#access;
    const { group, name } = machine;
    const { virtualMachines } = clients.compute;
    const body = await found(ask(call, () => virtualMachines.get(group, name, { abortSignal: call.signal })));
    return body === undefined ? undefined : machineOf(machine, body);
  }

  async inventory(): Promise<Inventory | undefined> {
    const machine = await this.machine();
    if (machine === undefined) return undefined;
    const nics: Inventory["nics"][number][] = [];
    for (const { id, deleteWithInstance } of machine.interfaces) {
      const nic = await this.#get(id);
      if (nic !== undefined) nics.push({ nic, deleteWithInstance });
    }
    const versions = nics.map(({ nic }) => versionOf(nic)).filter((version) => version !== undefined);
    return { ...machine, nics, version: versions.length === 0 ? undefined : versions.join(" ") };
  }

  async find(id: string): Promise<Found> {
    const nic = await this.#get(id);
    if (nic === undefined) throw gone("interface", id);
    if (!isSame(nic.virtualMachine?.id, this.#access.machine.id))
      throw gone("instance", this.#access.machine.id);
    return { nic, version: versionOf(nic), replace: (edit) => this.#replace(nic, edit) };
  }

  #replace(nic: NetworkInterface, { add = [], remove }: Edit): Promise<NetworkInterface> {
    const { clients, call, polling } = this.#access;
    const { group, name } = parseInterface(nic.id!);
    const kept = (nic.ipConfigurations ?? []).filter((one) => remove?.has(one.name!) !== true);
    const primary = primaryOf(nic);
    const body = { ...nic, ipConfigurations: [...kept, ...add.map((wanted) => bodyOf(wanted, primary))] };
    const options = {
      abortSignal: call.signal,
      // The SDK has no option for it, and drops `customHeaders` here. Azure honours it, and answers 412.
      requestOptions: { headers: nic.etag === undefined ? {} : { "if-match": nic.etag } },
    };
    return change(
      call,
      () => clients.network.networkInterfaces.createOrUpdate(group, name, body, options),
      polling,
    );
  }

  #get(id: string): Promise<NetworkInterface | undefined> {
    const { clients, call } = this.#access;
    const { networkInterfaces } = clients.network;
    return found(
      ask(call, () => {
        const { group, name } = parseInterface(id);
        return networkInterfaces.get(group, name, { abortSignal: call.signal });
      }),
    );
  }
}

function bodyOf(
  { name, prefix, cidr }: WantedConfiguration,
  primary: NetworkInterfaceIPConfiguration | undefined,
): NetworkInterfaceIPConfiguration {
  const { subnet, applicationSecurityGroups } = primary ?? {};
  return {
    name,
    primary: false,
    privateIPAddressVersion: "IPv4",
    ...(prefix === 32 ? {} : { privateIPAddressPrefixLength: prefix }),
    ...(cidr === undefined
      ? { privateIPAllocationMethod: "Dynamic" }
      : {
          privateIPAllocationMethod: "Static",
          privateIPAddress: prefix === 32 ? cidr.slice(0, -"/32".length) : cidr,
        }),
    ...(subnet?.id === undefined ? {} : { subnet: { id: subnet.id } }),
    ...(applicationSecurityGroups === undefined ? {} : { applicationSecurityGroups }),
  };
}

function versionOf({ id, etag }: NetworkInterface): string | undefined {
  return etag === undefined ? undefined : `${id}=${etag}`;
}
