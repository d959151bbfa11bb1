import type { CloudAddress, CloudInterfaceState } from "@netloom/ipam-cloud";

/** An address or block on an interface. */
export interface SimAddress {
  readonly cidr: string;
  readonly role: CloudAddress["role"];
  /** Of its configuration, where a vendor's API has names for them. */
  readonly name?: string;
}

export interface Attachment {
  readonly instance: string;
  readonly index: number;
  readonly deleteWithInstance: boolean;
  /** On the clock's monotonic scale: attached from then on. */
  readonly readyAt: number;
  /** Detached from then on. */
  readonly leavesAt?: number;
}

/** A network interface, as the cloud has it. Replaced whenever anything of it changes. */
export interface SimInterface {
  readonly id: string;
  readonly pool: string;
  readonly mac: string;
  readonly primary: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly securityGroups: readonly string[];
  readonly addresses: readonly SimAddress[];
  readonly attachment?: Attachment;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Goes up with every change of its addresses. */
  readonly version: number;
}

export interface SimInstance {
  readonly id: string;
  readonly type: string;
  readonly zone: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** What an instance of a type may have. */
export interface InstanceType {
  /** Interfaces, the first included. */
  readonly interfaces: number;
  /** Addresses and blocks of each family per interface, the primary address included. */
  readonly slots: { readonly 4: number; readonly 6?: number };
}

/** A subnet. */
export interface SimPoolDefinition {
  readonly id: string;
  /** @defaultValue `zone-a` */
  readonly zone?: string;
  readonly cidrs: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
  readonly routeDomain?: string;
  /** Single addresses that others have in each CIDR, as a fraction, wherever the seed puts them. @defaultValue 0 */
  readonly occupied?: number;
}

/** The tags by which a cluster knows its own interfaces. */
export const CLUSTER_TAG = "netloom:cluster";
/** The tag that names {@link CloudCall.intent}. */
export const INTENT_TAG = "netloom:intent";

/** Of an interface at some time. */
export function stateOf({ attachment }: SimInterface, monotonic: number): CloudInterfaceState {
  if (attachment === undefined) return "detached";
  if (attachment.leavesAt !== undefined) return monotonic < attachment.leavesAt ? "detaching" : "detached";
  return monotonic < attachment.readyAt ? "attaching" : "attached";
}
