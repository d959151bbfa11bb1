import {
  createClusterClient,
  sleep,
  type Cluster,
  type NetworkPolicy,
  type Service,
  type Store,
} from "@netloom/core";
import type { Life } from "./kernel/life.ts";

/** What people want of the cluster: somebody else's memory, it survives every crash. */
export interface DesiredCluster {
  /** `undefined`: it is to be gone. */
  readonly policies: Map<string, NetworkPolicy | undefined>;
  readonly services: Map<string, Service | undefined>;
  /** Nodes that are to be declared gone. */
  readonly leaving: Set<string>;
}

export interface ControllerOptions {
  readonly life: Life;
  readonly store: Store;
  readonly desired: DesiredCluster;
  readonly onRemoved: (node: string) => void;
  readonly onSettled: (revision: number) => void;
  readonly onError: (error: unknown) => void;
}

/** Writes policies, services and the end of nodes, again until it is done. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #cluster: Cluster;
  readonly #busy = new Set<string>();

  constructor(options: ControllerOptions) {
    this.#options = options;
    const { store, life, onError } = options;
    this.#cluster = createClusterClient({ store, runtime: life.runtime, onError });
  }

  get idle(): boolean {
    return this.#busy.size === 0 && this.#options.desired.leaving.size === 0;
  }

  async run(): Promise<void> {
    const { policies, services, leaving } = this.#options.desired;
    for (const name of policies.keys()) this.policy(name);
    for (const name of services.keys()) this.service(name);
    for (const name of leaving) this.leave(name);
    await new Promise(() => undefined);
  }

  policy(name: string): void {
    const { policies } = this.#options.desired;
    this.#until(`policy ${name}`, async () => {
      const wanted = policies.get(name);
      const revision =
        wanted === undefined
          ? await this.#cluster.policies.remove(name)
          : await this.#cluster.policies.apply(wanted);
      if (revision !== undefined) this.#tellSettled(revision);
      return policies.get(name) === wanted;
    });
  }

  service(name: string): void {
    const { services } = this.#options.desired;
    this.#until(`service ${name}`, async () => {
      const wanted = services.get(name);
      await (wanted === undefined
        ? this.#cluster.services.remove(name)
        : this.#cluster.services.apply(wanted));
      return services.get(name) === wanted;
    });
  }

  leave(node: string): void {
    this.#until(`leave ${node}`, async () => {
      await this.#cluster.nodes.remove(node);
      this.#options.onRemoved(node);
      return true;
    });
  }

  #tellSettled(revision: number): void {
    const { onSettled, onError } = this.#options;
    void this.#cluster.settled(revision).then(() => onSettled(revision), onError);
  }

  /** @param act - whether that was all. */
  #until(what: string, act: () => Promise<boolean>): void {
    if (this.#busy.has(what)) return;
    this.#busy.add(what);
    const { life, onError } = this.#options;
    const loop = async (): Promise<void> => {
      for (;;) {
        try {
          if (await act()) return;
        } catch (error) {
          onError(error);
          await sleep(life.runtime.clock, life.chance.between(20, 400));
        }
      }
    };
    loop().then(
      () => this.#busy.delete(what),
      () => this.#busy.delete(what),
    );
  }
}
