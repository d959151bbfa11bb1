import type { Agent, NetworkPolicy } from "@netloom/core";
import { translateNetworkPolicy } from "@netloom/core/kubernetes";
import type { OraclePod, OracleStep } from "./cases.ts";

/** Agents of a cluster, brought to one step of the oracle after the other: only what is different changes. */
export class OracleCluster {
  readonly #agentOf: (pod: OraclePod) => Agent;
  readonly #netnsOf: (pod: OraclePod) => string;
  readonly #pods = new Map<string, OraclePod>();
  readonly #policies = new Map<string, NetworkPolicy>();

  /**
   * @param agentOf - of the node that a pod lives on; its IPAM must be able to give the pod's address.
   * @param netnsOf - where there is a kernel.
   */
  constructor(agentOf: (pod: OraclePod) => Agent, netnsOf: (pod: OraclePod) => string = () => "") {
    this.#agentOf = agentOf;
    this.#netnsOf = netnsOf;
  }

  /** Resolves when every node enforces what holds after the step. */
  async apply({ pods, policies }: OracleStep): Promise<void> {
    const { cluster } = this.#agentOf(pods[0]!);
    const revisions = [
      ...(await this.#applyPods(pods)),
      ...(await this.#applyPolicies(
        policies.map((policy) => translateNetworkPolicy(policy)),
        cluster,
      )),
    ];
    await cluster.settled(Math.max(0, ...revisions));
  }

  async #applyPods(pods: readonly OraclePod[]): Promise<number[]> {
    const revisions: number[] = [];
    const names = new Set(pods.map(({ name }) => name));
    for (const [name, pod] of this.#pods) {
      if (names.has(name)) continue;
      await this.#agentOf(pod).endpoints.delete(name);
      this.#pods.delete(name);
    }
    for (const pod of pods) {
      const { name, address, labels } = pod;
      const before = this.#pods.get(name);
      if (before?.labels.join() === labels.join()) continue;
      const { endpoints } = this.#agentOf(pod);
      const { revision } =
        before === undefined
          ? await endpoints.create({ name, labels, addresses: [address], netns: this.#netnsOf(pod) })
          : await endpoints.setLabels(name, labels);
      revisions.push(revision);
      this.#pods.set(name, pod);
    }
    return revisions;
  }

  async #applyPolicies(
    policies: readonly NetworkPolicy[],
    { policies: writer }: Agent["cluster"],
  ): Promise<number[]> {
    const revisions: number[] = [];
    const names = new Set(policies.map(({ name }) => name));
    for (const name of this.#policies.keys()) {
      if (names.has(name)) continue;
      revisions.push((await writer.remove(name)) ?? 0);
      this.#policies.delete(name);
    }
    for (const policy of policies) {
      if (JSON.stringify(this.#policies.get(policy.name)) === JSON.stringify(policy)) continue;
      revisions.push(await writer.apply(policy));
      this.#policies.set(policy.name, policy);
    }
    return revisions;
  }
}
