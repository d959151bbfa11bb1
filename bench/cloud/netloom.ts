import { isNetloomError, sleep, type Clock } from "@netloom/core";
import { memoryStore, seededRandom } from "@netloom/core/memory";
import { cloudIpam, type CloudIpam, type CloudNode, type CloudPolicyOptions } from "@netloom/ipam-cloud";
import { awsLike } from "@netloom/sim-cloud";
import type { Scene } from "./scene.ts";

export interface NetloomSettings extends CloudPolicyOptions {
  /** As a process of its own has them: it knows only of its own requests. @defaultValue false */
  readonly alone?: boolean;
}

/** Milliseconds until a pod that was refused asks again. */
const RETRY = 5000;

/** One node with the real IPAM. Nothing of it is a model. */
export class Netloom {
  /** How long each pod waited, in milliseconds. */
  readonly waits: number[] = [];
  /** How often pods were refused. */
  refused = 0;
  readonly #clock: Clock;
  readonly #ipam: CloudIpam;
  readonly #node: CloudNode;
  readonly #seed: number;
  #pods = 0;
  readonly #served: Promise<void>[] = [];

  constructor({ clock, sim }: Scene, node: CloudNode, settings: NetloomSettings, seed = 1) {
    const { alone = false, ...policy } = settings;
    this.#clock = alone ? another(clock) : clock;
    this.#node = node;
    this.#seed = seed;
    const times = { patience: 86_400_000 };
    this.#ipam = cloudIpam({ provider: awsLike(sim), instance: node, policy, times });
  }

  async start(): Promise<void> {
    const runtime = { clock: this.#clock, random: seededRandom(this.#seed) };
    const store = memoryStore({ runtime });
    const context = { node: this.#node.name, podCIDRs: [], families: [4] as const };
    await this.#ipam.start({ ...context, store, prefix: "bench/", runtime });
    await this.#ipam.restore([]);
  }

  arrive(count: number): void {
    const since = this.#clock.monotonic();
    for (let pod = 0; pod < count; pod++) {
      this.#served.push(this.#lease(`pod${this.#pods++}`, since));
    }
  }

  /** Until it has one: what was refused for now is asked for again, as whoever runs pods does. */
  async #lease(owner: string, since: number): Promise<void> {
    for (;;) {
      try {
        await this.#ipam.allocate(owner, { families: [4] });
        return void this.waits.push(this.#clock.monotonic() - since);
      } catch (error) {
        if (!isNetloomError(error, "ERR_IPAM_EXHAUSTED")) throw error;
        this.refused++;
        await sleep(this.#clock, RETRY);
      }
    }
  }

  async served(): Promise<void> {
    await Promise.all(this.#served);
  }
}

/** The same time, for somebody who shares nothing else. */
function another(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (milliseconds, callback) => clock.after(milliseconds, callback),
  };
}
