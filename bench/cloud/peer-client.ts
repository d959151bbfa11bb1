import { sleep, type Clock } from "@netloom/core";
import { EC2_THROTTLES, type SimCloud, type SimInterface } from "@netloom/sim-cloud";
import { POOL } from "./scene.ts";

/** A bucket that a client keeps itself to, whatever it asks for. */
export class ClientBucket {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #burst: number;
  /** When the bucket would be full, in monotonic milliseconds. */
  #fullAt = 0;

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** In the order in which they ask. */
  async take(): Promise<void> {
    const [now, each] = [this.#clock.monotonic(), 1000 / this.#perSecond];
    this.#fullAt = Math.max(this.#fullAt, now) + each;
    const wait = this.#fullAt - now - this.#burst * each;
    if (wait > 0) await sleep(this.#clock, wait);
  }
}

/** The requests to EC2 that peers make, one each. */
export class PeerClient {
  readonly #sim: SimCloud;
  readonly #instance: string;
  readonly #bucket: ClientBucket | undefined;

  constructor(sim: SimCloud, instance: string, bucket?: ClientBucket) {
    this.#sim = sim;
    this.#instance = instance;
    this.#bucket = bucket;
  }

  /** One that is answered with what nobody here looks at. */
  async ask(action: string): Promise<void> {
    await this.#send(action, () => undefined);
  }

  async assign(id: string, count: number, prefix: 28 | 32): Promise<void> {
    const wanted = { family: 4, prefix, count } as const;
    await this.#send("AssignPrivateIpAddresses", () => this.#sim.world.assign(id, wanted));
  }

  create(count: number, prefix: 28 | 32): Promise<SimInterface> {
    const want = [{ family: 4, prefix, count }] as const;
    const created = { pool: POOL, want, tags: {}, securityGroups: ["default"] };
    return this.#send("CreateNetworkInterface", () => this.#sim.world.create(created));
  }

  async attach(id: string, index: number): Promise<void> {
    await this.#send("AttachNetworkInterface", () =>
      this.#sim.world.attach(id, this.#instance, index, false),
    );
  }

  async keepWithInstance(id: string): Promise<void> {
    await this.#send("ModifyNetworkInterfaceAttribute", () =>
      this.#sim.world.setDeleteWithInstance(id, true),
    );
  }

  async #send<Answer>(action: string, apply: () => Answer): Promise<Answer> {
    await this.#bucket?.take();
    return this.#sim.request(action, this.#instance, EC2_THROTTLES, apply);
  }
}
