import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

/** All that core needs of the process it runs in. Real by default; a simulation hands in its own. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
}
