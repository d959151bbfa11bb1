import {
  CloudError,
  type AssignRequest,
  type CloudCall,
  type CloudCapabilities,
  type CloudFault,
  type CloudNode,
  type CloudPool,
  type CloudProvider,
  type NodeInventory,
  type NodeLimits,
  type UnassignRequest,
} from "@netloom/ipam-cloud";
import { parseCidr } from "@netloom/core";
import type { SimAddress, SimInterface } from "./records.ts";
import type { SimCloud } from "./sim-cloud.ts";
import { interfaceOf } from "./views.ts";
import type { Wish } from "./world.ts";

/** Clouds whose instances have the interfaces they were started with, and whose addresses are set all at once. */
export abstract class ReplaceSetProvider implements CloudProvider {
  abstract readonly name: string;
  abstract readonly account: string;
  abstract readonly capabilities: CloudCapabilities;
  protected readonly sim: SimCloud;
  protected readonly cluster: string;

  constructor(sim: SimCloud, cluster: string) {
    this.sim = sim;
    this.cluster = cluster;
  }

  abstract pools(node: CloudNode, call: CloudCall): AsyncIterable<CloudPool>;
  abstract limits(node: CloudNode, call: CloudCall): Promise<NodeLimits | undefined>;
  abstract classify(error: unknown): CloudFault;
  /** The instance's interfaces; `undefined` where it is gone. */
  protected abstract read(node: CloudNode, call: CloudCall): Promise<readonly SimInterface[] | undefined>;
  /** Its addresses are these from now on; resolves to the interface as it is then. */
  protected abstract replace(
    node: CloudNode,
    one: SimInterface,
    wishes: readonly Wish[],
    call: CloudCall,
  ): Promise<SimInterface>;
  /** What an address of this intent is called; `undefined` where addresses have no names. */
  protected abstract nameOf(intent: string, index: number): string | undefined;

  async readNode(node: CloudNode, call: CloudCall): Promise<NodeInventory | undefined> {
    const interfaces = await this.read(node, call);
    if (interfaces === undefined) return undefined;
    const now = this.sim.clock.monotonic();
    return {
      node,
      interfaces: interfaces.map((one) =>
        interfaceOf(one, this.sim.network.describe(one.pool), this.cluster, now),
      ),
      version: interfaces.map(versionOf).join(" "),
    };
  }

  async assign(request: AssignRequest, call: CloudCall): Promise<readonly string[]> {
    const { node, count, exact, family, prefix } = request;
    const one = await this.#find(request, call);
    const wishes = Array.from({ length: count }, (_, index): Wish => {
      const name = this.nameOf(call.intent, index);
      const cidr = exact?.[index];
      return {
        family,
        prefix,
        ...(name === undefined ? {} : { name }),
        ...(cidr === undefined ? {} : { cidr }),
      };
    });
    const isThere = ({ cidr, name }: Wish): boolean =>
      one.addresses.some((address) =>
        cidr === undefined ? name !== undefined && address.name === name : address.cidr === cidr,
      );
    // An earlier attempt of the same intent has come through.
    const after = wishes.every(isThere)
      ? one
      : await this.replace(node, one, [...wishesOf(one), ...wishes.filter((wish) => !isThere(wish))], call);
    if (exact !== undefined) return exact;
    const names = new Set(wishes.map(({ name }) => name).filter((name) => name !== undefined));
    const before = new Set(one.addresses.map(({ cidr }) => cidr));
    return after.addresses
      .filter(({ cidr, name }) => (name !== undefined && names.has(name)) || !before.has(cidr))
      .map(({ cidr }) => cidr);
  }

  async unassign(request: UnassignRequest, call: CloudCall): Promise<void> {
    let one: SimInterface;
    try {
      one = await this.#find(request, call);
    } catch (error) {
      if (error instanceof CloudError && error.fault.kind === "gone") return;
      throw error;
    }
    const kept = wishesOf(one).filter(({ cidr }) => !request.cidrs.includes(cidr!));
    if (kept.length < wishesOf(one).length) await this.replace(request.node, one, kept, call);
  }

  async #find(
    request: { readonly node: CloudNode; readonly interface: string; readonly version?: string },
    call: CloudCall,
  ): Promise<SimInterface> {
    const interfaces = await this.read(request.node, call);
    if (interfaces === undefined)
      throw new CloudError({ kind: "gone", what: "instance" }, `there is no ${request.node.instance}`);
    const one = interfaces.find(({ id }) => id === request.interface);
    if (one === undefined)
      throw new CloudError({ kind: "gone", what: "interface" }, `there is no ${request.interface}`);
    if (request.version !== undefined && !request.version.split(" ").includes(versionOf(one)))
      throw new CloudError({ kind: "conflict", what: "version" }, `${one.id} has changed`);
    return one;
  }
}

/** Asks how something ended that has begun: where that cannot be told, it may have happened. */
export async function outcome<Answer>(asked: Promise<Answer>): Promise<Answer> {
  try {
    return await asked;
  } catch (cause) {
    throw new CloudError({ kind: "ambiguous" }, "it is not known how an operation ended", { cause });
  }
}

function versionOf({ id, version }: SimInterface): string {
  return `${id}=${version}`;
}

function wishesOf({ addresses }: SimInterface): readonly Wish[] {
  return addresses.filter(({ role }) => role !== "primary").map(wishOf);
}

function wishOf({ cidr, name }: SimAddress): Wish {
  const { family, prefix } = parseCidr(cidr);
  return { cidr, family, prefix, ...(name === undefined ? {} : { name }) };
}
