import { assigning } from "./cloud/assigning.ts";
import { interfaces } from "./cloud/interfaces.ts";
import { reading } from "./cloud/reading.ts";
import { recovery } from "./cloud/recovery.ts";
import { refusals } from "./cloud/refusals.ts";
import type { Breaks } from "./cloud/broken-cloud.ts";

export { cloudOptions } from "./cloud/broken-cloud.ts";

/** By the check that finds it. */
export const brokenClouds: Breaks = { ...reading, ...assigning, ...interfaces, ...recovery, ...refusals };
