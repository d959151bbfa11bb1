import type { CloudPolicyOptions, NodeLimits, ThrottleBucket } from "@netloom/ipam-cloud";

/** Whose actions, capabilities and throttles. */
export type CloudShape = "aws" | "azure" | "gcp";

export interface PlannerSubnet {
  readonly id: string;
  /** IPv4, `/16` to `/28`. */
  readonly cidr: string;
  /** @defaultValue that of all nodes that name none */
  readonly zone?: string;
  /** Of its addresses, the fraction that others have, scattered over it: 0 to 1. @defaultValue 0 */
  readonly occupied?: number;
}

/** Nodes that are alike. */
export interface PlannerNodes {
  readonly count: number;
  readonly zone?: string;
  /** What one may have; `slots` count the primary address of each interface. */
  readonly limits: NodeLimits;
  /** Of their first interfaces. @defaultValue of the zone's, the one that has most addresses free */
  readonly subnet?: string;
}

export interface PlannerPods {
  /** On each node, when all is done. */
  readonly perNode: number;
  /** On each node already, before the rollout. @defaultValue 0, and the nodes are new */
  readonly now?: number;
}

/** What comes after the rollout. */
export interface PlannerGrowth {
  /** Pods that come to each node in a day. */
  readonly podsPerNode?: number;
  /** Nodes that come in a day, in all, of the kinds there are. */
  readonly nodes?: number;
}

/** In milliseconds. */
export interface PlannerTimes {
  /** From a request to its answer. @defaultValue 500 */
  readonly latency: number;
  /** Until an interface is attached. @defaultValue 4000 */
  readonly attachTime: number;
  /** How long an operation runs that is polled for. @defaultValue 2000 */
  readonly operationTime: number;
}

export interface PlannerInput {
  /** @defaultValue "aws" */
  readonly shape?: CloudShape;
  readonly subnets: readonly PlannerSubnet[];
  readonly nodes: readonly PlannerNodes[];
  readonly pods: PlannerPods;
  readonly growth?: PlannerGrowth;
  /** As of `cloudIpam`. */
  readonly policy?: CloudPolicyOptions;
  /** How the cloud chooses single addresses. @defaultValue "scattered" */
  readonly placement?: "scattered" | "packed";
  /** In place of the shape's buckets of the same names, and beside the others. */
  readonly throttles?: readonly ThrottleBucket[];
  readonly times?: Partial<PlannerTimes>;
  /**
   * Who keeps to the throttles: all nodes together, as those of one process do; or each `node` as if it were alone, so that
   * the cloud refuses. @defaultValue "shared"
   */
  readonly budget?: "shared" | "node";
  /** The rollout is played through. Without it neither calls nor seconds are told. @defaultValue true */
  readonly rollout?: boolean;
  /** Of the rollout's chance: 32 bits. @defaultValue 1 */
  readonly seed?: number;
}

/** The same, whole. */
export interface Planner {
  readonly shape: CloudShape;
  readonly subnets: readonly Required<PlannerSubnet>[];
  readonly nodes: readonly (PlannerNodes & { readonly zone: string })[];
  readonly pods: Required<PlannerPods>;
  readonly growth: Required<PlannerGrowth>;
  readonly policy: CloudPolicyOptions;
  readonly placement: "scattered" | "packed";
  readonly throttles: readonly ThrottleBucket[];
  readonly times: PlannerTimes;
  readonly budget: "shared" | "node";
  readonly rollout: boolean;
  readonly seed: number;
}
