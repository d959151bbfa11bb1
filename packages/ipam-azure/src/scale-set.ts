import type {
  VirtualMachineScaleSetIPConfiguration,
  VirtualMachineScaleSetNetworkConfiguration,
  VirtualMachineScaleSetVM,
} from "@azure/arm-compute";
import type { NetworkInterface } from "@azure/arm-network";
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
import { afterwards, change } from "./operation.ts";
import { isSame } from "./resource-id.ts";

/**
 * Machines of uniform scale sets. Their interfaces can be read, with addresses, but not written: what is written is the whole
 * machine, whose configurations have names and no addresses.
 */
export class ScaleSetMachines implements Machines {
  readonly #access: Access<"scale-set">;

  constructor(access: Access<"scale-set">) {
    this.#access = access;
  }

  async machine(): Promise<Machine | undefined> {
    const body = await this.#get();
    return body === undefined ? undefined : machineOf(this.#access.machine, body);
  }

  async inventory(): Promise<Inventory | undefined> {
    const body = await this.#get();
    const machine = body === undefined ? undefined : machineOf(this.#access.machine, body);
    if (machine === undefined) return undefined;
    const nics = await this.#interfaces();
    if (nics === undefined) return undefined;
    return {
      ...machine,
      nics: nics.map((nic) => ({ nic, deleteWithInstance: true })),
      version: body?.etag,
    };
  }

  async find(id: string): Promise<Found> {
    const { machine } = this.#access;
    const body = await this.#get();
    // The machine first: what its interfaces have beyond what it says is a change that its version tells.
    if (body === undefined || machineOf(machine, body) === undefined) throw gone("instance", machine.id);
    const nic = (await this.#interfaces())?.find((one) => isSame(one.id, id));
    if (nic === undefined) throw gone("interface", id);
    return { nic, version: body.etag, replace: (edit) => this.#replace(body, nic, edit) };
  }

  async #replace(
    body: VirtualMachineScaleSetVM,
    nic: NetworkInterface,
    edit: Edit,
  ): Promise<NetworkInterface> {
    const { machine, clients, call, polling } = this.#access;
    const { virtualMachineScaleSetVMs } = clients.compute;
    const { group, scaleSet, name } = machine;
    const options = {
      abortSignal: call.signal,
      ...(body.etag === undefined ? {} : { ifMatch: body.etag }),
    };
    const edited = withEdit(body, nic, edit);
    await change(
      call,
      () => virtualMachineScaleSetVMs.update(group, scaleSet, name, edited, options),
      polling,
    );
    const after = await afterwards(call, this.#interfaces());
    const changed = after?.find((one) => isSame(one.id, nic.id));
    if (changed === undefined) throw gone("interface", nic.id!);
    return changed;
  }

  #get(): Promise<VirtualMachineScaleSetVM | undefined> {
    const { machine, clients, call } = this.#access;
    const { virtualMachineScaleSetVMs } = clients.compute;
    const { group, scaleSet, name } = machine;
    return found(
      ask(call, () => virtualMachineScaleSetVMs.get(group, scaleSet, name, { abortSignal: call.signal })),
    );
  }

  /** All pages; `undefined` where the machine is gone. */
  #interfaces(): Promise<readonly NetworkInterface[] | undefined> {
    const { machine, clients, call } = this.#access;
    const { networkInterfaces } = clients.network;
    const { group, scaleSet, name } = machine;
    return found(
      ask(call, async () => {
        const all: NetworkInterface[] = [];
        const options = { abortSignal: call.signal };
        const pages = networkInterfaces.listVirtualMachineScaleSetVMNetworkInterfaces(
          group,
          scaleSet,
          name,
          options,
        );
        for await (const one of pages) all.push(one);
        return all;
      }),
    );
  }
}

/** The whole machine, to be sent back: but for its image, which Azure would take for a change. */
function withEdit(
  { storageProfile, ...machine }: VirtualMachineScaleSetVM,
  nic: NetworkInterface,
  edit: Edit,
): VirtualMachineScaleSetVM {
  const { imageReference: _, ...storage } = storageProfile ?? {};
  const profile = machine.networkProfileConfiguration;
  return {
    ...machine,
    ...(storageProfile === undefined ? {} : { storageProfile: storage }),
    networkProfileConfiguration: {
      ...profile,
      networkInterfaceConfigurations: (profile?.networkInterfaceConfigurations ?? []).map((one) =>
        isSame(one.name, nic.name) ? withConfigurations(one, edit) : one,
      ),
    },
  };
}

function withConfigurations(
  one: VirtualMachineScaleSetNetworkConfiguration,
  { add = [], remove }: Edit,
): VirtualMachineScaleSetNetworkConfiguration {
  const before = one.ipConfigurations ?? [];
  const { subnet, applicationSecurityGroups } =
    before.find(({ primary }) => primary === true) ?? before[0] ?? {};
  const added = add.map(({ name }): VirtualMachineScaleSetIPConfiguration => ({
    name,
    primary: false,
    privateIPAddressVersion: "IPv4",
    ...(subnet === undefined ? {} : { subnet }),
    ...(applicationSecurityGroups === undefined ? {} : { applicationSecurityGroups }),
  }));
  return { ...one, ipConfigurations: [...before.filter(({ name }) => remove?.has(name) !== true), ...added] };
}
