import { sleep } from "@netloom/core";
import {
  CloudError,
  type AssignRequest,
  type CloudCall,
  type CloudCapabilities,
  type CloudFault,
  type CloudInterface,
  type CloudNode,
  type CloudPool,
  type CloudProvider,
  type EnsureInterfaceRequest,
  type NodeInventory,
  type NodeLimits,
  type Orphan,
  type UnassignRequest,
} from "@netloom/ipam-cloud";
import { admit, everyPage } from "../cloud/api.ts";
import { CLUSTER_TAG, INTENT_TAG, type SimInterface } from "../cloud/records.ts";
import { SimCloudError } from "../cloud/refusal.ts";
import type { SimCloud } from "../cloud/sim-cloud.ts";
import { interfaceOf, type ShapeOptions } from "../cloud/views.ts";
import { Ec2Api } from "./api.ts";
import { classifyEc2 } from "./classify.ts";

/** Between two looks at what takes its time. */
const POLL = 1000;

const apis = new WeakMap<SimCloud, Ec2Api>();

/** One API for each cloud: it remembers client tokens. */
export function ec2Of(sim: SimCloud): Ec2Api {
  const api = apis.get(sim) ?? new Ec2Api(sim);
  apis.set(sim, api);
  return api;
}

/** As AWS: interfaces are created, attached and flagged one call each; addresses by count, blocks of both families. */
export function awsLike(sim: SimCloud, { cluster = "default" }: ShapeOptions = {}): CloudProvider {
  return new AwsLike(sim, cluster);
}

class AwsLike implements CloudProvider {
  readonly name = "aws-like";
  readonly account = "sim/aws-like";
  readonly capabilities: CloudCapabilities;
  readonly #sim: SimCloud;
  readonly #cluster: string;
  readonly #api: Ec2Api;

  constructor(sim: SimCloud, cluster: string) {
    this.#sim = sim;
    this.#cluster = cluster;
    this.#api = ec2Of(sim);
    this.capabilities = {
      families: [4, 6],
      interfaces: "dynamic",
      singles: [4, 6],
      blocks: { 4: 28, 6: 80 },
      exact: true,
      release: true,
      throttles: this.#api.throttles,
    };
  }

  async *pools(node: CloudNode, call: CloudCall): AsyncGenerator<CloudPool> {
    yield* everyPage(async (page) => {
      await admit(call, "DescribeSubnets");
      return this.#api.describeSubnets({
        ...page,
        ...(node.zone === undefined ? {} : { zone: node.zone }),
      });
    });
  }

  async readNode(node: CloudNode, call: CloudCall): Promise<NodeInventory | undefined> {
    const interfaces: CloudInterface[] = [];
    for await (const one of this.#describe({ instance: node.instance }, call))
      interfaces.push(this.#view(one));
    if (interfaces.length > 0) return { node, interfaces };
    // Every instance has an interface, but for those that are gone or not visible yet.
    await admit(call, "DescribeInstances");
    const instances = await this.#api.describeInstances(node.instance);
    return instances.length === 0 ? undefined : { node, interfaces };
  }

  async limits({ instanceType }: CloudNode, call: CloudCall): Promise<NodeLimits | undefined> {
    if (instanceType === undefined) return undefined;
    await admit(call, "DescribeInstanceTypes");
    try {
      const [type] = await this.#api.describeInstanceTypes(instanceType);
      return type;
    } catch (error) {
      if (hasCode(error, "InvalidParameterValue")) return undefined;
      throw error;
    }
  }

  async ensureInterface(request: EnsureInterfaceRequest, call: CloudCall): Promise<CloudInterface> {
    const securityGroups = request.securityGroups ?? (await this.#firstGroups(request.node, call));
    await admit(call, "CreateNetworkInterface");
    const created = await this.#api.createNetworkInterface({
      subnet: request.pool,
      want: request.want,
      tags: { [CLUSTER_TAG]: this.#cluster, [INTENT_TAG]: call.intent },
      securityGroups,
      clientToken: call.intent,
    });
    const attached = await this.#attach(created.id, request, call);
    await admit(call, "ModifyNetworkInterfaceAttribute");
    await this.#api.modifyNetworkInterfaceAttribute(created.id, true);
    // It may be attaching still: whoever asked reads the node once for all that are.
    return { ...this.#view(attached), deleteWithInstance: true };
  }

  async removeInterface({ interface: id }: { readonly interface: string }, call: CloudCall): Promise<void> {
    const one = await this.#find(id, call);
    if (one !== undefined) {
      const { primary, managed, state } = this.#view(one);
      if (primary || !managed)
        throw new CloudError({ kind: "invalid" }, `${id} is not this cluster's to remove`);
      if (state !== "detached" && state !== "detaching") {
        await admit(call, "DetachNetworkInterface");
        await this.#api.detachNetworkInterface(id).catch(unlessCode("InvalidParameterValue", GONE));
      }
    }
    for (;;) {
      await admit(call, "DeleteNetworkInterface");
      try {
        return await this.#api.deleteNetworkInterface(id);
      } catch (error) {
        if (hasCode(error, GONE)) return;
        if (!hasCode(error, "InvalidNetworkInterface.InUse") || one === undefined) throw error;
      }
      await sleep(this.#sim.clock, POLL, call.signal);
    }
  }

  async assign(request: AssignRequest, call: CloudCall): Promise<readonly string[]> {
    const { interface: id, family, prefix, count, exact } = request;
    const wanted = { family, prefix, count };
    if (family === 4) {
      await admit(call, "AssignPrivateIpAddresses");
      const added = await this.#api.assignPrivateIpAddresses(id, wanted, exact);
      return exact ?? added;
    }
    await admit(call, "AssignIpv6Addresses");
    const added = await this.#api.assignIpv6Addresses(id, wanted, exact);
    return exact ?? added;
  }

  async unassign({ interface: id, cidrs }: UnassignRequest, call: CloudCall): Promise<void> {
    for (const [action, version] of [
      ["UnassignPrivateIpAddresses", 4],
      ["UnassignIpv6Addresses", 6],
    ] as const) {
      let given = cidrs.filter((cidr) => cidr.includes(":") === (version === 6));
      while (given.length > 0) {
        await admit(call, action);
        try {
          if (version === 4) await this.#api.unassignPrivateIpAddresses(id, given);
          else await this.#api.unassignIpv6Addresses(id, given);
          break;
        } catch (error) {
          if (hasCode(error, GONE)) break;
          if (!hasCode(error, "InvalidParameterValue")) throw error;
          given = await this.#stillThere(id, given, error, call);
        }
      }
    }
  }

  async *orphans(call: CloudCall): AsyncGenerator<Orphan> {
    const tags = { [CLUSTER_TAG]: this.#cluster };
    for await (const one of this.#describe({ available: true, tags }, call)) {
      const intent = one.tags[INTENT_TAG];
      yield { interface: one.id, ...(intent === undefined ? {} : { intent }) };
    }
  }

  classify(error: unknown): CloudFault {
    return classifyEc2(error);
  }

  /** Attached at the index asked for or, where that is taken, the first that is free. */
  async #attach(id: string, request: EnsureInterfaceRequest, call: CloudCall): Promise<SimInterface> {
    const { instance } = request.node;
    let index = request.index ?? (await this.#freeIndex(request.node, call));
    for (let attempt = 0; ; attempt++) {
      await admit(call, "AttachNetworkInterface");
      try {
        return await this.#api.attachNetworkInterface(id, instance, index);
      } catch (error) {
        if (hasCode(error, "InvalidNetworkInterface.InUse")) {
          // An earlier attempt came this far.
          const known = await this.#find(id, call);
          if (known?.attachment?.instance === instance) return known;
          // Elsewhere, or here and not to be seen yet.
          const fault = { kind: "transient" } as const;
          throw new CloudError(fault, `${id} is not seen at ${instance}`, { cause: error });
        }
        if (!hasCode(error, "InvalidDeviceIndex.InUse") || attempt === 3) throw error;
        index = Math.max(index + 1, await this.#freeIndex(request.node, call));
      }
    }
  }

  async #freeIndex(node: CloudNode, call: CloudCall): Promise<number> {
    const taken = new Set<number>();
    for await (const one of this.#describe({ instance: node.instance }, call))
      taken.add(one.attachment!.index);
    let index = 0;
    while (taken.has(index)) index++;
    return index;
  }

  async #firstGroups(node: CloudNode, call: CloudCall): Promise<readonly string[]> {
    for await (const one of this.#describe({ instance: node.instance }, call))
      if (one.primary) return one.securityGroups;
    throw new CloudError({ kind: "gone", what: "instance" }, `${node.instance} has no first interface`);
  }

  /** Of these, what it has, now that it was said to lack some; throws `error` where that was not why. */
  async #stillThere(
    id: string,
    cidrs: readonly string[],
    error: unknown,
    call: CloudCall,
  ): Promise<string[]> {
    const one = await this.#find(id, call);
    const there = cidrs.filter((cidr) =>
      one?.addresses.some((address) => address.cidr === cidr && address.role !== "primary"),
    );
    if (there.length === cidrs.length) throw error;
    return there;
  }

  async #find(id: string, call: CloudCall): Promise<SimInterface | undefined> {
    for await (const one of this.#describe({ among: [id] }, call)) return one;
    return undefined;
  }

  #describe(
    filter: Parameters<Ec2Api["describeNetworkInterfaces"]>[0],
    call: CloudCall,
  ): AsyncGenerator<SimInterface> {
    return everyPage(async (page) => {
      await admit(call, "DescribeNetworkInterfaces");
      return this.#api.describeNetworkInterfaces({ ...filter, ...page });
    });
  }

  #view(one: SimInterface): CloudInterface {
    const pool = this.#sim.network.describe(one.pool);
    return interfaceOf(one, pool, this.#cluster, this.#sim.clock.monotonic());
  }
}

const GONE = "InvalidNetworkInterfaceID.NotFound";

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof SimCloudError && codes.includes(error.code);
}

function unlessCode(...codes: readonly string[]): (error: unknown) => void {
  return (error) => {
    if (!hasCode(error, ...codes)) throw error;
  };
}
