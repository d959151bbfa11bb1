import type { CloudPool, Wanted } from "@netloom/ipam-cloud";
import { Api, type Codes, type Page, type PageRequest } from "../cloud/api.ts";
import type { InstanceType, SimInstance, SimInterface } from "../cloud/records.ts";
import { Refusal, SimCloudError } from "../cloud/refusal.ts";
import type { SimCloud } from "../cloud/sim-cloud.ts";
import { asAddress } from "../cloud/world.ts";
import { EC2_THROTTLES } from "./throttles.ts";

/** EC2's words for why not. */
const EC2_CODES: Codes = {
  "address-taken": "PrivateIpAddressInUse",
  denied: "UnauthorizedOperation",
  failed: "InternalError",
  "in-use": "InvalidNetworkInterface.InUse",
  "index-taken": "InvalidDeviceIndex.InUse",
  "instance-gone": "InvalidInstanceID.NotFound",
  "interface-gone": "InvalidNetworkInterfaceID.NotFound",
  "interface-slots": "PrivateIpAddressLimitExceeded",
  invalid: "InvalidParameterValue",
  "node-interfaces": "AttachmentLimitExceeded",
  "pool-addresses": "InsufficientFreeAddressesInSubnet",
  "pool-blocks": "InsufficientCidrBlocks",
  "pool-gone": "InvalidSubnetID.NotFound",
  quota: "NetworkAddressUsageLimitExceeded",
  throttled: "RequestLimitExceeded",
  unavailable: "Unavailable",
  version: "IncorrectState",
};

export interface DescribeInterfacesRequest extends PageRequest {
  /** All of them, or an error. */
  readonly ids?: readonly string[];
  /** Those of them that there are. */
  readonly among?: readonly string[];
  readonly instance?: string;
  readonly available?: boolean;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface CreateInterfaceRequest {
  readonly subnet: string;
  readonly want: readonly Wanted[];
  readonly tags: Readonly<Record<string, string>>;
  readonly securityGroups: readonly string[];
  /** The same token with the same parameters: the same interface. */
  readonly clientToken?: string;
}

interface Token {
  readonly interface: SimInterface;
  readonly parameters: string;
  readonly at: number;
}

/** The actions of EC2 that IPAM uses: each one request, `DeleteOnTermination` off until it is set. */
export class Ec2Api extends Api {
  readonly #tokens = new Map<string, Token>();

  constructor(sim: SimCloud) {
    super(sim, EC2_THROTTLES, EC2_CODES);
  }

  describeNetworkInterfaces(request: DescribeInterfacesRequest): Promise<Page<SimInterface>> {
    return this.request("DescribeNetworkInterfaces", request.instance, () => {
      const found = this.sim.seen().interfaces.filter((one) => this.#matches(one, request));
      const missing = request.ids?.find((id) => !found.some((one) => one.id === id));
      if (missing !== undefined) throw new Refusal("interface-gone", missing, `there is no ${missing}`);
      return this.page(
        found.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
        request,
      );
    });
  }

  describeInstances(id: string): Promise<readonly SimInstance[]> {
    return this.request("DescribeInstances", id, () =>
      this.sim.seen().instances.filter((instance) => instance.id === id),
    );
  }

  describeInstanceTypes(type: string): Promise<readonly InstanceType[]> {
    return this.request("DescribeInstanceTypes", undefined, () => {
      const found = this.sim.typeNamed(type);
      if (found === undefined) throw new Refusal("invalid", type, `there is no type ${type}`);
      return [found];
    });
  }

  describeSubnets(request: PageRequest & { readonly zone?: string }): Promise<Page<CloudPool>> {
    return this.request("DescribeSubnets", undefined, () => {
      const { network } = this.sim;
      const pools = network.ids.map((id) => network.describe(id));
      return this.page(
        pools.filter(({ zone }) => request.zone === undefined || zone === request.zone),
        request,
      );
    });
  }

  createNetworkInterface(request: CreateInterfaceRequest): Promise<SimInterface> {
    return this.request("CreateNetworkInterface", request.subnet, () => {
      const { clientToken, subnet: pool, ...rest } = request;
      if (clientToken === undefined) return this.sim.world.create({ pool, ...rest });
      const parameters = JSON.stringify([pool, rest]);
      const known = this.#tokens.get(clientToken);
      const life = this.sim.options.tokenLife ?? 86_400_000;
      if (known !== undefined && this.sim.clock.monotonic() - known.at < life) {
        if (known.parameters === parameters) return known.interface;
        throw new SimCloudError("IdempotentParameterMismatch", clientToken, "a token with other parameters");
      }
      const created = this.sim.world.create({ pool, ...rest });
      this.#tokens.set(clientToken, { interface: created, parameters, at: this.sim.clock.monotonic() });
      return created;
    });
  }

  attachNetworkInterface(id: string, instance: string, index: number): Promise<SimInterface> {
    return this.request("AttachNetworkInterface", instance, () =>
      this.sim.world.attach(id, instance, index, false),
    );
  }

  /** `DeleteOnTermination` of its attachment. */
  modifyNetworkInterfaceAttribute(id: string, deleteOnTermination: boolean): Promise<void> {
    return this.request("ModifyNetworkInterfaceAttribute", id, () =>
      this.sim.world.setDeleteWithInstance(id, deleteOnTermination),
    );
  }

  detachNetworkInterface(id: string): Promise<void> {
    return this.request("DetachNetworkInterface", id, () => this.sim.world.detach(id));
  }

  deleteNetworkInterface(id: string): Promise<void> {
    return this.request("DeleteNetworkInterface", id, () => this.sim.world.delete(id));
  }

  /** IPv4 by count, or exactly these; singles or blocks. Answers what is new. */
  assignPrivateIpAddresses(
    id: string,
    wanted: Wanted,
    exact?: readonly string[],
  ): Promise<readonly string[]> {
    return this.#assign("AssignPrivateIpAddresses", id, wanted, exact);
  }

  assignIpv6Addresses(id: string, wanted: Wanted, exact?: readonly string[]): Promise<readonly string[]> {
    return this.#assign("AssignIpv6Addresses", id, wanted, exact);
  }

  unassignPrivateIpAddresses(id: string, cidrs: readonly string[]): Promise<void> {
    return this.request("UnassignPrivateIpAddresses", id, () => this.sim.world.unassign(id, cidrs));
  }

  unassignIpv6Addresses(id: string, cidrs: readonly string[]): Promise<void> {
    return this.request("UnassignIpv6Addresses", id, () => this.sim.world.unassign(id, cidrs));
  }

  #assign(
    action: string,
    id: string,
    wanted: Wanted,
    exact: readonly string[] | undefined,
  ): Promise<readonly string[]> {
    return this.request(action, id, () =>
      exact === undefined
        ? this.sim.world.assign(id, wanted)
        : this.sim.world.assignExactly(id, exact.map(asAddress)),
    );
  }

  #matches(one: SimInterface, request: DescribeInterfacesRequest): boolean {
    const { ids, among, instance, available, tags = {} } = request;
    const detached = this.sim.world.stateOf(one) === "detached";
    if (ids !== undefined && !ids.includes(one.id)) return false;
    if (among !== undefined && !among.includes(one.id)) return false;
    if (instance !== undefined && (detached || one.attachment?.instance !== instance)) return false;
    if (available === true && !detached) return false;
    return Object.entries(tags).every(([key, value]) => one.tags[key] === value);
  }
}
