import { sleep, type Lease, type RestoredLease } from "@netloom/core";
import { cloudIpam, type CloudIpam, type CloudIpamOptions, type CloudNode } from "@netloom/ipam-cloud";
import type { Process } from "./process.ts";

/** How long a datapath takes to forget a pod, and an agent to try again. */
const FORGETS_AFTER = 700;
const AGAIN_AFTER = 3000;

interface Pod {
  readonly lease: Lease;
  retired: boolean;
}

export interface MachineOptions {
  readonly node: CloudNode;
  readonly ipam: Omit<CloudIpamOptions, "instance">;
  readonly begin: () => Process;
  readonly violated: (what: string) => void;
  readonly leased: (address: string, node: CloudNode) => void;
}

/** An instance, the pods on it, and what an agent does there: life after life, with what it has written down. */
export class Machine {
  readonly node: CloudNode;
  readonly #options: MachineOptions;
  /** As agents keep them in the store: there as long as an address may be in use. */
  readonly #pods = new Map<string, Pod>();
  #process: Process | undefined;
  #ipam: CloudIpam | undefined;
  /** Those whose process ends in peace. */
  readonly #ended = new WeakSet<CloudIpam>();
  #waiting = new Map<string, AbortController>();
  #restored = false;
  #wanted = 0;
  #named = 0;
  #lost = false;

  constructor(options: MachineOptions) {
    this.node = options.node;
    this.#options = options;
  }

  get process(): Process | undefined {
    return this.#process;
  }

  /** Addresses that pods have, or that some datapath may still know. */
  get addresses(): readonly string[] {
    return [...this.#pods.values()].flatMap(({ lease }) => lease.addresses);
  }

  get pods(): number {
    return [...this.#pods.values()].filter(({ retired }) => !retired).length;
  }

  get ranges(): readonly string[] {
    return this.#ipam?.ranges() ?? [];
  }

  /** So many pods from now on. */
  want(pods: number): void {
    this.#wanted = pods;
    this.#process?.run(() => this.#reconcile());
  }

  start(): void {
    if (this.#lost) return;
    const process = this.#options.begin();
    this.#process = process;
    this.#restored = false;
    this.#waiting = new Map();
    void process.run(() => this.#live(process));
  }

  /** The process ends in peace, and another begins. */
  restart(): void {
    const [process, ipam] = [this.#process!, this.#ipam!];
    this.#ended.add(ipam);
    void process.run(async () => {
      await ipam[Symbol.asyncDispose]();
      process.kill();
      this.start();
    });
  }

  /** The instance is gone, and its process with it. */
  lose(): void {
    this.#lost = true;
    this.#process?.kill();
    this.#pods.clear();
  }

  async #live(process: Process): Promise<void> {
    const { node, ipam: options, violated } = this.#options;
    const ipam = cloudIpam({ ...options, instance: node });
    this.#ipam = ipam;
    const { runtime, store } = process;
    try {
      await ipam.start({ node: node.name, podCIDRs: [], families: [4], store, prefix: "test/", runtime });
      await ipam.restore(
        [...this.#pods.values()].map(({ lease, retired }): RestoredLease => ({ ...lease, retired })),
      );
    } catch (error) {
      // One that was to end before it had begun.
      if (!this.#ended.has(ipam)) violated(`a life could not begin: ${String(error)}`);
      return;
    }
    this.#restored = true;
    for (const [owner, { retired }] of this.#pods) if (retired) void this.#forget(owner);
    this.#reconcile();
  }

  #reconcile(): void {
    if (!this.#restored || this.#process!.dead) return;
    let missing = this.#wanted - this.pods - this.#waiting.size;
    for (; missing > 0; missing--) void this.#create(`pod${this.#named++}`);
    for (const [owner, stop] of this.#waiting) {
      if (missing >= 0) break;
      missing++;
      this.#waiting.delete(owner);
      stop.abort("not wanted");
    }
    for (const [owner, pod] of [...this.#pods].toReversed()) {
      if (missing >= 0) break;
      if (pod.retired) continue;
      missing++;
      void this.#remove(owner, pod);
    }
  }

  async #create(owner: string): Promise<void> {
    const [process, ipam, waiting] = [this.#process!, this.#ipam!, this.#waiting];
    const stop = new AbortController();
    waiting.set(owner, stop);
    try {
      const lease = await ipam.allocate(owner, { families: [4], signal: stop.signal });
      if (process.dead) return;
      for (const address of lease.addresses) {
        if (this.addresses.includes(address)) this.#options.violated(`${address} is given to two`);
        this.#options.leased(address, this.node);
      }
      this.#pods.set(owner, { lease, retired: false });
    } catch {
      if (process.dead || stop.signal.aborted) return;
      await sleep(process.runtime.clock, AGAIN_AFTER);
    }
    if (!waiting.delete(owner)) return;
    this.#reconcile();
  }

  async #remove(owner: string, pod: Pod): Promise<void> {
    pod.retired = true;
    await this.#ipam!.retire(pod.lease);
    await this.#forget(owner);
  }

  async #forget(owner: string): Promise<void> {
    const [process, ipam] = [this.#process!, this.#ipam!];
    await sleep(process.runtime.clock, FORGETS_AFTER);
    const pod = this.#pods.get(owner);
    if (pod === undefined || process.dead) return;
    this.#pods.delete(owner);
    await ipam.release(pod.lease);
  }
}
