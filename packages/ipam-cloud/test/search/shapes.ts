import { awsLike, azureLike, gcpLike, type InstanceType, type SimCloudOptions } from "@netloom/sim-cloud";

/** A cloud in a vendor's shape, and instances so small that a few pods need all that it has. */
export interface Shape {
  readonly name: string;
  readonly provider: typeof awsLike;
  readonly type: InstanceType;
  /** That an instance starts with. */
  readonly interfaces: number;
  readonly blocks: boolean;
  /** Pods where the story says one. */
  readonly scale: number;
  readonly options: Partial<SimCloudOptions>;
  /** Whether requests are also refused: what a lag has nothing to do with. */
  readonly refusals: boolean;
}

const TIMES = { attachTime: 2500, detachTime: 700, operationTime: 1500 };

const dynamic = { interfaces: 1, type: { interfaces: 3, slots: { 4: 4 } } };
const fixed = { interfaces: 2, type: { interfaces: 2, slots: { 4: 6 } } };
const singles = { blocks: false, scale: 1, options: TIMES, refusals: true };

export const awsSingles: Shape = { name: "like AWS", provider: awsLike, ...dynamic, ...singles };

/** Two slots: an interface has its own address, and one block. */
export const awsBlocks: Shape = {
  ...awsSingles,
  name: "like AWS, with blocks",
  type: { interfaces: 3, slots: { 4: 2 } },
  blocks: true,
  scale: 6,
};

export const awsLagging: Shape = lagging(awsSingles);

export const azureSingles: Shape = { name: "like Azure", provider: azureLike, ...fixed, ...singles };

export const azureLagging: Shape = lagging(azureSingles);

export const gcpSingles: Shape = { name: "like Google", provider: gcpLike, ...fixed, ...singles };

export const gcpLagging: Shape = lagging(gcpSingles);

/** Reads show the past, each another one. */
function lagging(shape: Shape): Shape {
  const options = { ...shape.options, lag: 4000 };
  return { ...shape, name: `${shape.name}, and lags`, options, refusals: false };
}
