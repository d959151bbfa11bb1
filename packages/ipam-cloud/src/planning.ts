import type { Family } from "@netloom/core";
import type { Setback } from "./packing.ts";
import type { CloudPolicy } from "./policy.ts";
import type { CloudCapabilities, CloudPool, NodeInventory, NodeLimits, Wanted } from "./provider.ts";

/** What the node knows of one of its ranges. */
export interface RangeUse {
  /** Addresses that pods have, that some datapath may still remember, or that the node keeps. */
  readonly used: number;
  /** Since when none is, in milliseconds since 1970. Without it the range is not released. */
  readonly idleSince?: number;
}

/** What the node needs. */
export interface Demand {
  /** By CIDR. What is not in it the node has not taken up yet: it is not released. */
  readonly ranges: ReadonlyMap<string, RangeUse>;
  /** Allocations that wait for an address, by family. */
  readonly waiting: Readonly<Partial<Record<Family, number>>>;
}

export type CloudAction =
  | ({ readonly do: "assign"; readonly interface: string } & Wanted)
  | {
      readonly do: "add-interface";
      readonly pool: string;
      readonly index?: number;
      readonly want: readonly Wanted[];
    }
  /** One that an earlier life has begun, or that would outlive its instance. */
  | {
      readonly do: "finish-interface";
      readonly interface: string;
      readonly pool: string;
      readonly intent: string;
    }
  | { readonly do: "release"; readonly interface: string; readonly cidrs: readonly string[] }
  | { readonly do: "remove-interface"; readonly interface: string };

export interface PlanInput {
  readonly inventory: NodeInventory;
  readonly limits: NodeLimits;
  readonly pools: readonly CloudPool[];
  readonly demand: Demand;
  readonly policy: CloudPolicy;
  readonly capabilities: CloudCapabilities;
  /** Families of which the node's pods have addresses. */
  readonly families: readonly Family[];
  readonly setbacks: readonly Setback[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Why the demand cannot be met as things are. */
export interface Shortage {
  readonly family: Family;
  /** Addresses that will be missing. */
  readonly missing: number;
  /** So many of them somebody waits for who gets none, also of what is on its way; the others are to keep warm. @defaultValue 0 */
  readonly waiting?: number;
  /** What stands in the way: the cloud, or with `most` the policy. */
  readonly why: Setback["what"] | "most";
  readonly id?: string;
}

export interface Plan {
  /** In this order; each concerns another interface, or goes on where the one before ended. */
  readonly actions: readonly CloudAction[];
  readonly shortages: readonly Shortage[];
}
