import {
  azureProvider,
  type AzureClients,
  type AzureMachineKind,
  type AzureProviderOptions,
} from "@netloom/ipam-azure";
import type { CloudProvider } from "@netloom/ipam-cloud";
import { simStage, type SimCloud, type SimStage } from "@netloom/sim-cloud";
import { arm, serveArm, type CloudServer } from "@netloom/sim-cloud/http";
import { loadClients } from "../../src/clients.ts";

const SECRET = "sim-secret-access-key";

/** Whoever asks gets the same token, for an hour. */
export const credential = {
  getToken: async () => ({ token: SECRET, expiresOnTimestamp: Date.now() + 3_600_000 }),
};

/** The SDK, over HTTP, to a cloud in memory. */
export class Wire implements AsyncDisposable {
  readonly #sim: SimCloud;
  #opened: Promise<{ readonly server: CloudServer; readonly clients: AzureClients }> | undefined;

  constructor(sim: SimCloud) {
    this.#sim = sim;
  }

  provider(options: Partial<AzureProviderOptions> = {}): CloudProvider {
    return azureProvider({
      subscription: arm.subscription,
      clients: () => this.clients(),
      pollInterval: 0,
      clock: this.#sim.clock,
      ...options,
    });
  }

  async clients(): Promise<AzureClients> {
    this.#opened ??= this.#open();
    return (await this.#opened).clients;
  }

  async #open(): Promise<{ readonly server: CloudServer; readonly clients: AzureClients }> {
    const server = await serveArm(this.#sim);
    const options = { credential, subscription: arm.subscription, endpoint: server.url };
    return { server, clients: await loadClients(options) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await this.#opened;
    await opened?.server[Symbol.asyncDispose]();
  }
}

/** The conformance kit's stage, its provider's requests on the wire, its machines of one kind. */
export function wiredStage(machines: AzureMachineKind): SimStage {
  let wire: Wire | undefined;
  const shape = (sim: SimCloud, { cluster = "default" }): CloudProvider => {
    wire ??= new Wire(sim);
    return wire.provider({ cluster, machines, blocks: true });
  };
  const stage = simStage(shape, { permission: arm.permission });
  const [first, second] = stage.nodes;
  return {
    ...stage,
    nodes: [arm.node(first, machines), arm.node(second, machines)],
    pool: arm.subnetId(stage.pool).toLowerCase(),
    exhaust: (what, node) => stage.exhaust(what, arm.simNode(node)),
    terminate: (node) => stage.terminate(arm.simNode(node)),
    relaunch: async (node) => arm.node(await stage.relaunch(arm.simNode(node)), machines),
    secret: SECRET,
    [Symbol.asyncDispose]: async () => wire?.[Symbol.asyncDispose](),
  };
}
