import type { Family } from "@netloom/core";
import { grow } from "./grow.ts";
import { isOurs, ourInterfaces, podAddresses, sizeOf, slotsOfNew } from "./inventory.ts";
import type { Setback } from "./packing.ts";
import type { CloudPolicy } from "./policy.ts";
import type { CloudCapabilities, CloudPool, NodeInventory, NodeLimits, Wanted } from "./provider.ts";
import { shrink } from "./shrink.ts";
import { byTargets } from "./targets.ts";
import { byWatermarks, type PoolChange } from "./watermarks.ts";

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
  readonly why: Setback["what"];
  readonly id?: string;
}

export interface Plan {
  /** In this order; each concerns another interface, or goes on where the one before ended. */
  readonly actions: readonly CloudAction[];
  readonly shortages: readonly Shortage[];
}

/**
 * What to do so that a node has the addresses it needs, in the fewest calls. Pure and total: the same input makes the same
 * plan, an inventory that is as it should be makes none, and nothing in use is ever part of one.
 */
export function plan(given: PlanInput): Plan {
  const input = ofInstance(given);
  const { inventory, capabilities, families } = input;
  const changes = new Map(families.map((family) => [family, changeOf(input, family)]));
  const isStopped = (what: Setback["what"], id?: string): boolean =>
    input.setbacks.some(
      (one) => one.what === what && one.until > input.now && (one.id === undefined || one.id === id),
    );
  const finishing =
    capabilities.interfaces === "fixed" || isStopped("paused", "growth")
      ? []
      : inventory.interfaces
          .filter((one) => one.managed && !one.primary && one.intent !== undefined)
          .filter((one) => one.state === "detached" || (one.state === "attached" && !one.deleteWithInstance))
          .map(({ id, pool, intent }): CloudAction => ({
            do: "finish-interface",
            interface: id,
            pool,
            intent: intent!,
          }));
  const growth = grow(input, changes);
  if (isStopped("refused")) return { actions: [], shortages: growth.shortages };
  const isQuiet = growth.actions.length === 0 && finishing.length === 0;
  const shrinking = isQuiet && !isStopped("paused", "shrinking") ? shrink(input, changes) : [];
  const actions = [...finishing, ...growth.actions, ...shrinking];
  return {
    actions: actions.filter((action) => !isStopped("refused", action.do)),
    shortages: growth.shortages,
  };
}

/** Some instances can have less than their cloud. */
function ofInstance(input: PlanInput): PlanInput {
  const { blocks } = input.limits;
  return blocks === undefined ? input : { ...input, capabilities: { ...input.capabilities, blocks } };
}

function changeOf(input: PlanInput, family: Family): PoolChange {
  const { inventory, demand, policy, limits, capabilities } = input;
  const cidrs = ourInterfaces(inventory).flatMap((one) => podAddresses(one, family).map(({ cidr }) => cidr));
  const available = cidrs.reduce((sum, cidr) => sum + sizeOf(cidr), 0);
  const used = cidrs.reduce((sum, cidr) => sum + (demand.ranges.get(cidr)?.used ?? 0), 0);
  const counts = { available, used: used + (demand.waiting[family] ?? 0) };
  const { warm } = policy;
  if (warm.by === "targets") {
    const prefix = policy.blocks ? capabilities.blocks[family] : undefined;
    const idle = cidrs.filter((cidr) => sizeOf(cidr) > 1 && demand.ranges.get(cidr)?.used === 0);
    return byTargets(counts, warm.targets, {
      block: prefix === undefined ? 1 : blockSize(family, prefix),
      interface: Math.max(1, slotsOfNew(family, limits)),
      idleBlocks: idle.length,
    });
  }
  return byWatermarks(counts, {
    ...warm.watermarks,
    preAllocate: Math.min(warm.watermarks.preAllocate, most(input, family)),
  });
}

function blockSize(family: Family, prefix: number): number {
  return sizeOf(family === 4 ? `0.0.0.0/${prefix}` : `::/${prefix}`);
}

/** Addresses that the instance can have at all: a small one need not keep more free than that. */
function most({ limits, inventory, capabilities, policy }: PlanInput, family: Family): number {
  const ours = inventory.interfaces.filter(isOurs).length;
  const others = inventory.interfaces.length - ours;
  const interfaces = capabilities.interfaces === "fixed" ? ours : Math.max(0, limits.interfaces - others);
  const slots = Math.min(
    interfaces * slotsOfNew(family, limits),
    (limits.slotsPerNode?.[family] ?? Infinity) - interfaces,
  );
  const prefix = policy.blocks ? capabilities.blocks[family] : undefined;
  return Math.max(0, slots) * (prefix === undefined ? 1 : blockSize(family, prefix));
}
