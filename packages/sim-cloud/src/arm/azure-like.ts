import { sleep } from "@netloom/core";
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
import { ArmApi } from "./api.ts";
import { classifyArm } from "./classify.ts";

/** Between two looks at an operation, in milliseconds. */
const POLL = 1000;

const apis = new WeakMap<SimCloud, ArmApi>();

/** One API for each cloud: it remembers operations. */
function armOf(sim: SimCloud): ArmApi {
  const api = apis.get(sim) ?? new ArmApi(sim);
  apis.set(sim, api);
  return api;
}

/**
 * As Azure: interfaces are fixed, their named configurations are replaced all at once against a version, and a change is an
 * operation that is polled for and may fail with 200.
 */
export function azureLike(sim: SimCloud, { cluster = "default" }: ShapeOptions = {}): CloudProvider {
  return new AzureLike(sim, cluster);
}

class AzureLike extends ReplaceSetProvider {
  readonly name = "azure-like";
  readonly account = "sim/azure-like";
  readonly capabilities: CloudCapabilities;
  readonly #api: ArmApi;

  constructor(sim: SimCloud, cluster: string) {
    super(sim, cluster);
    this.#api = armOf(sim);
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
      await admit(call, "Subnets.List");
      return this.#api.listSubnets(page);
    });
  }

  async limits({ instanceType }: CloudNode, call: CloudCall): Promise<NodeLimits | undefined> {
    if (instanceType === undefined) return undefined;
    await admit(call, "ResourceSkus.List");
    return this.#api.listSizes(instanceType);
  }

  protected async read(node: CloudNode, call: CloudCall): Promise<readonly SimInterface[] | undefined> {
    await admit(call, "NetworkInterfaces.ListByVirtualMachine");
    return this.#api.listInterfaces(node.instance);
  }

  protected async replace(
    node: CloudNode,
    one: SimInterface,
    wishes: readonly Wish[],
    call: CloudCall,
  ): Promise<SimInterface> {
    await admit(call, "NetworkInterfaces.CreateOrUpdate");
    const { id } = await this.#api.putInterface(node.instance, one.id, wishes, one.version);
    for (;;) {
      await admit(call, "Operations.Get");
      const operation = await outcome(this.#api.getOperation(id));
      if (operation.status === "succeeded") return operation.result!;
      if (operation.status === "failed") throw operation.error!;
      await sleep(this.sim.clock, POLL, call.signal);
    }
  }

  protected nameOf(intent: string, index: number): string {
    return `${intent}-${index}`;
  }

  classify(error: unknown): CloudFault {
    return classifyArm(error);
  }
}
