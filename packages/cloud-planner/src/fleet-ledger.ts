import { cloudPolicy, type Shortage } from "@netloom/ipam-cloud";
import { inTurn } from "./in-turn.ts";
import type { Planner, PlannerNodes } from "./input.ts";
import { NodeLedger, type NodeKind, type Taking } from "./node-ledger.ts";
import { capabilitiesOf, SHAPES } from "./shapes.ts";
import { BLOCK_SIZE } from "./sizes.ts";
import { SubnetLedger } from "./subnet-ledger.ts";

export interface FillOptions {
  readonly placement: "scattered" | "packed";
  readonly podsPerNode: number;
  /** Nodes at most; their kinds come in turn, in proportion. @defaultValue as many as there are */
  readonly nodes?: number;
}

/** The first pod that gets no address. */
export interface OutOfAddresses {
  /** From 1, in the order in which nodes come. */
  readonly node: number;
  readonly zone: string;
  /** From 1, on its node; 0 where the node itself gets none. */
  readonly pod: number;
  readonly why: Shortage["why"];
  /** Of the subnet, where it is one. */
  readonly id?: string;
}

export interface Filled {
  /** Nodes that have all their pods. */
  readonly nodes: number;
  readonly out?: OutOfAddresses;
  /** The first node that finds no whole block, and goes on with single addresses. */
  readonly outOfBlocks?: number;
  readonly subnets: readonly SubnetLedger[];
}

interface Kind extends NodeKind {
  readonly nodes: PlannerNodes;
  readonly subnets: readonly SubnetLedger[];
  /** What nodes were seen to ask for, and what came of it, where there is no choice of subnets. */
  readonly courses: (readonly Taking[])[];
}

/** Nodes come one after the other, each with all its pods, until one of these gets no address. */
export function fill(planner: Planner, { placement, podsPerNode, nodes: most }: FillOptions): Filled {
  const subnets = planner.subnets.map((subnet) => new SubnetLedger(subnet, placement));
  const order = inTurn(kindsOf(planner, subnets), ({ nodes }) => nodes.count);
  let outOfBlocks: number | undefined;
  for (let count = 0; count < (most ?? order.length); count++) {
    const kind = order[count % order.length]!;
    const known = kind.courses.find(repeats);
    const node = new NodeLedger(kind, kind.subnets);
    const out = known === undefined ? occupy(node, kind, podsPerNode, planner.pods.now) : undefined;
    const course = known ?? node.takings;
    if (course.some(({ refused }) => refused === "pool-blocks")) outOfBlocks ??= count + 1;
    if (out !== undefined) {
      const blocks = outOfBlocks === undefined ? {} : { outOfBlocks };
      return { nodes: count, out: { node: count + 1, zone: kind.zone, ...out }, ...blocks, subnets };
    }
    if (known === undefined && kind.subnets.length === 1) kind.courses.unshift(course);
  }
  return {
    nodes: most ?? order.length,
    ...(outOfBlocks === undefined ? {} : { outOfBlocks }),
    subnets,
  };
}

function occupy(
  node: NodeLedger,
  kind: Kind,
  pods: number,
  now: number,
): Omit<OutOfAddresses, "node" | "zone"> | undefined {
  const { subnet: wanted } = kind.nodes;
  const [first] = kind.subnets
    .filter(({ subnet }) => wanted === undefined || subnet.id === wanted)
    .toSorted((a, b) => b.free - a.free);
  if (!node.launch(first!)) return { pod: 0, why: "pool-addresses", id: first!.subnet.id };
  // Its own address, as soon as it starts; the pods it has; those that come.
  const before = Math.min(now, pods);
  for (const more of [1, before, pods - before]) if (more > 0) node.use(more);
  if (node.used === pods + 1) return undefined;
  const { why = "pool-addresses", id } = node.shortage ?? {};
  return { pod: node.used, why, ...(id === undefined ? {} : { id }) };
}

/**
 * Lets another node take the same course, where it certainly would: what was refused then is refused now, and there are so
 * many addresses that a plan, which knows their number, asks for no fewer.
 */
function repeats(course: readonly Taking[]): boolean {
  const { subnet } = course[0]!;
  const all = course.reduce((sum, { singles, blocks }) => sum + singles + blocks * BLOCK_SIZE, 0);
  if (subnet.free < all) return false;
  const before = subnet.save();
  if (course.every((taking) => subnet.take(taking) === taking.refused)) return true;
  before();
  return false;
}

function kindsOf(planner: Planner, subnets: readonly SubnetLedger[]): readonly Kind[] {
  const { shape, policy } = planner;
  const common = {
    capabilities: capabilitiesOf(shape),
    policy: cloudPolicy({ ...policy, excessDelay: "keep" }),
    tellsFree: SHAPES[shape].tellsFree,
  };
  return planner.nodes.map((nodes) => ({
    ...common,
    nodes,
    courses: [],
    limits: nodes.limits,
    zone: nodes.zone,
    subnets: subnets.filter(({ subnet }) => subnet.zone === nodes.zone),
  }));
}
