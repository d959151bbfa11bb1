import type { Family } from "@netloom/core";
import { grow } from "./grow.ts";
import { isOurs, ourInterfaces, podAddresses, sizeOf, slotsOfNew } from "./inventory.ts";
import type { Setback } from "./packing.ts";
import type { CloudAction, Plan, PlanInput } from "./planning.ts";
import { shortagesOf } from "./shortages.ts";
import { shrink } from "./shrink.ts";
import { byTargets } from "./targets.ts";
import { byWatermarks, type PoolChange, type PoolCounts } from "./watermarks.ts";

/**
 * What to do so that a node has the addresses it needs, in the fewest calls. Pure and total: the same input makes the same
 * plan, an inventory that is as it should be makes none, and nothing in use is ever part of one.
 */
export function plan(given: PlanInput): Plan {
  const input = ofInstance(given);
  const { inventory, capabilities, families } = input;
  const counts = new Map(families.map((family) => [family, countsOf(input, family)]));
  const changes = new Map(families.map((family) => [family, changeOf(input, family, counts.get(family)!)]));
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
  const shortages = shortagesOf(counts, changes, growth.shortages);
  if (isStopped("refused")) return { actions: [], shortages };
  const may = (action: CloudAction): boolean => !isStopped("refused", action.do);
  const growing = [...finishing, ...growth.actions].filter(may);
  const shrinking = growing.length === 0 && !isStopped("paused", "shrinking") ? shrink(input, changes) : [];
  return { actions: [...growing, ...shrinking.filter(may)], shortages };
}

/** Some instances can have less than their cloud. */
function ofInstance(input: PlanInput): PlanInput {
  const { blocks } = input.limits;
  return blocks === undefined ? input : { ...input, capabilities: { ...input.capabilities, blocks } };
}

function cidrsOf({ inventory }: PlanInput, family: Family): readonly string[] {
  return ourInterfaces(inventory).flatMap((one) => podAddresses(one, family).map(({ cidr }) => cidr));
}

/** Who waits has an address already. */
function countsOf(input: PlanInput, family: Family): PoolCounts {
  const { ranges, waiting } = input.demand;
  const cidrs = cidrsOf(input, family);
  const available = cidrs.reduce((sum, cidr) => sum + sizeOf(cidr), 0);
  const used = cidrs.reduce((sum, cidr) => sum + (ranges.get(cidr)?.used ?? 0), 0);
  return { available, used: used + (waiting[family] ?? 0) };
}

function changeOf(input: PlanInput, family: Family, counts: PoolCounts): PoolChange {
  const { demand, policy, limits, capabilities } = input;
  const { warm } = policy;
  if (warm.by === "targets") {
    const prefix = policy.blocks ? capabilities.blocks[family] : undefined;
    const idle = cidrsOf(input, family).filter((cidr) => demand.ranges.get(cidr)?.used === 0);
    const idleBlocks = idle.filter((cidr) => sizeOf(cidr) > 1).length;
    return byTargets(counts, warm.targets, {
      block: prefix === undefined ? 1 : blockSize(family, prefix),
      interface: Math.max(1, slotsOfNew(family, limits)),
      idleBlocks,
      idleSingles: idle.length - idleBlocks,
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
