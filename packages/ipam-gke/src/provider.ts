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
import {
  aliasesOf,
  canonical,
  indexOf,
  interfaceId,
  interfaceOf,
  poolId,
  rangesOf,
  subnetworkOf,
} from "./alias-ranges.ts";
import { faultOfError } from "./classify.ts";
import type { ComputeAliasRange, ComputeInterface } from "./clients.ts";
import { begun, Compute, isGone, type Place } from "./compute.ts";
import { parseProviderOptions, type GkeProviderConfig, type GkeProviderOptions } from "./options.ts";
import { poolOf } from "./pools.ts";
import { requestIdOf } from "./request-id.ts";

/**
 * Alias ranges of a Compute Engine instance's first interface. Does no I/O before it is asked.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`.
 */
export function gkeProvider(options: GkeProviderOptions = {}): GkeProvider {
  return new GkeProvider(parseProviderOptions(options));
}

export class GkeProvider implements CloudProvider {
  readonly name = "gke";
  readonly account: string;
  readonly capabilities: CloudCapabilities;
  readonly #config: GkeProviderConfig;
  readonly #compute: Compute;

  constructor(config: GkeProviderConfig) {
    this.#config = config;
    this.#compute = new Compute(config);
    this.account = `gcp/${config.account}`;
    this.capabilities = {
      families: [4],
      interfaces: "fixed",
      singles: [4],
      blocks: { 4: config.blockPrefix },
      exact: true,
      release: true,
      throttles: config.throttles,
    };
  }

  /** Loads the SDK, which otherwise the first request does. @throws NetloomError `ERR_UNSUPPORTED`. */
  async open(): Promise<void> {
    await this.#compute.open();
  }

  /** One: the range of the first interface's subnetwork that pods are to have addresses of. */
  async *pools(node: CloudNode, call: CloudCall): AsyncGenerator<CloudPool> {
    const { rangeName } = this.#config;
    const interfaces = await this.#read(node, call);
    const name = interfaces?.map(subnetworkOf)[0];
    if (name === undefined) return;
    yield poolOf(name.subnetwork, await this.#compute.getSubnetwork(name, call), rangeName);
  }

  async readNode(node: CloudNode, call: CloudCall): Promise<NodeInventory | undefined> {
    const interfaces = await this.#read(node, call);
    if (interfaces === undefined) return undefined;
    return {
      node,
      interfaces: interfaces.map((nic) => interfaceOf(node.instance, nic, this.#config.rangeName)),
      version: interfaces.map(versionOf).join(" "),
    };
  }

  /** The same for every type that there is. */
  async limits({ zone, instanceType }: CloudNode, call: CloudCall): Promise<NodeLimits | undefined> {
    if (instanceType !== undefined && !(await this.#compute.hasMachineType(zoneOf(zone), instanceType, call)))
      return undefined;
    // Its own address is one, too.
    return { interfaces: 1, slots: { 4: this.#config.rangesPerInterface + 1 } };
  }

  async assign(request: AssignRequest, call: CloudCall): Promise<readonly string[]> {
    const { count, prefix, exact } = request;
    const { rangeName } = this.#config;
    const nic = await this.#find(request, call);
    const before = new Set(aliasesOf(nic, rangeName));
    const wanted = exact?.map(canonical) ?? Array.from({ length: count }, () => `/${prefix}`);
    // An earlier attempt of the same intent has come through.
    const missing = wanted.filter((cidr) => !before.has(cidr));
    if (missing.length === 0) return wanted;
    const added = missing.map((ipCidrRange) =>
      rangeName === undefined ? { ipCidrRange } : { ipCidrRange, subnetworkRangeName: rangeName },
    );
    try {
      await this.#replace(request, nic, [...rangesOf(nic), ...added], call);
    } catch (error) {
      throw this.#inWordsOf(request, nic, error);
    }
    // Whoever asked for these very ranges need not look.
    if (exact !== undefined) return wanted;
    const after = await begun(this.#find({ ...request, version: undefined }, call));
    return aliasesOf(after, rangeName).filter((cidr) => !before.has(cidr));
  }

  async unassign(request: UnassignRequest, call: CloudCall): Promise<void> {
    let nic: ComputeInterface;
    try {
      nic = await this.#find(request, call);
    } catch (error) {
      if (isGone(error, "instance") || isGone(error, "interface")) return;
      throw error;
    }
    const ours = new Set(aliasesOf(nic, this.#config.rangeName));
    const gone = new Set(request.cidrs.filter((cidr) => ours.has(cidr)));
    const kept = rangesOf(nic).filter(({ ipCidrRange }) => !gone.has(canonical(ipCidrRange!)));
    if (gone.size > 0) await this.#replace(request, nic, kept, call);
  }

  classify(error: unknown): CloudFault {
    return faultOfError(error, undefined, this.#config.now());
  }

  /** In order; `undefined` where the instance is gone. */
  async #read(node: CloudNode, call: CloudCall): Promise<readonly ComputeInterface[] | undefined> {
    const instance = await this.#compute.getInstance(placeOf(node), call);
    return instance?.networkInterfaces?.toSorted((a, b) => indexOf(a) - indexOf(b));
  }

  async #find(
    request: { readonly node: CloudNode; readonly interface: string; readonly version?: string | undefined },
    call: CloudCall,
  ): Promise<ComputeInterface> {
    const { node, version } = request;
    const interfaces = await this.#read(node, call);
    if (interfaces === undefined)
      throw new CloudError({ kind: "gone", what: "instance" }, `there is no instance ${node.instance}`);
    const nic = interfaces.find((one) => interfaceId(node.instance, one) === request.interface);
    if (nic === undefined)
      throw new CloudError({ kind: "gone", what: "interface" }, `there is no interface ${request.interface}`);
    if (version !== undefined && !version.split(" ").includes(versionOf(nic)))
      throw new CloudError({ kind: "conflict", what: "version" }, `${request.interface} has changed`);
    return nic;
  }

  async #replace(
    { node }: { readonly node: CloudNode },
    nic: ComputeInterface,
    ranges: readonly ComputeAliasRange[],
    call: CloudCall,
  ): Promise<void> {
    const place = placeOf(node);
    const requestId = requestIdOf(call.intent, nic.fingerprint ?? "");
    const operation = await this.#compute.updateInterface(place, nic, ranges, requestId, call);
    await this.#compute.waitFor(place.zone, operation, call);
  }

  /** Google has one word for addresses and blocks that have run out: which it was, the request tells. */
  #inWordsOf({ prefix, interface: id }: AssignRequest, nic: ComputeInterface, error: unknown): unknown {
    if (!(error instanceof CloudError) || error.fault.kind !== "exhausted") return error;
    const pool = poolId(subnetworkOf(nic)?.subnetwork ?? "", this.#config.rangeName);
    switch (error.fault.what) {
      case "pool-addresses": {
        const what = prefix === 32 ? "pool-addresses" : "pool-blocks";
        return new CloudError({ kind: "exhausted", what, id: pool }, error.message);
      }
      case "interface-slots":
        return new CloudError({ ...error.fault, id }, error.message);
      default:
        return error;
    }
  }
}

function placeOf({ zone, instance }: CloudNode): Place {
  return { zone: zoneOf(zone), instance };
}

function zoneOf(zone: string | undefined): string {
  if (zone !== undefined) return zone;
  throw new CloudError(
    { kind: "invalid" },
    "the zone of the instance is not known: state it, instance: { zone }",
  );
}

function versionOf({ name, fingerprint }: ComputeInterface): string {
  return `${name ?? "nic0"}=${fingerprint ?? ""}`;
}
