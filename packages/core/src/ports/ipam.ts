import type { Family } from "../address/index.ts";
import type { TypedEmitter } from "../events.ts";
import type { NodeInterface } from "./routing.ts";
import type { Runtime } from "./runtime.ts";
import type { AbortOptions, Store } from "./store.ts";

/** Where a backend may look when it starts. */
export interface IpamContext {
  /** The node it serves. */
  readonly node: string;
  /** The ranges the node object names (Kubernetes `spec.podCIDRs`); empty where nobody assigned any. */
  readonly podCIDRs: readonly string[];
  readonly families: readonly Family[];
  readonly store: Store;
  /** The backend's own part of the store: a key prefix that ends in `/`. */
  readonly prefix: string;
  readonly runtime: Runtime;
  /** What goes wrong in a loop does not vanish: an agent makes an `error` event of it. */
  readonly report?: (error: unknown) => void;
}

export interface AllocateOptions extends AbortOptions {
  readonly families: readonly Family[];
  /** @defaultValue the backend's default pool */
  readonly pool?: string;
  /** Exactly these, one of each family at most. */
  readonly addresses?: readonly string[];
}

/** The addresses of one owner: every family that was asked for, or none at all. */
export interface Lease {
  readonly owner: string;
  readonly pool: string;
  readonly addresses: readonly string[];
}

/** A lease found after a restart. `retired`: its owner is gone, but some datapath may still know it. */
export interface RestoredLease extends Lease {
  readonly retired: boolean;
}

/** Counts of one range, always: allocated + free + reserved + quarantined = capacity. */
export interface RangeStatus {
  readonly range: string;
  readonly pool: string;
  readonly capacity: number;
  readonly allocated: number;
  readonly free: number;
  readonly reserved: number;
  readonly quarantined: number;
}

export interface IpamStatus {
  readonly ranges: readonly RangeStatus[];
}

export interface IpamEvents {
  /**
   * The node has other ranges, or has them on other interfaces: these are all of them. A new one stands behind those that
   * were there.
   */
  "ranges:changed": [ranges: readonly string[]];
  /** Somebody asked for an address of its family, and had to be refused. */
  "range:exhausted": [range: RangeStatus];
}

/** Declared, not guessed: the agent adapts to it and the conformance kit skips by it. */
export interface IpamCapabilities {
  readonly families: readonly Family[];
  /** `allocate({ addresses })` is honoured. */
  readonly requestedAddress: boolean;
}

/**
 * Hands out pod addresses. One instance serves one node. What it handed out is remembered by the agent, in the
 * store, and told to it again by {@link Ipam.restore}.
 */
export interface Ipam extends AsyncDisposable {
  /** Short stable name used in logs and errors, e.g. `host-scope`. */
  readonly name: string;
  readonly capabilities: IpamCapabilities;
  readonly events: TypedEmitter<IpamEvents>;
  /**
   * Resolves once the node has a range of every family, which may take an operator. Starting it again changes
   * nothing.
   */
  start(context: IpamContext, options?: AbortOptions): Promise<void>;
  /** The node's ranges, apart from each other. The same after a restart, in the same order. */
  ranges(): readonly string[];
  /** The address of each family that the node keeps for itself as the pods' gateway. In its ranges, never leased. */
  routers(): readonly string[];
  /**
   * The interfaces, beside the node's first, that ranges belong to. Left out where all are reached by the uplink. What is
   * told here may change with `ranges:changed`.
   */
  interfaces?(): readonly NodeInterface[];
  /**
   * Takes back what was handed out before a restart: all of it or, where it throws, nothing. Nothing is allocated
   * before.
   * @throws `ERR_IPAM_FOREIGN` where an address is in none of the ranges, `ERR_IPAM_CONFLICT` where two own it.
   */
  restore(leases: readonly RestoredLease[]): Promise<void>;
  /**
   * Leases one address of each family to `owner`. A second call for the same owner returns the same lease.
   * @throws `ERR_IPAM_EXHAUSTED`, retryable, with the ranges and their counts in its message. `ERR_IPAM_NO_RANGE`
   *   where there is no such pool. Of requested addresses, `ERR_IPAM_CONFLICT` where one is not free and not this
   *   owner's, `ERR_IPAM_OUT_OF_RANGE` where it is in none of the ranges. `ERR_CLOSED` after it was disposed.
   */
  allocate(owner: string, options: AllocateOptions): Promise<Lease>;
  /** The owner is gone; its addresses wait, for some datapath may still know them. Idempotent, by the owner only. */
  retire(lease: Lease): Promise<void>;
  /** Every datapath has forgotten them: they are free. Idempotent, by the owner only. */
  release(lease: Lease): Promise<void>;
  status(): IpamStatus;
}
