import type { Family } from "@netloom/core";
import { familyOf, ourInterfaces, podAddresses, sizeOf } from "./inventory.ts";
import { releaseOrder } from "./packing.ts";
import type { CloudAction, PlanInput } from "./planning.ts";
import type { CloudInterface } from "./provider.ts";
import type { PoolChange } from "./watermarks.ts";

/**
 * What may go back: whole interfaces before parts of one. Only what nobody has used for long enough, and never more than is
 * in excess, so that it need not be taken again.
 */
export function shrink(input: PlanInput, changes: ReadonlyMap<Family, PoolChange>): readonly CloudAction[] {
  const { inventory, capabilities, policy } = input;
  if (policy.excessDelay === "keep") return [];
  const excess = new Map([...changes].map(([family, change]) => [family, change.excess]));
  const actions: CloudAction[] = [];
  // The emptiest first: what is left of them the sooner goes as a whole.
  const interfaces = ourInterfaces(inventory)
    .filter(({ state }) => state === "attached")
    .toSorted((a, b) => Number(a.primary) - Number(b.primary) || usedOf(a, input) - usedOf(b, input));
  for (const one of interfaces) {
    if (capabilities.interfaces === "dynamic" && canGo(one, input, excess)) {
      for (const { cidr } of podAddresses(one)) if (isServed(cidr, input)) spend(excess, cidr);
      actions.push({ do: "remove-interface", interface: one.id });
      continue;
    }
    if (!capabilities.release) continue;
    const cidrs = givenBack(one, input, excess);
    const { perCall = cidrs.length } = capabilities;
    for (let at = 0; at < cidrs.length; at += perCall)
      actions.push({ do: "release", interface: one.id, cidrs: cidrs.slice(at, at + perCall) });
  }
  return actions;
}

/** Everything on it is idle and in excess, or there is nothing on it. */
function canGo(one: CloudInterface, input: PlanInput, excess: ReadonlyMap<Family, number>): boolean {
  if (one.primary || !one.managed) return false;
  const left = new Map(excess);
  return podAddresses(one).every(({ cidr }) => {
    if (!isIdle(cidr, input)) return false;
    // Of a family that no pod is given any more, all is in excess.
    if (!isServed(cidr, input)) return true;
    if ((left.get(familyOf(cidr)) ?? 0) < sizeOf(cidr)) return false;
    spend(left, cidr);
    return true;
  });
}

function givenBack(one: CloudInterface, input: PlanInput, excess: Map<Family, number>): readonly string[] {
  const { inventory, capabilities } = input;
  const cidrs: string[] = [];
  for (const family of excess.keys()) {
    const own = podAddresses(one, family).map(({ cidr }) => cidr);
    const all = ourInterfaces(inventory).flatMap((other) => podAddresses(other, family));
    const idle = own.filter((cidr) => isIdle(cidr, input));
    const order = releaseOrder(
      idle,
      all.map(({ cidr }) => cidr),
      capabilities.blocks[family],
    );
    // Single addresses before blocks: that is the way back to blocks.
    for (const cidr of order.toSorted((a, b) => sizeOf(a) - sizeOf(b))) {
      if (sizeOf(cidr) > excess.get(family)!) continue;
      spend(excess, cidr);
      cidrs.push(cidr);
    }
  }
  return cidrs;
}

function isIdle(cidr: string, { demand, policy, now }: PlanInput): boolean {
  const use = demand.ranges.get(cidr);
  if (use === undefined || use.used > 0 || use.idleSince === undefined) return false;
  return policy.excessDelay !== "keep" && now - use.idleSince >= policy.excessDelay;
}

function isServed(cidr: string, { families }: PlanInput): boolean {
  return families.includes(familyOf(cidr));
}

function usedOf(one: CloudInterface, { demand }: PlanInput): number {
  return podAddresses(one).reduce((sum, { cidr }) => sum + (demand.ranges.get(cidr)?.used ?? 0), 0);
}

function spend(excess: Map<Family, number>, cidr: string): void {
  const family = familyOf(cidr);
  excess.set(family, (excess.get(family) ?? 0) - sizeOf(cidr));
}
