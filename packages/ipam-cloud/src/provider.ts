import type { Family } from "@netloom/core";

/** A virtual machine, as the cluster and the cloud know it. */
export interface CloudNode {
  /** The node's name in the cluster. */
  readonly name: string;
  /** The cloud's id of the instance. A node that comes back under its name has another. */
  readonly instance: string;
  readonly zone?: string;
  readonly instanceType?: string;
}

/** Where addresses come from: a subnet, a vSwitch, a secondary range. */
export interface CloudPool {
  readonly id: string;
  readonly zone?: string;
  /** Canonical CIDRs. */
  readonly cidrs: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  /** By family; left out where the cloud does not say. May lag. */
  readonly freeAddresses?: Readonly<Partial<Record<Family, number>>>;
  /** Whole free blocks, by family; left out where the cloud does not say. May lag. */
  readonly freeBlocks?: Readonly<Partial<Record<Family, number>>>;
  /** Pools with the same value leave the node by the same routes. */
  readonly routeDomain?: string;
}

/** A single address (`/32`, `/128`) or a block of them that an interface has. */
export interface CloudAddress {
  /** Canonical, e.g. `10.0.1.7/32`, `10.0.1.16/28`, `2001:db8::/80`. */
  readonly cidr: string;
  /** `primary` is the interface's own and never released; the others are for pods. */
  readonly role: "primary" | "secondary" | "block";
  /** The cloud delivers packets for it. */
  readonly ready: boolean;
}

export type CloudInterfaceState = "detached" | "attaching" | "attached" | "detaching";

export interface CloudInterface {
  readonly id: string;
  /** Device index; left out where it has none. */
  readonly index?: number;
  readonly mac?: string;
  /** Id of the {@link CloudPool} all its addresses are from. */
  readonly pool: string;
  /** The instance's first interface: never removed. */
  readonly primary: boolean;
  /** Bears this cluster's mark: what is not managed is not touched, ever. */
  readonly managed: boolean;
  readonly state: CloudInterfaceState;
  readonly addresses: readonly CloudAddress[];
  readonly gateway?: string;
  readonly securityGroups: readonly string[];
  /** Goes with its instance. */
  readonly deleteWithInstance: boolean;
  /** {@link CloudCall.intent} of the call that created it, as its tag says. */
  readonly intent?: string;
}

/** All that one node has, as of one moment. */
export interface NodeInventory {
  readonly node: CloudNode;
  readonly interfaces: readonly CloudInterface[];
  /** For optimistic concurrency, where the cloud has it: handed back with {@link AssignRequest.version}. */
  readonly version?: string;
}

/** How much an instance may have. */
export interface NodeLimits {
  /** Interfaces, the first included. */
  readonly interfaces: number;
  /** Addresses or blocks per interface by family, its primary address included. */
  readonly slots: Readonly<Partial<Record<Family, number>>>;
  /** Slots of the whole instance by family, primary addresses included, where the cloud limits these too. */
  readonly slotsPerNode?: Readonly<Partial<Record<Family, number>>>;
  /** Prefix lengths of the blocks that this instance can have. @defaultValue {@link CloudCapabilities.blocks} */
  readonly blocks?: Readonly<Partial<Record<Family, number>>>;
}

/** So many addresses (`prefix` 32 or 128) or blocks. */
export interface Wanted {
  readonly family: Family;
  readonly prefix: number;
  readonly count: number;
}

/** A bucket of tokens, one of which each request takes. */
export interface ThrottleBucket {
  readonly name: string;
  /** Actions that take from it, as {@link CloudCall.admit} names them. An action may take from several. */
  readonly actions: readonly string[];
  readonly capacity: number;
  /** Tokens a second; where `refill` is `each-minute`, the bucket is full at the next whole minute instead. */
  readonly perSecond: number;
  /** @defaultValue "continuous" */
  readonly refill?: "continuous" | "each-minute";
  /** Whose it is. @defaultValue "account" */
  readonly per?: "account" | "node";
}

/** Declared, not guessed: the plan adapts to it and the conformance kit skips by it. */
export interface CloudCapabilities {
  /** Of which pods can have addresses. */
  readonly families: readonly Family[];
  /** Interfaces can be made and removed, or the instance has those it was started with. */
  readonly interfaces: "dynamic" | "fixed";
  /** Families of which an interface can have single addresses. */
  readonly singles: readonly Family[];
  /** Prefix lengths of blocks, for families that have them. */
  readonly blocks: Readonly<Partial<Record<Family, number>>>;
  /** {@link AssignRequest.exact} is honoured, so that a request sent twice does no harm. */
  readonly exact: boolean;
  /** {@link CloudProvider.unassign} works. */
  readonly release: boolean;
  /** Addresses or blocks in one request at most. @defaultValue any number */
  readonly perCall?: number;
  /** What the cloud is known to enforce; the executor stays within it. */
  readonly throttles: readonly ThrottleBucket[];
}

/** Why a call failed, in the terms in which something can be done about it. */
export type CloudFault =
  /** Nothing happened: too many requests. `retryAfter` in milliseconds, where the cloud says. */
  | { readonly kind: "throttled"; readonly bucket?: string; readonly retryAfter?: number }
  /** Nothing happened: `id` (of a pool, interface, node or quota) has no more. */
  | {
      readonly kind: "exhausted";
      readonly what: "pool-addresses" | "pool-blocks" | "interface-slots" | "node-interfaces" | "quota";
      readonly id?: string;
    }
  /** Nothing happened: something has changed since it was read. */
  | { readonly kind: "conflict"; readonly what: "version" | "device-index" | "in-use" }
  | { readonly kind: "gone"; readonly what: "instance" | "interface" | "address" | "pool" }
  /** `action` is what the account lacks, e.g. `ec2:AssignPrivateIpAddresses`. */
  | { readonly kind: "denied"; readonly action: string }
  | { readonly kind: "credentials"; readonly why: "missing" | "expired" | "clock-skew" }
  /** Nothing happened; the same call may succeed later. */
  | { readonly kind: "transient" }
  /** Nothing happened, and nothing will: the request makes no sense to the cloud. */
  | { readonly kind: "invalid" }
  /** It may have happened: re-read before anything else. What is not recognised is this. */
  | { readonly kind: "ambiguous" };

/** What a provider may reject with where no SDK has made an error yet. */
export class CloudError extends Error {
  override readonly name = "CloudError";
  readonly fault: CloudFault;

  constructor(fault: CloudFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

/** What every call is given. */
export interface CloudCall {
  /** Rejects with its reason; nothing is sent after it was aborted. */
  readonly signal: AbortSignal;
  /**
   * Names what is being done, the same for every attempt, also after a restart: client token, tag. Short, of lower-case
   * letters, digits and `-`, unique in the account. Empty for calls that change nothing.
   */
  readonly intent: string;
  /** Nothing was asked for with this intent before: there is nothing of it to look for first. */
  readonly first?: boolean;
  /**
   * To be awaited before each single request to the cloud, with the name of its action: waits for tokens, is counted,
   * and rejects when the call is called off.
   */
  admit(action: string): Promise<void>;
}

export interface EnsureInterfaceRequest {
  readonly node: CloudNode;
  readonly pool: string;
  /** @defaultValue those of the first interface */
  readonly securityGroups?: readonly string[];
  /** What it is created with. */
  readonly want: readonly Wanted[];
  /** Device index, where it matters; another one where it is taken meanwhile. */
  readonly index?: number;
}

export interface AssignRequest extends Wanted {
  readonly node: CloudNode;
  readonly interface: string;
  /** Exactly these, `count` of them: only where the capability `exact` is declared. */
  readonly exact?: readonly string[];
  /** Refused with `conflict` where the inventory has another version meanwhile. */
  readonly version?: string;
}

export interface UnassignRequest {
  readonly node: CloudNode;
  readonly interface: string;
  readonly cidrs: readonly string[];
  readonly version?: string;
}

/** An interface of ours that no instance has. */
export interface Orphan {
  readonly interface: string;
  readonly intent?: string;
  /** Since when, in milliseconds since 1970, where the cloud says. */
  readonly since?: number;
}

/**
 * The whole surface a vendor writes. Calls reject with whatever the SDK makes, or with {@link CloudError};
 * {@link CloudProvider.classify} tells what it means. A provider keeps no state of its own, retries nothing and reads
 * nothing ahead: that is done above it, once for all clouds.
 */
export interface CloudProvider {
  /** Short stable name used in logs, keys and errors: lower-case letters, digits and `-`, e.g. `aws-eni`. */
  readonly name: string;
  /** Whose throttles these are, e.g. `aws/123456789012/eu-west-1`: what has the same shares its buckets. */
  readonly account: string;
  readonly capabilities: CloudCapabilities;
  /** Every pool that `node` may use. All pages. */
  pools(node: CloudNode, call: CloudCall): AsyncIterable<CloudPool>;
  /** Authoritative, one instance; `undefined` where it is gone. Interfaces still attaching are in it. */
  readNode(node: CloudNode, call: CloudCall): Promise<NodeInventory | undefined>;
  /** `undefined` where the type is unknown: never a guess. */
  limits(node: CloudNode, call: CloudCall): Promise<NodeLimits | undefined>;
  /**
   * An interface on the node with `want` on it, deleted with its instance. Idempotent by intent: whatever an earlier call of
   * the same intent began is finished, and there is never a second. May resolve with one that is still `attaching`, which
   * saves the requests that waiting for it takes: the node is read for all of them at once.
   * Only where interfaces are `dynamic`.
   */
  ensureInterface?(request: EnsureInterfaceRequest, call: CloudCall): Promise<CloudInterface>;
  /** Detached and deleted, attached or not. One that is gone is no error. Never a primary or unmanaged one. */
  removeInterface?(
    request: { readonly node?: CloudNode; readonly interface: string },
    call: CloudCall,
  ): Promise<void>;
  /** Resolves to exactly what is new, canonical and ready: fewer than asked for where the cloud gave fewer. */
  assign(request: AssignRequest, call: CloudCall): Promise<readonly string[]>;
  /** What the interface does not have is no error. Never a primary address. Only where `release` is declared. */
  unassign?(request: UnassignRequest, call: CloudCall): Promise<void>;
  /** Interfaces that bear this cluster's mark and are attached to nothing. All pages. Only where they are `dynamic`. */
  orphans?(call: CloudCall): AsyncIterable<Orphan>;
  /** What an error of this provider means. Not asked about {@link CloudError}. */
  classify(error: unknown): CloudFault;
}

/** What a provider's error means; also for errors of another copy of this package. */
export function faultOf(provider: CloudProvider, error: unknown): CloudFault {
  if (error instanceof Error && error.name === "CloudError") return (error as CloudError).fault;
  return provider.classify(error);
}
