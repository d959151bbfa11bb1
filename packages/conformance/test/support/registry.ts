import {
  isNetloomError,
  NetloomError,
  type AbortOptions,
  type Identity,
  type IdentityAllocator,
  type Json,
  type LabelSet,
  type Store,
} from "@netloom/core";
import type { IdentityContext } from "@netloom/conformance/identity";

/** Who uses which number for which labels. */
export type Registry = Readonly<
  Record<string, { readonly labels: string; readonly users: readonly string[] }>
>;

const KEY = "identities";

/** Identities in one key of the store: slow, and plainly right. */
export class RegistryIdentities implements IdentityAllocator {
  readonly name = "registry";
  readonly #context: IdentityContext;
  readonly #held = new Map<string, { readonly identity: Identity; count: number }>();

  constructor(context: IdentityContext) {
    this.#context = context;
  }

  async start(): Promise<void> {}

  async allocate(labels: LabelSet, { signal }: AbortOptions = {}): Promise<Identity> {
    signal?.throwIfAborted();
    const { store, node } = this.#context;
    let id = 0;
    const revision = await change(store, (registry) => {
      id = this.#numberOf(registry, labels);
      const users = new Set([...(registry[id]?.users ?? []), node]);
      return { ...registry, [id]: { labels: labels.key, users: [...users] } };
    });
    const held = this.#held.get(labels.key);
    const identity = { id, labels, revision };
    this.#held.set(labels.key, { identity, count: (held?.count ?? 0) + 1 });
    return identity;
  }

  async release({ id, labels }: Identity): Promise<void> {
    const held = this.#held.get(labels.key);
    if (held?.identity.id !== id || --held.count > 0) return;
    this.#held.delete(labels.key);
    await leave(this.#context.store, id, (user) => user === this.#context.node);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #numberOf(registry: Registry, labels: LabelSet): number {
    const known = Object.entries(registry).find(([, entry]) => entry.labels === labels.key);
    if (known !== undefined) return Number(known[0]);
    const { first, last } = this.#context.range;
    for (let id = first; id <= last; id++) if (!(id in registry)) return id;
    throw new NetloomError("ERR_IDENTITY_EXHAUSTED", `all ${last - first + 1} are in use`, {
      retryable: true,
    });
  }
}

/** Takes users of a number away. */
export async function leave(store: Store, id: number, leaves: (user: string) => boolean): Promise<void> {
  await change(store, (registry) => {
    const entry = registry[id];
    if (entry === undefined) return registry;
    return { ...registry, [id]: { ...entry, users: entry.users.filter((user) => !leaves(user)) } };
  });
}

/** Reclaims what nobody uses. */
export async function collect(store: Store): Promise<void> {
  await change(store, inUse);
}

export function inUse(registry: Registry): Registry {
  return Object.fromEntries(Object.entries(registry).filter(([, { users }]) => users.length > 0));
}

export async function read(
  store: Store,
): Promise<{ readonly registry: Registry; readonly revision: number | undefined }> {
  const entry = await store.get(KEY);
  return { registry: (entry?.value ?? {}) as unknown as Registry, revision: entry?.revision };
}

export async function write(store: Store, registry: Registry, revision: number | undefined): Promise<number> {
  const value = registry as unknown as Json;
  return revision === undefined ? store.create(KEY, value) : store.update(KEY, value, { revision });
}

/** Until nobody has been faster. */
async function change(store: Store, how: (registry: Registry) => Registry): Promise<number> {
  for (;;) {
    const { registry, revision } = await read(store);
    try {
      return await write(store, how(registry), revision);
    } catch (error) {
      if (!isNetloomError(error, "ERR_STORE_CONFLICT") && !isNetloomError(error, "ERR_STORE_EXISTS"))
        throw error;
    }
  }
}
