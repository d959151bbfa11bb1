import type { Clock } from "@netloom/core";
import type {
  AssignRequest,
  CloudCall,
  CloudCapabilities,
  CloudFault,
  CloudInterface,
  CloudNode,
  CloudPool,
  CloudProvider,
  EnsureInterfaceRequest,
  NodeInventory,
  NodeLimits,
  Orphan,
  UnassignRequest,
} from "@netloom/ipam-cloud";

/** Hears how long each request had to wait before it was let through, in milliseconds. */
export type Waited = (action: string, from: number, to: number) => void;

/** A provider as it is, whose calls are timed while they wait for tokens. */
export class WatchedProvider implements CloudProvider {
  readonly #provider: CloudProvider;
  readonly #clock: Clock;
  readonly #waited: Waited;

  constructor(provider: CloudProvider, clock: Clock, waited: Waited) {
    this.#provider = provider;
    this.#clock = clock;
    this.#waited = waited;
  }

  get name(): string {
    return this.#provider.name;
  }

  get account(): string {
    return this.#provider.account;
  }

  get capabilities(): CloudCapabilities {
    return this.#provider.capabilities;
  }

  pools(node: CloudNode, call: CloudCall): AsyncIterable<CloudPool> {
    return this.#provider.pools(node, this.#timed(call));
  }

  readNode(node: CloudNode, call: CloudCall): Promise<NodeInventory | undefined> {
    return this.#provider.readNode(node, this.#timed(call));
  }

  limits(node: CloudNode, call: CloudCall): Promise<NodeLimits | undefined> {
    return this.#provider.limits(node, this.#timed(call));
  }

  ensureInterface(request: EnsureInterfaceRequest, call: CloudCall): Promise<CloudInterface> {
    return this.#provider.ensureInterface!(request, this.#timed(call));
  }

  removeInterface(
    request: { readonly node?: CloudNode; readonly interface: string },
    call: CloudCall,
  ): Promise<void> {
    return this.#provider.removeInterface!(request, this.#timed(call));
  }

  assign(request: AssignRequest, call: CloudCall): Promise<readonly string[]> {
    return this.#provider.assign(request, this.#timed(call));
  }

  unassign(request: UnassignRequest, call: CloudCall): Promise<void> {
    return this.#provider.unassign!(request, this.#timed(call));
  }

  orphans(call: CloudCall): AsyncIterable<Orphan> {
    return this.#provider.orphans?.(this.#timed(call)) ?? none();
  }

  classify(error: unknown): CloudFault {
    return this.#provider.classify(error);
  }

  #timed(call: CloudCall): CloudCall {
    return {
      ...call,
      admit: async (action) => {
        const from = this.#clock.monotonic();
        await call.admit(action);
        this.#waited(action, from, this.#clock.monotonic());
      },
    };
  }
}

async function* none(): AsyncGenerator<Orphan> {}
