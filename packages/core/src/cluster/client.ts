import { ClusterBarrier } from "../facts/barrier.ts";
import { Keys } from "../facts/keys.ts";
import { assertName } from "../facts/names.ts";
import { isRace } from "../facts/race.ts";
import { quietly } from "../identity/store-allocator.ts";
import { parseNode, type NodeFact } from "../node/node.ts";
import { parsePolicy } from "../policy/parse.ts";
import type { NetworkPolicy } from "../policy/types.ts";
import type { Runtime } from "../ports/runtime.ts";
import type { AbortOptions, Json, Revision, Store } from "../ports/store.ts";
import { parseService } from "../service/parse.ts";
import type { Service } from "../service/types.ts";
import { systemRuntime } from "../system/index.ts";

export interface ClusterOptions {
  readonly store: Store;
  /** Several clusters may share a store. @defaultValue "default" */
  readonly cluster?: string;
  readonly runtime?: Runtime;
  /** What goes wrong behind a wait; the wait goes on. */
  readonly onError?: (error: unknown) => void;
}

/** Objects of one kind that people write. */
export interface Writer<T> {
  /**
   * Creates or replaces. Resolves to the revision at which it counts: `settled(revision)` tells when it is enforced.
   * @throws `ERR_POLICY_INVALID`, `ERR_SERVICE_INVALID`, and nothing has changed.
   */
  apply(object: T, options?: AbortOptions): Promise<Revision>;
  /** Removing what is not there is no error, and changes nothing: `undefined`. */
  remove(name: string, options?: AbortOptions): Promise<Revision | undefined>;
  list(options?: AbortOptions): Promise<readonly T[]>;
}

/** What belongs to the whole cluster and to no node: policies, services, and the list of nodes. */
export interface Cluster {
  readonly policies: Writer<NetworkPolicy>;
  readonly services: Writer<Service>;
  readonly nodes: {
    list(options?: AbortOptions): Promise<readonly NodeFact[]>;
    /**
     * Declares a node gone for good: its endpoints, references and ranges are given back, once no other node sends to them
     * any more. Its agent must not run any more, nor its datapath be connected.
     */
    remove(name: string, options?: AbortOptions): Promise<Revision | undefined>;
  };
  /**
   * Resolves when the datapath of every node enforces what the facts said at `revision`. A node whose agent is down
   * keeps it waiting: give a signal.
   */
  settled(revision: Revision, options?: AbortOptions): Promise<void>;
  /** The nodes that `settled` waits for, while somebody waits. */
  behind(revision: Revision): readonly string[];
}

/** A view of the cluster for whoever has no node: a controller, a command line, a test. */
export function createClusterClient(options: ClusterOptions): Cluster {
  const { store } = options;
  const keys = new Keys(options.cluster);
  const barrier = new ClusterBarrier({
    store,
    keys,
    runtime: options.runtime ?? systemRuntime,
    onError: options.onError ?? ((): void => undefined),
  });
  return {
    policies: writer(
      store,
      `${keys.state}policies/`,
      (policy: NetworkPolicy) => parsePolicy(policy).name,
      "policy",
    ),
    services: writer(
      store,
      `${keys.state}services/`,
      (service: Service) => parseService(service).name,
      "service",
    ),
    nodes: {
      async list(wait) {
        const { entries } = await store.list(keys.nodes, wait);
        return entries.map(({ value }) => parseNode(value));
      },
      remove: (name, wait) => removeNode(store, keys, assertName(name, "node"), wait),
    },
    settled: (revision, wait) => barrier.settled(revision, wait),
    behind: (revision) => barrier.behind(revision),
  };
}

function writer<T>(
  store: Store,
  prefix: string,
  nameOf: (object: T) => string,
  kind: "policy" | "service",
): Writer<T> {
  return {
    async apply(object, options = {}) {
      const key = `${prefix}${nameOf(object)}`;
      const value = object as unknown as Json;
      for (;;) {
        const known = await store.get(key, options);
        try {
          if (known === undefined) return await store.create(key, value, options);
          return await store.update(key, value, { ...options, revision: known.revision });
        } catch (error) {
          if (!isRace(error)) throw error;
        }
      }
    },
    remove: (name, options) => store.delete(`${prefix}${assertName(name, kind)}`, options),
    async list(options) {
      const { entries } = await store.list(prefix, options);
      return entries.map(({ value }) => value as unknown as T);
    },
  };
}

/**
 * The endpoints first: as long as the node is listed, somebody answers for them. They are retired: an operator forgets
 * them when every datapath has, and a node that bears this name again before finds that their addresses are not free.
 */
async function removeNode(
  store: Store,
  keys: Keys,
  name: string,
  options: AbortOptions = {},
): Promise<Revision | undefined> {
  const { entries } = await store.list(keys.endpointsOf(name), options);
  for (const { key, value, revision } of entries) {
    const retired: Json = { ...(value as Readonly<Record<string, Json>>), state: "retired" };
    await quietly(store.update(key, retired, { ...options, revision }));
  }
  const revision = await store.delete(keys.node(name), options);
  await store.delete(keys.acknowledgement(name), options);
  const references = await store.list(keys.identityReferences(), options);
  for (const { key, revision: at } of references.entries) {
    if (key.endsWith(`/${name}`)) await quietly(store.delete(key, { ...options, revision: at }));
  }
  return revision;
}
