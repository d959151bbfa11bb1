import type {
  CloudCall,
  CloudCapabilities,
  CloudFault,
  CloudNode,
  CloudPool,
  CloudProvider,
  NodeLimits,
} from "@netloom/ipam-cloud";
import { admit, everyPage } from "../cloud/api.ts";
import type { SimInterface } from "../cloud/records.ts";
import { outcome, ReplaceSetProvider } from "../cloud/replace-set.ts";
import type { SimCloud } from "../cloud/sim-cloud.ts";
import type { ShapeOptions } from "../cloud/views.ts";
import type { Wish } from "../cloud/world.ts";
import { ComputeApi } from "./api.ts";
import { classifyCompute } from "./classify.ts";

const apis = new WeakMap<SimCloud, ComputeApi>();

/** One API for each cloud: it remembers requests and operations. */
export function computeOf(sim: SimCloud): ComputeApi {
  const api = apis.get(sim) ?? new ComputeApi(sim);
  apis.set(sim, api);
  return api;
}

/**
 * As Google: interfaces are fixed, their alias ranges are replaced all at once against a fingerprint, a request has an id, and
 * quotas are full again at each whole minute.
 */
export function gcpLike(sim: SimCloud, { cluster = "default" }: ShapeOptions = {}): CloudProvider {
  return new GcpLike(sim, cluster);
}

class GcpLike extends ReplaceSetProvider {
  readonly name = "gcp-like";
  readonly account = "sim/gcp-like";
  readonly capabilities: CloudCapabilities;
  readonly #api: ComputeApi;

  constructor(sim: SimCloud, cluster: string) {
    super(sim, cluster);
    this.#api = computeOf(sim);
    this.capabilities = {
      families: [4],
      interfaces: "fixed",
      singles: [4],
      blocks: { 4: 28 },
      exact: true,
      release: true,
      throttles: this.#api.throttles,
    };
  }

  pools(_: CloudNode, call: CloudCall): AsyncIterable<CloudPool> {
    return everyPage(async (page) => {
      await admit(call, "subnetworks.list");
      return this.#api.listSubnetworks(page);
    });
  }

  async limits({ instanceType }: CloudNode, call: CloudCall): Promise<NodeLimits | undefined> {
    if (instanceType === undefined) return undefined;
    await admit(call, "machineTypes.get");
    return this.#api.getMachineType(instanceType);
  }

  protected async read(node: CloudNode, call: CloudCall): Promise<readonly SimInterface[] | undefined> {
    await admit(call, "instances.get");
    return this.#api.getInstance(node.instance);
  }

  protected async replace(
    node: CloudNode,
    one: SimInterface,
    wishes: readonly Wish[],
    call: CloudCall,
  ): Promise<SimInterface> {
    await admit(call, "instances.updateNetworkInterface");
    const { id } = await this.#api.updateNetworkInterface(
      node.instance,
      one.id,
      wishes,
      one.version,
      // Made from another state, it is another request.
      `${call.intent}/${one.version}`,
    );
    await admit(call, "zoneOperations.wait");
    const { error } = await outcome(this.#api.waitForOperation(id));
    if (error !== undefined) throw error;
    // Whoever asked for these very ranges need not look.
    if (wishes.every(({ cidr }) => cidr !== undefined)) return one;
    await admit(call, "instances.get");
    const after = await outcome(this.#api.getInstance(node.instance));
    return after?.find((other) => other.id === one.id) ?? one;
  }

  protected nameOf(): undefined {
    return undefined;
  }

  classify(error: unknown): CloudFault {
    return classifyCompute(error);
  }
}
