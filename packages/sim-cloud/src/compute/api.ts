import { sleep } from "@netloom/core";
import type { CloudPool, ThrottleBucket } from "@netloom/ipam-cloud";
import { Api, type Codes, type Page, type PageRequest } from "../cloud/api.ts";
import { Operations, type Operation } from "../cloud/operations.ts";
import type { InstanceType, SimInterface } from "../cloud/records.ts";
import { Refusal, type SimCloudError } from "../cloud/refusal.ts";
import type { SimCloud } from "../cloud/sim-cloud.ts";
import { chosen, type AliasWish } from "./secondary-ranges.ts";

/** Google's words for why not. */
const COMPUTE_CODES: Codes = {
  "address-taken": "IP_IN_USE_BY_ANOTHER_RESOURCE",
  denied: "forbidden",
  failed: "INTERNAL_ERROR",
  "in-use": "RESOURCE_IN_USE",
  "index-taken": "conflict",
  "instance-gone": "notFound.instance",
  "interface-gone": "notFound.networkInterface",
  "interface-slots": "ALIAS_IP_RANGE_LIMIT_EXCEEDED",
  invalid: "invalid",
  "node-interfaces": "limitExceeded",
  "pool-addresses": "IP_SPACE_EXHAUSTED",
  "pool-blocks": "IP_SPACE_EXHAUSTED_FOR_RANGE",
  "pool-gone": "notFound.subnetwork",
  quota: "QUOTA_EXCEEDED",
  throttled: "rateLimitExceeded",
  unavailable: "backendError",
  version: "conditionNotMet",
};

/** Per project and group of methods; full again at the next whole minute. */
export const COMPUTE_THROTTLES: readonly ThrottleBucket[] = [
  {
    name: "ReadRequestsPerMinute",
    actions: ["instances.get", "machineTypes.get", "subnetworks.get", "subnetworks.list"],
    capacity: 1500,
    perSecond: 25,
    refill: "each-minute",
  },
  {
    name: "MutateRequestsPerMinute",
    actions: ["instances.updateNetworkInterface"],
    capacity: 1500,
    perSecond: 25,
    refill: "each-minute",
  },
  {
    name: "OperationReadRequestsPerMinute",
    actions: ["zoneOperations.wait"],
    capacity: 1500,
    perSecond: 25,
    refill: "each-minute",
  },
];

/** What an operation that has ended tells, its error in Google's words. */
export interface ComputeOperation extends Omit<Operation, "error"> {
  readonly error?: SimCloudError;
}

/** The requests to Compute Engine that IPAM makes. */
export class ComputeApi extends Api {
  readonly #operations: Operations;
  readonly #requests = new Map<string, { readonly body: string; readonly operation: Operation }>();

  constructor(sim: SimCloud) {
    super(sim, COMPUTE_THROTTLES, COMPUTE_CODES);
    this.#operations = new Operations(sim);
  }

  /** The interfaces of an instance; `undefined` is a 404. */
  getInstance(instance: string): Promise<readonly SimInterface[] | undefined> {
    return this.request("instances.get", instance, () => this.sim.interfacesSeenAt(instance));
  }

  getMachineType(type: string): Promise<InstanceType | undefined> {
    return this.request("machineTypes.get", undefined, () => this.sim.typeNamed(type));
  }

  listSubnetworks(request: PageRequest): Promise<Page<CloudPool>> {
    return this.request("subnetworks.list", undefined, () => {
      const { network } = this.sim;
      return this.page(
        network.ids.map((id) => network.describe(id)),
        request,
      );
    });
  }

  getSubnetwork(name: string): Promise<CloudPool> {
    return this.request("subnetworks.get", name, () => this.sim.network.describe(name));
  }

  /**
   * Its alias ranges are these from now on.
   *
   * @param fingerprint - of the interface that `wishes` were made from.
   * @param requestId - a second request of the same id is the first one's operation, however that ended; where it asks for
   *   something else, it is refused.
   */
  updateNetworkInterface(
    instance: string,
    id: string,
    wishes: readonly AliasWish[],
    fingerprint: number,
    requestId: string,
  ): Promise<{ readonly id: string }> {
    return this.request("instances.updateNetworkInterface", instance, () => {
      const body = JSON.stringify([instance, id, wishes, fingerprint]);
      const known = this.#requests.get(requestId);
      if (known?.body === body) return this.#operations.read(known.operation.id);
      if (known !== undefined)
        throw new Refusal("invalid", requestId, `request ${requestId} was another one before`);
      // That it is gone is said before anything of its interfaces is.
      this.sim.world.instance(instance);
      const operation = this.#operations.start(["version", "interface-gone"], () =>
        this.sim.world.replace(id, chosen(this.sim, id, wishes), fingerprint),
      );
      this.#requests.set(requestId, { body, operation });
      return operation;
    });
  }

  /** Answers when it has ended. */
  async waitForOperation(id: string): Promise<ComputeOperation> {
    const remaining = this.#operations.remaining(id);
    if (remaining > 0) await sleep(this.sim.clock, remaining);
    return this.request("zoneOperations.wait", undefined, () => {
      const { error, ...operation } = this.#operations.read(id);
      return { ...operation, ...(error === undefined ? {} : { error: this.errorOf(error) }) };
    });
  }
}
