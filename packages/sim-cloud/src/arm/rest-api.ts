import type { CloudPool } from "@netloom/ipam-cloud";
import type { Page, PageRequest } from "../cloud/api.ts";
import type { SimInstance, SimInterface } from "../cloud/records.ts";
import { Refusal } from "../cloud/refusal.ts";
import type { Wish } from "../cloud/world.ts";
import { ArmApi } from "./api.ts";

/** A machine, and its interfaces by index. */
export interface ArmMachine {
  readonly instance: SimInstance;
  readonly interfaces: readonly SimInterface[];
}

/** What an interface is to have; `undefined` for one that is not mentioned. */
export type Change = (one: SimInterface) => readonly Wish[] | undefined;

/** The requests as they go over the wire: one resource each, where the shape in memory asks for a list. */
export class ArmRestApi extends ArmApi {
  getMachine(instance: string): Promise<ArmMachine> {
    return this.request("VirtualMachines.Get", instance, () => this.#machine(instance));
  }

  getScaleSetMachine(instance: string): Promise<ArmMachine> {
    return this.request("VirtualMachineScaleSetVMs.Get", instance, () => this.#machine(instance));
  }

  getInterface(id: string): Promise<SimInterface> {
    return this.request("NetworkInterfaces.Get", this.#ownerOf(id), () => {
      const found = this.sim.seen().interfaces.find((one) => one.id === id);
      if (found === undefined) throw new Refusal("interface-gone", id, `there is no ${id}`);
      return found;
    });
  }

  listScaleSetInterfaces(instance: string, request: PageRequest): Promise<Page<SimInterface>> {
    return this.request("NetworkInterfaces.ListByVirtualMachineScaleSetVM", instance, () =>
      this.page(this.#machine(instance).interfaces, request),
    );
  }

  getSubnet(id: string): Promise<CloudPool> {
    return this.request("Subnets.Get", undefined, () => {
      if (!this.sim.network.ids.includes(id)) throw new Refusal("pool-gone", id, `there is no ${id}`);
      return this.sim.network.describe(id);
    });
  }

  /** @param ifMatch - the version that the change was made from; without one, whatever there is now is replaced. */
  changeInterface(id: string, change: Change, ifMatch: string | undefined): Promise<{ readonly id: string }> {
    return this.request("NetworkInterfaces.CreateOrUpdate", this.#ownerOf(id), () => {
      const one = this.sim.world.interface(id);
      return this.#change([one], etagOf(one), change, ifMatch);
    });
  }

  /** As {@link ArmRestApi.changeInterface}, of all interfaces of a scale set's machine. */
  changeMachine(
    instance: string,
    change: Change,
    ifMatch: string | undefined,
  ): Promise<{ readonly id: string }> {
    return this.request("VirtualMachineScaleSetVMs.Update", instance, () => {
      this.sim.world.instance(instance);
      const interfaces = this.sim.world.attachedTo(instance);
      return this.#change(interfaces, etagOfAll(interfaces), change, ifMatch);
    });
  }

  #change(
    interfaces: readonly SimInterface[],
    etag: string,
    change: Change,
    ifMatch: string | undefined,
  ): { readonly id: string } {
    if (ifMatch !== undefined && ifMatch !== etag)
      throw new Refusal("version", interfaces[0]?.id ?? "", `the etag is ${etag}, not ${ifMatch}`);
    return this.operations.start(["invalid"], () => {
      let last: SimInterface | undefined;
      for (const one of interfaces) {
        const wishes = change(one);
        if (wishes !== undefined) last = this.sim.world.replace(one.id, wishes, one.version);
      }
      if (last === undefined) throw new Refusal("invalid", "", "no interface is mentioned");
      return last;
    });
  }

  #machine(id: string): ArmMachine {
    const { instances, interfaces } = this.sim.seen();
    const instance = instances.find((other) => other.id === id);
    if (instance === undefined) throw new Refusal("instance-gone", id, `there is no ${id}`);
    const own = interfaces.filter(
      (one) => one.attachment?.instance === id && this.sim.world.stateOf(one) !== "detached",
    );
    return { instance, interfaces: own.toSorted((a, b) => a.attachment!.index - b.attachment!.index) };
  }

  #ownerOf(id: string): string | undefined {
    return this.sim.world.interfaces.get(id)?.attachment?.instance;
  }
}

export function etagOf({ version }: SimInterface): string {
  return `W/"${version}"`;
}

/** Of a machine: it has another whenever one of its interfaces has. */
export function etagOfAll(interfaces: readonly SimInterface[]): string {
  return `W/"${interfaces
    .map(({ id, version }) => `${id}=${version}`)
    .toSorted()
    .join(",")}"`;
}
