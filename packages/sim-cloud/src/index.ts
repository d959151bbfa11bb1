/**
 * A cloud in memory, from one seed: subnets with addresses and blocks, instances, interfaces and their life, throttles,
 * quotas, lag, operations that take their time, lost answers; and who leaked what. Three shapes of it are providers.
 *
 * @example
 * import { awsLike, simCloud } from "@netloom/sim-cloud";
 *
 * const sim = simCloud({ pools: [{ id: "subnet-a", cidrs: ["10.0.0.0/24"] }] });
 * const node = sim.launch({ name: "node1", pool: "subnet-a" });
 * const provider = awsLike(sim);
 *
 * @packageDocumentation
 */
export { SimCloud, simCloud } from "./cloud/sim-cloud.ts";
export type { LaunchOptions, Leak } from "./cloud/sim-cloud.ts";
export { INSTANCE_TYPES } from "./cloud/options.ts";
export type { SimCloudOptions } from "./cloud/options.ts";
export type { Placement } from "./cloud/address-space.ts";
export type { SimCall, SimHooks } from "./cloud/gate.ts";
export { CLUSTER_TAG, INTENT_TAG } from "./cloud/records.ts";
export type { InstanceType, SimAddress, SimInterface, SimPoolDefinition } from "./cloud/records.ts";
export { Refusal, SimCloudError, SimConnectionError } from "./cloud/refusal.ts";
export type { ShapeOptions } from "./cloud/views.ts";
export { awsLike } from "./ec2/aws-like.ts";
export { EC2_THROTTLES } from "./ec2/throttles.ts";
export { azureLike } from "./arm/azure-like.ts";
export { ARM_THROTTLES } from "./arm/api.ts";
export { gcpLike } from "./compute/gcp-like.ts";
export { COMPUTE_THROTTLES } from "./compute/api.ts";
export { simStage } from "./stage.ts";
export type { SimStage, SimStageOptions } from "./stage.ts";
