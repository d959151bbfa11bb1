import { isDeepStrictEqual } from "node:util";
import { sleep, type Clock, type Cluster, type Revision } from "@netloom/core";
import { isOurs, policiesOf, registry, type Tenant } from "./tenants.ts";

/** How often the cluster is compared with the tenants, in milliseconds. */
export const INTERVAL = 30_000;

/** What the controller works with. Everything of the outside comes in here, so that a test can hand in its own. */
export interface Surroundings {
  /** `agent.cluster`, or `createClusterClient({ store })` where no agent runs. */
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** The tenants, from wherever the application keeps them. */
  readonly tenants: () => Promise<readonly Tenant[]>;
  readonly onError: (error: unknown) => void;
}

/** Writes what the tenants say. @returns since when it counts: `cluster.settled` tells when every node enforces it. */
export async function reconcile({ cluster, clock, tenants }: Surroundings): Promise<Revision> {
  const wanted = policiesOf(await tenants(), clock.now());
  const found = (await cluster.policies.list()).filter(isOurs);
  const missing = wanted.filter((policy) => !found.some((other) => isDeepStrictEqual(policy, other)));
  const surplus = found.filter(({ name }) => !wanted.some((policy) => policy.name === name));
  const services = await cluster.services.list();
  const revisions = await Promise.all([
    ...missing.map((policy) => cluster.policies.apply(policy)),
    ...surplus.map(({ name }) => cluster.policies.remove(name)),
    ...(services.some((service) => isDeepStrictEqual(service, registry))
      ? []
      : [cluster.services.apply(registry)]),
  ]);
  return Math.max(0, ...revisions.map((revision) => revision ?? 0));
}

/** Reconciles until aborted. What fails is told, and tried again the next time. */
export async function run(surroundings: Surroundings, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // Does not wait for the nodes: one that is down must not keep the others from what is new.
    await reconcile(surroundings).catch(surroundings.onError);
    await sleep(surroundings.clock, INTERVAL, signal).catch(() => undefined);
  }
}
