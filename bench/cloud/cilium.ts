import { sleep } from "@netloom/core";
import type { CloudNode } from "@netloom/ipam-cloud";
import { ClientBucket, PeerClient } from "./peer-client.ts";
import { Pods } from "./pods.ts";
import { INTERFACES, SLOTS, type Scene } from "./scene.ts";

export interface CiliumSettings {
  readonly prefixes: boolean;
  /** Pods that wait are counted where something is needed anyway. */
  readonly surge: boolean;
  /** The lists of the whole cluster, every minute: they take tokens of the same bucket. @defaultValue false */
  readonly resync?: boolean;
}

const PRE_ALLOCATE = 8;
/** An agent tells what it uses at once, but not more often than this. */
const PUBLISH = 15_000;
const WORKERS = 50;
/** For all actions together. */
const PER_SECOND = 4;
const BURST = 20;
const RESYNC = 60_000;
const LISTS = ["DescribeVpcs", "DescribeSubnets", "GetSecurityGroupsForVpc", "DescribeRouteTables"];
const ATTACH_TIME = 4000;

/**
 * Cilium's operator for ENIs, as of its 1.19: one process asks for all nodes, one action for a node at a time, the neediest
 * node first, and reads the node after each.
 */
export class CiliumOperator {
  readonly settings: CiliumSettings;
  readonly #scene: Scene;
  readonly #bucket: ClientBucket;
  readonly #waiting = new Set<CiliumNode>();
  #working = 0;

  constructor(scene: Scene, settings: CiliumSettings) {
    this.settings = settings;
    this.#scene = scene;
    this.#bucket = new ClientBucket(scene.clock, PER_SECOND, BURST);
    if (settings.resync === true) void this.#resync();
  }

  node(node: CloudNode): CiliumNode {
    return new CiliumNode(
      this.#scene,
      node,
      this,
      new PeerClient(this.#scene.sim, node.instance, this.#bucket),
    );
  }

  /** It may need something. */
  trigger(node: CiliumNode): void {
    this.#waiting.add(node);
    this.#work();
  }

  #work(): void {
    while (this.#working < WORKERS && this.#waiting.size > 0) {
      let neediest: CiliumNode | undefined;
      for (const node of this.#waiting)
        if (neediest === undefined || node.needed > neediest.needed) neediest = node;
      this.#waiting.delete(neediest!);
      this.#working++;
      void neediest!.maintain().then((again) => {
        this.#working--;
        if (again) this.#waiting.add(neediest!);
        this.#work();
      });
    }
  }

  async #resync(): Promise<void> {
    const client = new PeerClient(this.#scene.sim, "cluster", this.#bucket);
    for (;;) {
      for (const action of LISTS) await client.ask(action);
      const pages = Math.max(1, Math.ceil(this.#scene.sim.interfaces.length / 1000));
      for (let page = 0; page < pages; page++) await client.ask("DescribeNetworkInterfaces");
      await sleep(this.#scene.clock, RESYNC);
    }
  }
}

/** A node: its agent, and what the operator knows of it. */
export class CiliumNode {
  readonly pods: Pods;
  readonly #scene: Scene;
  readonly #operator: CiliumOperator;
  readonly #client: PeerClient;
  /** Slots in use, by interface. */
  readonly #interfaces = new Map<string, number>();
  #available = 0;
  /** What the agent has told. */
  #used = 0;
  #publishedAt = -Infinity;
  #publishing = false;

  constructor(scene: Scene, node: CloudNode, operator: CiliumOperator, client: PeerClient) {
    this.#scene = scene;
    this.#operator = operator;
    this.#client = client;
    this.#interfaces.set(scene.sim.world.attachedTo(node.instance)[0]!.id, 0);
    this.pods = new Pods(scene.clock);
    this.pods.changed = () => void this.#publish();
  }

  /** Resolves when it has its first addresses. */
  async start(): Promise<void> {
    this.#operator.trigger(this);
    while (this.#available === 0) await sleep(this.#scene.clock, 100);
  }

  get needed(): number {
    return Math.max(0, PRE_ALLOCATE - (this.#available - this.#used));
  }

  /** One action. @returns whether it is to be looked at again. */
  async maintain(): Promise<boolean> {
    const { needed } = this;
    if (needed === 0) return false;
    const { surge, prefixes } = this.#operator.settings;
    const addresses = needed + (surge ? Math.max(0, this.pods.waiting - needed) : 0);
    const count = prefixes ? Math.ceil(addresses / 16) : addresses;
    const roomy = [...this.#interfaces].find(([, slots]) => slots < SLOTS - 1);
    if (roomy !== undefined) await this.#assign(roomy[0], Math.min(count, SLOTS - 1 - roomy[1]));
    else if (this.#interfaces.size < INTERFACES) await this.#addInterface(Math.min(count, SLOTS - 1));
    else return false;
    return true;
  }

  async #assign(id: string, count: number): Promise<void> {
    await this.#client.assign(id, count, this.#prefix);
    this.#interfaces.set(id, this.#interfaces.get(id)! + count);
    await this.#client.ask("DescribeNetworkInterfaces");
    this.#add(count, 0);
  }

  async #addInterface(count: number): Promise<void> {
    const { id } = await this.#client.create(count, this.#prefix);
    await this.#client.attach(id, this.#interfaces.size);
    const attached = this.#scene.clock.monotonic() + ATTACH_TIME;
    await this.#client.keepWithInstance(id);
    this.#interfaces.set(id, count);
    await this.#client.ask("DescribeNetworkInterfaces");
    this.#add(count, attached);
  }

  #add(count: number, from: number): void {
    const addresses = this.#operator.settings.prefixes ? 16 * count : count;
    this.#available += addresses;
    const wait = from - this.#scene.clock.monotonic();
    if (wait > 0) this.#scene.clock.after(wait, () => this.pods.add(addresses));
    else this.pods.add(addresses);
  }

  async #publish(): Promise<void> {
    if (this.#publishing) return;
    this.#publishing = true;
    const wait = this.#publishedAt + PUBLISH - this.#scene.clock.monotonic();
    // What comes in the same moment is told with it.
    await sleep(this.#scene.clock, Math.max(0, wait));
    this.#publishing = false;
    this.#publishedAt = this.#scene.clock.monotonic();
    this.#used = this.pods.used;
    this.#operator.trigger(this);
  }

  get #prefix(): 28 | 32 {
    return this.#operator.settings.prefixes ? 28 : 32;
  }
}
