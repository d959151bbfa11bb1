import type { IpamContext, Lease, Store } from "@netloom/core";
import { ManualClock, memoryStore, seededRandom } from "@netloom/core/memory";
import { cloudIpam, type CloudIpam, type CloudIpamOptions, type CloudProvider } from "@netloom/ipam-cloud";

/** One node on one cloud, on a clock that stands still: lives that end and begin again on one store. */
export class Lives<Cloud extends CloudProvider> {
  readonly clock: ManualClock;
  readonly store: Store = memoryStore();
  readonly cloud: Cloud;
  readonly #options: Partial<CloudIpamOptions>;
  readonly #random = seededRandom(7);

  constructor(cloud: Cloud, options: Partial<CloudIpamOptions> = {}, clock = new ManualClock(1_000_000)) {
    this.clock = clock;
    this.cloud = cloud;
    this.#options = options;
  }

  get context(): IpamContext {
    return {
      node: "node1",
      podCIDRs: [],
      families: [4],
      store: this.store,
      prefix: "test/",
      runtime: { clock: this.clock, random: this.#random },
    };
  }

  async begin(leases: readonly Lease[] = []): Promise<CloudIpam> {
    const ipam = cloudIpam({
      provider: this.cloud,
      instance: { instance: "i-1" },
      ...this.#options,
    });
    await this.until(ipam.start(this.context));
    await ipam.restore(leases.map((lease) => ({ ...lease, retired: false })));
    return ipam;
  }

  allocate(ipam: CloudIpam, count: number, name = "pod"): Promise<readonly Lease[]> {
    const owners = Array.from({ length: count }, (_, index) => `${name}${index}`);
    return this.until(Promise.all(owners.map((owner) => ipam.allocate(owner, { families: [4] }))));
  }

  /** Lets time pass until it has settled. */
  async until<T>(promise: Promise<T>, most = 10 * 60_000): Promise<T> {
    let settled = false;
    const end = (): void => void (settled = true);
    promise.then(end, end);
    const step = (passed: number): number => (passed < 2000 ? 50 : passed < 60_000 ? 1000 : 10_000);
    for (let passed = 0; !settled; passed += step(passed)) {
      if (passed > most) throw new Error("it takes too long");
      await this.clock.advance(step(passed));
    }
    return promise;
  }

  /** Lets so many milliseconds pass. */
  async pass(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 500) await this.clock.advance(500);
  }
}
