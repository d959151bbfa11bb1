import { NetloomError } from "@netloom/core";
import {
  CloudError,
  type CloudCall,
  type CloudCapabilities,
  type CloudFault,
  type CloudNode,
  type CloudPool,
  type CloudProvider,
  type NodeInventory,
  type NodeLimits,
} from "@netloom/ipam-cloud";
import { canonical, roleOf } from "./alias-ranges.ts";
import { faultOfError } from "./classify.ts";
import { readInterface, type Metadata } from "./metadata.ts";

/**
 * What the instance was created with, and nothing more: the metadata server tells, and no permission is needed. The same
 * IPAM runs on it as on clouds that give more: what is asked for that is not there, this one cannot have.
 */
export class NodeRange implements CloudProvider {
  readonly name = "gke";
  readonly account = "gcp/metadata";
  readonly capabilities: CloudCapabilities = {
    families: [4],
    interfaces: "fixed",
    singles: [],
    blocks: {},
    exact: false,
    release: false,
    throttles: [],
  };
  readonly #metadata: Metadata;
  readonly #usable: (cidr: string, index: number) => boolean;

  constructor(metadata: Metadata, usable: (cidr: string, index: number) => boolean) {
    this.#metadata = metadata;
    this.#usable = usable;
  }

  /** @throws {@link NetloomError} `ERR_IPAM_NO_RANGE` where the instance has none for pods. */
  async check(): Promise<void> {
    const aliases = (await readInterface(this.#metadata, {}))?.ipAliases ?? [];
    if (this.#ranges(aliases).length > 0) return;
    const what =
      aliases.length === 0 ? "no alias range" : `alias ranges ${aliases.join(", ")}, none of them usable`;
    throw new NetloomError("ERR_IPAM_NO_RANGE", `the instance's first interface has ${what}`, {
      remedy:
        'create the instance with one, as GKE does for VPC-native clusters, or use gke({ range: "dynamic" })',
      backend: "gke",
    });
  }

  async *pools(): AsyncGenerator<CloudPool> {}

  /** One: there is no room on it for others. */
  async limits(): Promise<NodeLimits> {
    return { interfaces: 1, slots: { 4: 1 } };
  }

  async readNode(node: CloudNode, call: CloudCall): Promise<NodeInventory | undefined> {
    call.signal.throwIfAborted();
    await call.admit("metadata.get");
    const nic = await readInterface(this.#metadata, { signal: call.signal });
    if (nic === undefined) return undefined;
    const { ip, mac, gateway, ipAliases = [] } = nic;
    return {
      node,
      interfaces: [
        {
          id: `${node.instance}/nic0`,
          index: 0,
          pool: "alias-ranges",
          primary: true,
          managed: true,
          state: "attached",
          addresses: [
            { cidr: canonical(ip), role: "primary", ready: true },
            ...this.#ranges(ipAliases).map((cidr) => ({ cidr, role: roleOf(cidr), ready: true })),
          ],
          securityGroups: [],
          deleteWithInstance: true,
          ...(mac === undefined ? {} : { mac }),
          ...(gateway === undefined ? {} : { gateway }),
        },
      ],
    };
  }

  async assign(): Promise<readonly string[]> {
    throw new CloudError({ kind: "invalid" }, "the node has the range that it was created with");
  }

  classify(error: unknown): CloudFault {
    return faultOfError(error, "metadata.get", Date.now());
  }

  #ranges(aliases: readonly string[]): readonly string[] {
    return aliases.map(canonical).filter((cidr, index) => this.#usable(cidr, index));
  }
}
