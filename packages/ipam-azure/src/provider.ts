import { formatCidr, messageOf, NetloomError, parseCidr, systemClock } from "@netloom/core";
import {
  CloudError,
  faultOf,
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
import type { NetworkInterface } from "@azure/arm-network";
import { classify } from "./classify.ts";
import { gated, loadClients, type AzureClients } from "./clients.ts";
import { configurationsOf, type Configuration, type WantedConfiguration } from "./configurations.ts";
import { found, type Edit, type Found, type Inventory, type Machines } from "./machines.ts";
import type { Polling } from "./operation.ts";
import type { AzureProviderOptions } from "./options.ts";
import { isSame, parseMachine } from "./resource-id.ts";
import { ScaleSetMachines } from "./scale-set.ts";
import { StandaloneMachines } from "./standalone.ts";
import { subnetOf } from "./subnets.ts";
import { AZURE_THROTTLES } from "./throttles.ts";
import { interfaceOf, poolOf } from "./views.ts";

/** See {@link AzureProviderOptions}. */
export class AzureProvider implements CloudProvider {
  readonly name = "azure";
  readonly account: string;
  readonly capabilities: CloudCapabilities;
  readonly #options: AzureProviderOptions;
  readonly #polling: Polling;
  #clients: Promise<AzureClients> | undefined;

  constructor(options: AzureProviderOptions) {
    const { subscription, location, machines = "standalone", throttles = AZURE_THROTTLES } = options;
    if (options.credential === undefined && options.clients === undefined)
      throw new NetloomError("ERR_OPTIONS_INVALID", "option credential is missing", {
        remedy: "give one, e.g. DefaultAzureCredential of @azure/identity",
        backend: this.name,
      });
    this.#options = options;
    this.#polling = { clock: options.clock ?? systemClock, interval: options.pollInterval ?? 1000 };
    this.account = `azure/${subscription}${location === undefined ? "" : `/${location}`}`;
    this.capabilities = {
      families: [4],
      interfaces: "fixed",
      singles: [4],
      // A scale set's configurations say neither which address nor how many.
      blocks: options.blocks === true && machines === "standalone" ? { 4: 28 } : {},
      exact: machines === "standalone",
      release: true,
      throttles,
    };
  }

  async *pools(node: CloudNode, call: CloudCall): AsyncGenerator<CloudPool> {
    const machines = await this.#machines(node, call);
    const inventory = await machines.inventory();
    if (inventory !== undefined) yield* await this.#subnets(inventory, call);
  }

  async readNode(node: CloudNode, call: CloudCall): Promise<NodeInventory | undefined> {
    const machines = await this.#machines(node, call);
    const inventory = await machines.inventory();
    if (inventory === undefined) return undefined;
    const { cluster = "default" } = this.#options;
    const { nics, version } = inventory;
    // Where there is one interface only, all leave by it.
    const pools = nics.length > 1 ? await this.#subnets(inventory, call) : [];
    return {
      node,
      interfaces: nics.map((one, index) => interfaceOf(one, index, { ...inventory, cluster, pools })),
      ...(version === undefined ? {} : { version }),
    };
  }

  /** What sizes may have is alike in Azure; how many interfaces there are is the machine's own affair. */
  async limits(node: CloudNode, call: CloudCall): Promise<NodeLimits | undefined> {
    const machines = await this.#machines(node, call);
    const machine = await machines.machine();
    const { instanceType } = node;
    if (machine === undefined || (instanceType !== undefined && !isSame(instanceType, machine.size)))
      return undefined;
    const { addressesPerInterface = 256, addressesPerMachine = 256 } = this.#options;
    return {
      interfaces: machine.interfaces.length,
      slots: { 4: addressesPerInterface },
      slotsPerNode: { 4: addressesPerMachine },
    };
  }

  async assign(request: AssignRequest, call: CloudCall): Promise<readonly string[]> {
    const { count, exact, prefix } = request;
    this.#check(request);
    const one = await this.#find(request, call);
    const wanted = Array.from({ length: count }, (_, index): WantedConfiguration => {
      const cidr = exact?.[index];
      const name = `${call.intent}-${index}`;
      return cidr === undefined ? { name, prefix } : { name, prefix, cidr: formatCidr(parseCidr(cidr)) };
    });
    const there = configurationsOf(one.nic);
    // What is there already, an earlier attempt of the same intent has made.
    const add = wanted.filter((wish) => !there.some((configuration) => isWanted(wish, configuration)));
    const nic = add.length === 0 ? one.nic : await this.#replace(one, { add }, prefix);
    return granted(nic, wanted);
  }

  async unassign(request: UnassignRequest, call: CloudCall): Promise<void> {
    let one: Found;
    try {
      one = await this.#find(request, call);
    } catch (error) {
      if (error instanceof CloudError && error.fault.kind === "gone") return;
      throw error;
    }
    const remove = configurationsOf(one.nic)
      .filter(({ cidr, role }) => role !== "primary" && request.cidrs.includes(cidr))
      .map(({ name }) => name);
    if (remove.length > 0) await one.replace({ remove: new Set(remove) });
  }

  classify(error: unknown): CloudFault {
    return classify(error);
  }

  async #find(
    request: { readonly node: CloudNode; readonly interface: string; readonly version?: string },
    call: CloudCall,
  ): Promise<Found> {
    const machines = await this.#machines(request.node, call);
    const one = await machines.find(request.interface);
    const { version } = request;
    if (version !== undefined && one.version !== undefined && !version.split(" ").includes(one.version))
      throw new CloudError({ kind: "conflict", what: "version" }, `${request.interface} has changed`);
    return one;
  }

  /** Those that the interfaces refer to, and no others: a subscription has many. */
  async #subnets({ nics }: Inventory, call: CloudCall): Promise<readonly CloudPool[]> {
    const { network } = await this.#load();
    const pools: CloudPool[] = [];
    for (const id of new Set(nics.map(({ nic }) => poolOf(nic)))) {
      const subnet = id === "" ? undefined : await found(subnetOf(id, network, call));
      if (subnet !== undefined) pools.push(subnet);
    }
    return pools;
  }

  async #replace(one: Found, edit: Edit, prefix: number): Promise<NetworkInterface> {
    try {
      return await one.replace(edit);
    } catch (error) {
      const fault = faultOf(this, error);
      const isFull = fault.kind === "exhausted" && fault.what === "pool-addresses";
      if (prefix === 32 || (!isFull && fault.kind !== "invalid")) throw error;
      // Azure has one word for both: there may be single addresses where no whole block is left; and they are to be had where
      // the subscription cannot have blocks, for which its word is not written down.
      throw new CloudError({ kind: "exhausted", what: "pool-blocks" }, messageOf(error), { cause: error });
    }
  }

  #check({ family, prefix, exact }: AssignRequest): void {
    const { blocks } = this.capabilities;
    if (family === 4 && (prefix === 32 || prefix === blocks[4])) {
      if (exact === undefined || this.capabilities.exact) return;
    }
    throw new CloudError({ kind: "invalid" }, `Azure gives no such address: IPv${family}, /${prefix}`);
  }

  async #machines({ instance }: CloudNode, call: CloudCall): Promise<Machines> {
    call.signal.throwIfAborted();
    const { machines = "standalone" } = this.#options;
    const machine = parseMachine(instance);
    if (machine.kind !== machines)
      throw new CloudError(
        { kind: "invalid" },
        `${instance} is ${machine.kind}, and option machines ${machines}`,
      );
    const clients = await this.#load();
    const polling = this.#polling;
    return machine.kind === "standalone"
      ? new StandaloneMachines({ machine, clients, call, polling })
      : new ScaleSetMachines({ machine, clients, call, polling });
  }

  async #load(): Promise<AzureClients> {
    this.#clients ??= this.#open().catch((error: unknown) => {
      this.#clients = undefined;
      throw error;
    });
    return this.#clients;
  }

  async #open(): Promise<AzureClients> {
    const { clients, credential, subscription, endpoint } = this.#options;
    if (typeof clients === "function") return gated(await clients());
    if (clients !== undefined) return gated(clients);
    const options = { credential: credential!, subscription };
    return gated(await loadClients(endpoint === undefined ? options : { ...options, endpoint }));
  }
}

/** Exactly what was asked for, where all of it is delivered to. */
function granted(nic: NetworkInterface, wanted: readonly WantedConfiguration[]): readonly string[] {
  const all = configurationsOf(nic).filter((one) => wanted.some((wish) => isWanted(wish, one)));
  if (all.length < wanted.length || all.some(({ ready }) => !ready))
    throw new CloudError({ kind: "ambiguous" }, `${nic.name} has not all that it was given`);
  return all.map(({ cidr }) => cidr);
}

function isWanted({ name, cidr }: WantedConfiguration, one: Configuration): boolean {
  return one.role !== "primary" && (cidr === undefined ? one.name === name : one.cidr === cidr);
}
