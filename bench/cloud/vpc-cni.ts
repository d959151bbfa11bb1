import { sleep } from "@netloom/core";
import type { CloudNode } from "@netloom/ipam-cloud";
import { PeerClient } from "./peer-client.ts";
import { Pods } from "./pods.ts";
import { INTERFACES, SLOTS, type Scene } from "./scene.ts";

export interface VpcCniSettings {
  /** WARM_IP_TARGET and MINIMUM_IP_TARGET, in place of WARM_ENI_TARGET=1. */
  readonly warmAddresses?: number;
  readonly minimumAddresses?: number;
  /** WARM_PREFIX_TARGET=1. */
  readonly prefixes?: boolean;
}

/** No growth beyond. */
const MAX_PODS = 110;
/** Between two looks, and again before the second half of the loop. */
const LOOP = 2500;
const ATTACH_TIME = 4000;

/**
 * The AWS VPC CNI's daemon, v1.23: its published loop, in the order of its requests. It looks every five seconds, does one
 * thing, and knows nothing of pods that wait.
 */
export class VpcCni {
  readonly pods: Pods;
  readonly #scene: Scene;
  readonly #settings: VpcCniSettings;
  readonly #client: PeerClient;
  /** What each interface has for pods, by id. */
  readonly #interfaces = new Map<string, number>();
  readonly #first: string;
  #free = 0;
  #total = 0;

  constructor(scene: Scene, node: CloudNode, settings: VpcCniSettings) {
    this.#scene = scene;
    this.#settings = settings;
    this.#client = new PeerClient(scene.sim, node.instance);
    this.pods = new Pods(scene.clock);
    this.#first = scene.sim.world.attachedTo(node.instance)[0]!.id;
    this.#interfaces.set(this.#first, 0);
  }

  async start(): Promise<void> {
    for (const action of ["DescribeNetworkInterfaces", "CreateTags", "DescribeSubnets"])
      await this.#client.ask(action);
    const { warmAddresses = 0, minimumAddresses = 0, prefixes } = this.#settings;
    const targets = Math.max(warmAddresses, minimumAddresses);
    if (prefixes === true) await this.#assign(this.#first, 1);
    else await this.#assign(this.#first, targets > 0 ? targets : SLOTS - 1);
    void this.#loop();
  }

  async #loop(): Promise<void> {
    for (;;) {
      await sleep(this.#scene.clock, LOOP);
      await this.#adjust();
      // What follows asks the instance's metadata, not EC2.
      await sleep(this.#scene.clock, LOOP);
    }
  }

  async #adjust(): Promise<void> {
    const wanted = this.#short();
    if (wanted <= 0 || this.#total >= MAX_PODS) return;
    const [id, has] = [...this.#interfaces].find(([, count]) => count < SLOTS - 1) ?? [];
    if (id !== undefined && has !== undefined) await this.#assign(id, Math.min(wanted, SLOTS - 1 - has));
    else if (this.#interfaces.size < INTERFACES) await this.#addInterface(Math.min(wanted, SLOTS - 1));
  }

  /** Addresses or prefixes to get in this round. */
  #short(): number {
    const { warmAddresses: warm, minimumAddresses: minimum = 0, prefixes } = this.#settings;
    this.#free = this.pods.free;
    if (prefixes === true) return this.#free < 16 ? 1 : 0;
    if (warm !== undefined) return Math.max(warm - this.#free, minimum - this.#total, 0);
    return this.#free < SLOTS - 1 ? SLOTS - 1 : 0;
  }

  async #assign(id: string, count: number): Promise<void> {
    await this.#client.assign(id, count, this.#prefix);
    this.#interfaces.set(id, this.#interfaces.get(id)! + count);
    this.#add(count);
  }

  async #addInterface(count: number): Promise<void> {
    await this.#client.ask("DescribeSubnets");
    const { id } = await this.#client.create(count, this.#prefix);
    await this.#client.ask("DescribeInstances");
    await this.#client.attach(id, this.#interfaces.size);
    await this.#client.keepWithInstance(id);
    // The instance's metadata is asked until it is there.
    await sleep(this.#scene.clock, ATTACH_TIME);
    await this.#client.ask("DescribeSubnets");
    this.#interfaces.set(id, count);
    this.#add(count);
  }

  #add(count: number): void {
    const addresses = this.#settings.prefixes === true ? 16 * count : count;
    this.#total += addresses;
    this.pods.add(addresses);
  }

  get #prefix(): 28 | 32 {
    return this.#settings.prefixes === true ? 28 : 32;
  }
}
