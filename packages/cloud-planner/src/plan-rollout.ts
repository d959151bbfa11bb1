import { parseCidr } from "@netloom/core";
import { cloudPolicy, type Shortage } from "@netloom/ipam-cloud";
import { capacityOf, type Capacity } from "./capacity.ts";
import { checked } from "./check.ts";
import { fill } from "./fleet-ledger.ts";
import { floorsOf, type Floor } from "./floors.ts";
import { chanceOfAtLeast, expectedWhole, wholeAtMost } from "./fragmentation.ts";
import type { Planner, PlannerInput } from "./input.ts";
import { NodeLedger } from "./node-ledger.ts";
import { reservationsFor, type Reservation, type Taken } from "./reservation.ts";
import { capabilitiesOf, SHAPES } from "./shapes.ts";
import { BLOCK_SIZE, RESERVED_ADDRESSES } from "./sizes.ts";
import { SubnetLedger } from "./subnet-ledger.ts";
import { playRollout, type Rollout } from "./twin/rollout.ts";

/** What one node takes, where nothing is short. */
export interface NodeNeed {
  readonly zone: string;
  readonly count: number;
  readonly interfaces: number;
  readonly blocks: number;
  /** Those of the interfaces themselves included. */
  readonly singles: number;
  /** Pods at most, with this policy. */
  readonly mostPods: number;
  /** Why it cannot have all its pods, whatever the subnets have. */
  readonly limit?: Shortage["why"];
}

export interface SubnetFragmentation {
  readonly subnet: string;
  /** Addresses that can be had at all, and those that others have. */
  readonly usable: number;
  readonly occupied: number;
  /** Blocks that could be whole, and how many are, by expectation. */
  readonly blocks: number;
  readonly whole: number;
  /** How many are left, by expectation, when the nodes have come: single addresses scattered, and packed. */
  readonly after: { readonly scattered: number; readonly packed: number };
  /** Blocks that the nodes want of it. */
  readonly wanted: number;
  /** The chance that there are so many, even if all the single addresses were taken first, scattered. */
  readonly chance: number;
}

export interface RolloutReport {
  readonly nodes: number;
  readonly pods: number;
  readonly need: readonly NodeNeed[];
  /** Without a reservation, single addresses placed as stated. */
  readonly capacity: Capacity;
  /** With one: single addresses break no whole block. Left out where no blocks are used. */
  readonly reserved?: Capacity;
  readonly fragmentation: readonly SubnetFragmentation[];
  /** Of as many nodes as there is room for. */
  readonly rollout?: Rollout & {
    readonly nodes: number;
    /** How long each bucket lets its requests take at least; the slowest first. */
    readonly floors: readonly Floor[];
  };
  readonly reservations: readonly Reservation[];
}

/**
 * Tells beforehand what a rollout will meet: when addresses or whole blocks run out, how fragmented subnets get, the
 * requests and seconds it takes within the throttles, and what to reserve. The same input makes the same report.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`.
 */
export async function planRollout(input: PlannerInput): Promise<RolloutReport> {
  const planner = checked(input);
  const { pods, placement } = planner;
  const nodes = planner.nodes.reduce((sum, { count }) => sum + count, 0);
  const capacity = capacityOf(planner, placement);
  const usesBlocks =
    cloudPolicy(planner.policy).blocks && capabilitiesOf(planner.shape).blocks[4] !== undefined;
  const need = planner.nodes.map((kind) => needOf(planner, kind));
  const wanted = takenOf(planner, need);
  const coming = Math.min(nodes, capacity.nodes);
  const rollout = planner.rollout && coming > 0 ? await playRollout(planner, coming) : undefined;
  return {
    nodes,
    pods: nodes * pods.perNode,
    need,
    capacity,
    ...(usesBlocks ? { reserved: capacityOf(planner, "packed") } : {}),
    fragmentation: fragmentationOf(planner, wanted),
    ...(rollout === undefined
      ? {}
      : {
          rollout: { ...rollout, nodes: coming, floors: floorsOf(planner.throttles, rollout.calls, coming) },
        }),
    reservations: reservationsFor(wanted, planner.shape),
  };
}

function needOf(planner: Planner, kind: Planner["nodes"][number]): NodeNeed {
  const { zone, count, limits } = kind;
  const { shape, policy, pods } = planner;
  const node = (used: number): NodeLedger => {
    // Larger than any node.
    const subnet = new SubnetLedger({ id: "large", cidr: "10.0.0.0/16", zone, occupied: 0 }, "packed");
    const { tellsFree } = SHAPES[shape];
    const one = new NodeLedger(
      { capabilities: capabilitiesOf(shape), policy: cloudPolicy(policy), limits, zone, tellsFree },
      [subnet],
    );
    one.launch(subnet);
    one.use(1);
    one.use(used);
    return one;
  };
  const one = node(pods.perNode);
  const sum = (of: "blocks" | "singles"): number =>
    one.takings.reduce((total, taking) => total + (taking.refused === undefined ? taking[of] : 0), 0);
  return {
    zone,
    count,
    interfaces: one.interfaces,
    blocks: sum("blocks"),
    singles: sum("singles"),
    mostPods: Math.max(0, node(2 ** 15).available - 1),
    ...(one.used < pods.perNode + 1 && one.shortage !== undefined ? { limit: one.shortage.why } : {}),
  };
}

/** What all nodes take of each subnet; where a zone has several, in proportion to their sizes. */
function takenOf({ subnets, nodes }: Planner, need: readonly NodeNeed[]): readonly Taken[] {
  return subnets.map((subnet) => {
    const { size } = parseCidr(subnet.cidr);
    const near = subnets.filter(({ zone }) => zone === subnet.zone);
    const share = size / near.reduce((sum, { cidr }) => sum + parseCidr(cidr).size, 0);
    const sum = (of: "blocks" | "singles"): number =>
      need.reduce((total, one, kind) => {
        if (nodes[kind]!.zone !== subnet.zone) return total;
        return total + one.count * one[of] * share;
      }, 0);
    return { subnet, size, blocks: Math.ceil(sum("blocks")), singles: Math.ceil(sum("singles")) };
  });
}

function fragmentationOf(planner: Planner, wanted: readonly Taken[]): readonly SubnetFragmentation[] {
  const podsPerNode = planner.pods.perNode;
  const scattered = fill(planner, { placement: "scattered", podsPerNode });
  const packed = fill(planner, { placement: "packed", podsPerNode });
  return planner.subnets.map((subnet, index) => {
    const { size, blocks, singles: own } = wanted[index]!;
    const usable = size - RESERVED_ADDRESSES;
    const occupied = Math.floor(usable * subnet.occupied);
    const singles = Math.min(usable, occupied + own);
    return {
      subnet: subnet.id,
      usable,
      occupied,
      blocks: wholeAtMost(size),
      whole: expectedWhole(size, occupied),
      after: { scattered: scattered.subnets[index]!.whole, packed: packed.subnets[index]!.whole },
      wanted: blocks,
      chance: usable < BLOCK_SIZE ? 0 : chanceOfAtLeast(size, singles, blocks),
    };
  });
}
