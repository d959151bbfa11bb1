import type { CloudCapabilities, CloudProvider, ThrottleBucket } from "@netloom/ipam-cloud";
import {
  ARM_THROTTLES,
  awsLike,
  azureLike,
  COMPUTE_THROTTLES,
  EC2_THROTTLES,
  gcpLike,
  simCloud,
  type SimCloud,
} from "@netloom/sim-cloud";
import type { CloudShape } from "./input.ts";

interface Shape {
  readonly provider: (sim: SimCloud) => CloudProvider;
  readonly throttles: readonly ThrottleBucket[];
  /** It tells how many addresses a subnet has free. */
  readonly tellsFree: boolean;
}

export const SHAPES: Readonly<Record<CloudShape, Shape>> = {
  aws: { provider: awsLike, throttles: EC2_THROTTLES, tellsFree: true },
  azure: { provider: azureLike, throttles: ARM_THROTTLES, tellsFree: false },
  gcp: { provider: gcpLike, throttles: COMPUTE_THROTTLES, tellsFree: true },
};

export function capabilitiesOf(shape: CloudShape): CloudCapabilities {
  return SHAPES[shape].provider(simCloud({ pools: [] })).capabilities;
}

/** The shape's, but for those of which others are given. */
export function bucketsOf(shape: CloudShape, others: readonly ThrottleBucket[]): readonly ThrottleBucket[] {
  const kept = SHAPES[shape].throttles.filter(({ name }) => !others.some((other) => other.name === name));
  return [...kept, ...others];
}
