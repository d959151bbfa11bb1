import type { Clock } from "@netloom/core";
import type { ThrottleBucket } from "@netloom/ipam-cloud";
import type { Placement } from "./address-space.ts";
import type { InstanceType, SimPoolDefinition } from "./records.ts";

export interface SimCloudOptions {
  /** Everything follows from it: 32 bits. @defaultValue 1 */
  readonly seed?: number;
  /** @defaultValue the system's */
  readonly clock?: Clock;
  readonly pools: readonly SimPoolDefinition[];
  /** By name. @defaultValue {@link INSTANCE_TYPES} */
  readonly types?: Readonly<Record<string, InstanceType>>;
  /** How single addresses and blocks are chosen. @defaultValue "scattered" */
  readonly placement?: Placement;
  /** What is enforced. @defaultValue what the shape in use has (`EC2_THROTTLES` and so on); `[]` enforces nothing */
  readonly throttles?: readonly ThrottleBucket[];
  readonly quotas?: {
    /** Interfaces in the account. */
    readonly interfaces?: number;
    /** Addresses and blocks in the network: a block counts as one (EC2's network address usage). */
    readonly addressUnits?: number;
  };
  /** From a request to its answer, in milliseconds. @defaultValue 0 */
  readonly latency?: number;
  /** Reads show what was true up to so many milliseconds ago, each its own time. @defaultValue 0 */
  readonly lag?: number;
  /** From the answer of an attach request until the interface is attached. @defaultValue 0 */
  readonly attachTime?: number;
  /** As `attachTime`, of detaching. @defaultValue 0 */
  readonly detachTime?: number;
  /** How long an operation runs that is polled for. @defaultValue 0 */
  readonly operationTime?: number;
  /** How long a client token is remembered. @defaultValue 86400000 */
  readonly tokenLife?: number;
  /** Items per page where a request does not say. @defaultValue 1000 */
  readonly pageSize?: number;
}

/** A few sizes: real clouds differ in the names only. */
export const INSTANCE_TYPES: Readonly<Record<string, InstanceType>> = {
  small: { interfaces: 3, slots: { 4: 6, 6: 6 } },
  medium: { interfaces: 4, slots: { 4: 15, 6: 15 } },
  large: { interfaces: 8, slots: { 4: 30, 6: 30 } },
  flat: { interfaces: 1, slots: { 4: 101, 6: 101 } },
};
