import type { CloudPool, ThrottleBucket } from "@netloom/ipam-cloud";
import { Api, type Codes, type Page, type PageRequest } from "../cloud/api.ts";
import { Operations, type Operation } from "../cloud/operations.ts";
import type { InstanceType, SimInterface } from "../cloud/records.ts";
import type { SimCloudError } from "../cloud/refusal.ts";
import type { SimCloud } from "../cloud/sim-cloud.ts";
import type { Wish } from "../cloud/world.ts";

/** Azure's words for why not. */
const ARM_CODES: Codes = {
  "address-taken": "PrivateIPAddressInUse",
  denied: "AuthorizationFailed",
  failed: "InternalServerError",
  "in-use": "NicInUse",
  "index-taken": "Conflict",
  "instance-gone": "ResourceNotFound",
  "interface-gone": "NetworkInterfaceNotFound",
  "interface-slots": "PrivateIPAddressLimitReached",
  invalid: "InvalidRequestFormat",
  "node-interfaces": "NetworkInterfaceCountExceeded",
  "pool-addresses": "SubnetIsFull",
  "pool-blocks": "SubnetHasNoFreeBlock",
  "pool-gone": "SubnetNotFound",
  quota: "QuotaExceeded",
  throttled: "TooManyRequests",
  unavailable: "ServiceUnavailable",
  version: "PreconditionFailed",
};

const SCALE_SET = ["VirtualMachineScaleSetVMs.Update"];
const INTERFACE = ["NetworkInterfaces.CreateOrUpdate"];
const NETWORK = ["NetworkInterfaces.Get", "Subnets.Get", "Subnets.List"];

/** Compute's, per machine and in all; network's; and the resource manager's own, whatever they are about. */
export const ARM_THROTTLES: readonly ThrottleBucket[] = [
  {
    name: "VirtualMachineUpdates",
    actions: SCALE_SET,
    capacity: 12,
    perSecond: 12 / 60,
    per: "node",
  },
  {
    name: "ComputeUpdates",
    actions: SCALE_SET,
    capacity: 1500,
    perSecond: 1500 / 60,
  },
  {
    name: "NetworkUpdates",
    actions: INTERFACE,
    capacity: 1000,
    perSecond: 1000 / 300,
  },
  {
    name: "SubscriptionWrites",
    actions: [...SCALE_SET, ...INTERFACE],
    capacity: 200,
    perSecond: 10,
  },
  {
    name: "NetworkReads",
    actions: NETWORK,
    capacity: 10_000,
    perSecond: 10_000 / 300,
  },
  {
    name: "SubscriptionReads",
    actions: [
      ...NETWORK,
      "NetworkInterfaces.ListByVirtualMachine",
      "NetworkInterfaces.ListByVirtualMachineScaleSetVM",
      "Operations.Get",
      "ResourceSkus.List",
      "VirtualMachineScaleSetVMs.Get",
      "VirtualMachines.Get",
    ],
    capacity: 250,
    perSecond: 25,
  },
];

/** What an operation that has ended tells, its error in Azure's words. */
export interface ArmOperation extends Omit<Operation, "error"> {
  readonly error?: SimCloudError;
}

/** The requests to Azure's resource manager that IPAM makes. */
export class ArmApi extends Api {
  protected readonly operations: Operations;

  constructor(sim: SimCloud) {
    super(sim, ARM_THROTTLES, ARM_CODES);
    this.operations = new Operations(sim);
  }

  /** `undefined` is a 404. */
  listInterfaces(instance: string): Promise<readonly SimInterface[] | undefined> {
    return this.request("NetworkInterfaces.ListByVirtualMachine", instance, () =>
      this.sim.interfacesSeenAt(instance),
    );
  }

  listSubnets(request: PageRequest): Promise<Page<CloudPool>> {
    return this.request("Subnets.List", undefined, () => {
      const { network } = this.sim;
      return this.page(
        // Azure does not say how many are free.
        network.ids.map((id) => withoutFree(network.describe(id))),
        request,
      );
    });
  }

  listSizes(type: string): Promise<InstanceType | undefined> {
    return this.request("ResourceSkus.List", undefined, () => this.sim.typeNamed(type));
  }

  /** @param ifMatch - the version of the interface that `wishes` were made from. */
  putInterface(
    instance: string,
    id: string,
    wishes: readonly Wish[],
    ifMatch: number,
  ): Promise<{ readonly id: string }> {
    return this.request("NetworkInterfaces.CreateOrUpdate", instance, () =>
      this.operations.start(["version", "interface-gone"], () => this.sim.world.replace(id, wishes, ifMatch)),
    );
  }

  getOperation(id: string): Promise<ArmOperation> {
    return this.request("Operations.Get", undefined, () => {
      const { error, ...operation } = this.operations.read(id);
      return { ...operation, ...(error === undefined ? {} : { error: this.errorOf(error) }) };
    });
  }
}

function withoutFree(pool: CloudPool): CloudPool {
  const { freeAddresses: _, ...rest } = pool;
  return rest;
}
