import { createAgent, type Agent, type Cluster, type Runtime } from "@netloom/core";
import { ManualClock, memoryStore, seededRandom } from "@netloom/core/memory";
import {
  explain,
  explanationText,
  modelDatapath,
  modelFabric,
  type ModelFabric,
} from "@netloom/datapath-model";
import { hostScope } from "@netloom/ipam-host-scope";
import { vxlan } from "@netloom/routing-vxlan";

/**
 * Two nodes in this process: the agents are those of production, the packets are real, the machines are not. Time stands
 * still until a test moves it.
 */
export class Testbed implements AsyncDisposable {
  readonly clock: ManualClock = new ManualClock(Date.UTC(2026, 0, 1));
  readonly #fabric: ModelFabric;
  readonly #agents: readonly Agent[];
  #pods = 0;

  private constructor() {
    const runtime: Runtime = { clock: this.clock, random: seededRandom(1) };
    this.#fabric = modelFabric({ runtime });
    const store = memoryStore({ runtime });
    this.#agents = [1, 2].map((number) =>
      createAgent({
        node: {
          name: `node${number}`,
          addresses: [`192.0.2.${number}`],
          podCIDRs: [`10.244.${number}.0/24`],
        },
        store,
        ipam: hostScope(),
        routing: vxlan(),
        datapath: modelDatapath({ fabric: this.#fabric }),
        runtime,
        // Nobody but the agent changes this datapath, and a test may move the clock by days.
        auditInterval: 0,
      }),
    );
  }

  static async start(): Promise<Testbed> {
    const testbed = new Testbed();
    for (const agent of testbed.#agents) await agent.start();
    return testbed;
  }

  get cluster(): Cluster {
    return this.#agents[0]!.cluster;
  }

  /** Makes a pod, on one node and the other in turn. Whoever connects to its port 8080 is told its name. */
  async pod(name: string, ...labels: readonly string[]): Promise<void> {
    const agent = this.#agents[this.#pods++ % this.#agents.length]!;
    const { revision } = await agent.endpoints.create({ name, labels });
    await this.cluster.settled(revision);
    this.#fabric.pod(name).host.listen(8080, name);
  }

  from(pod: string): Viewpoint {
    return {
      pod,
      connect: async (to) => {
        const { outcome, reply } = await this.#fabric.pod(pod).host.connect(this.#end(to).join(":"));
        return outcome === "connected" ? reply : undefined;
      },
      explain: (to) => {
        const [destination, port] = this.#end(to);
        const { address: source } = this.#fabric.pod(pod);
        const nodes = this.#agents.map((agent) => agent.inspect());
        return explanationText(explain({ source, destination, protocol: "TCP", port }, nodes));
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents) await agent.stop();
  }

  #end(text: string): readonly [address: string, port: number] {
    const [host = "", port] = text.split(":");
    return [host.includes("/") ? this.#fabric.pod(host).address : host, Number(port)];
  }
}

/** What a pod can do and see. The other end is `pod:port` or `address:port`. */
export interface Viewpoint {
  readonly pod: string;
  /** Opens a TCP connection. @returns what the other end said; `undefined`: there was no answer. */
  connect(to: string): Promise<string | undefined>;
  /** Each look-up on the way there, and what decided. */
  explain(to: string): string;
}
