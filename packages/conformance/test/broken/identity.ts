import {
  isNetloomError,
  LabelTable,
  NetloomError,
  type Identity,
  type IdentityAllocator,
  type LabelSet,
} from "@netloom/core";
import type { IdentityConformanceOptions, IdentityContext } from "@netloom/conformance/identity";
import { collect, inUse, leave, read, RegistryIdentities, write } from "../support/registry.ts";

/** What is wrong with an allocator, or with what collects for it. */
interface Wrong extends Pick<IdentityConformanceOptions, "collect"> {
  readonly allocator?: (inner: IdentityAllocator, context: IdentityContext) => Partial<IdentityAllocator>;
}

/** Right identities, but for what is `wrong`. */
export function identityOptions(wrong: Wrong = {}): IdentityConformanceOptions {
  return {
    create: (context) => {
      const inner = new RegistryIdentities(context);
      return {
        name: "broken",
        start: () => inner.start(),
        allocate: (labels, options) => inner.allocate(labels, options),
        release: (identity) => inner.release(identity),
        [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
        ...wrong.allocator?.(inner, context),
      };
    },
    collect: wrong.collect ?? collect,
    patience: 1000,
  };
}

/** By the check that finds it. */
export const brokenIdentities: Readonly<Record<string, Wrong>> = {
  "identity/number": {
    allocator: (inner) => ({
      allocate: async (labels, options) => {
        const identity = await inner.allocate(labels, options);
        return labels.has("k8s:io.kubernetes.pod.namespace")
          ? { ...identity, id: identity.id + 65_536 }
          : identity;
      },
    }),
  },
  // Takes a set that it has given a number for another the next time.
  "identity/same-set": {
    allocator: (inner) => {
      let count = 0;
      return {
        allocate: (labels, options) =>
          asIf(inner, labels, labels.get("tier") === "front" ? `${count++}` : "", options),
      };
    },
  },
  // Whose label it is makes no difference.
  "identity/distinct": {
    allocator: (inner) => ({
      allocate: async (labels, options) => {
        const texts = labels.toStrings().map((text) => text.replace(/^container:/, "k8s:"));
        return { ...(await inner.allocate(new LabelTable().fromStrings(texts), options)), labels };
      },
    }),
  },
  "identity/agreement": {
    allocator: (inner, { node }) => ({
      allocate: (labels, options) => asIf(inner, labels, labels.get("app") === "agreed" ? node : "", options),
    }),
  },
  // Gives up agreeing when there is much to do.
  "identity/concurrent": (() => {
    const busy = new WeakMap<object, number>();
    return {
      allocator: (inner, { store, node }) => ({
        allocate: async (labels, options) => {
          const others = busy.get(store) ?? 0;
          busy.set(store, others + 1);
          try {
            return await asIf(inner, labels, others > 8 ? node : "", options);
          } finally {
            busy.set(store, busy.get(store)! - 1);
          }
        },
      }),
    };
  })(),
  "identity/restart": (() => {
    const lives = new WeakMap<object, string[]>();
    return {
      allocator: (inner, { store, node }) => {
        const nodes = lives.get(store) ?? [];
        const again = nodes.includes(node);
        lives.set(store, [...nodes, node]);
        return { allocate: (labels, options) => asIf(inner, labels, again ? "again" : "", options) };
      },
    };
  })(),
  "identity/exhausted": {
    allocator: (inner) => ({
      allocate: async (labels, options) => {
        try {
          return await inner.allocate(labels, options);
        } catch (error) {
          if (!isNetloomError(error, "ERR_IDENTITY_EXHAUSTED")) throw error;
          throw new NetloomError("ERR_IDENTITY_EXHAUSTED", error.message);
        }
      },
    }),
  },
  // Before the number was written.
  "identity/revision": {
    allocator: (inner) => ({
      allocate: async (labels, options) => {
        const identity = await inner.allocate(labels, options);
        return { ...identity, revision: identity.revision - 1 };
      },
    }),
  },
  "identity/abort": { allocator: (inner) => ({ allocate: (labels) => inner.allocate(labels) }) },
  "identity/lifecycle": {
    allocator: () => {
      let started = false;
      return {
        async start() {
          if (started) throw new NetloomError("ERR_CLOSED", "it has started already");
          started = true;
        },
      };
    },
  },
  "identity/release-unheld": {
    allocator: (inner) => {
      const counts = counted(inner);
      return {
        allocate: counts.allocate,
        release: async (identity) => {
          if (counts.of(identity) === 0) throw new NetloomError("ERR_CLOSED", "nobody holds it any more");
          await counts.release(identity);
        },
      };
    },
  },
  "identity/reclaimed": { collect: async () => {} },
  // Once is enough.
  "identity/references": {
    allocator: (inner) => ({
      release: async (identity) => {
        for (let time = 0; time < 2; time++) await inner.release(identity);
      },
    }),
  },
  // With the last reference here go those of others.
  "identity/held": {
    allocator: (inner, { store }) => {
      const counts = counted(inner);
      return {
        allocate: counts.allocate,
        release: async (identity) => {
          await counts.release(identity);
          if (isHeld(identity) && counts.of(identity) === 0) await leave(store, identity.id, () => true);
        },
      };
    },
  },
  "identity/release-others": {
    allocator: (inner, { store }) => {
      const mine = new Set<number>();
      return {
        allocate: async (labels, options) => {
          const identity = await inner.allocate(labels, options);
          mine.add(identity.id);
          return identity;
        },
        release: async (identity) => {
          await inner.release(identity);
          if (!mine.has(identity.id)) await leave(store, identity.id, () => true);
        },
      };
    },
  },
  // Remembers what it had.
  "identity/taken-again": {
    allocator: (inner) => {
      const former = new Map<string, Identity>();
      return {
        allocate: async (labels, options) => former.get(labels.key) ?? inner.allocate(labels, options),
        release: async (identity) => {
          if (isHeld(identity)) former.set(identity.labels.key, identity);
          await inner.release(identity);
        },
      };
    },
  },
  // Writes what it has made of what it has read, whatever has happened since.
  "identity/churn": {
    collect: async (store) => {
      const { registry } = await read(store);
      for (let turn = 0; turn < 40; turn++) await Promise.resolve();
      for (let done = false; !done;) {
        const { revision } = await read(store);
        done = await write(store, inUse(registry), revision).then(
          () => true,
          () => false,
        );
      }
    },
  },
};

/** As if the set had one label more. */
async function asIf(
  inner: IdentityAllocator,
  labels: LabelSet,
  more: string,
  options: { readonly signal?: AbortSignal } | undefined,
): Promise<Identity> {
  if (more === "") return inner.allocate(labels, options);
  const other = new LabelTable().fromStrings([...labels.toStrings(), `k8s:more=${more}`]);
  return { ...(await inner.allocate(other, options)), labels };
}

/** Counts what an allocator holds: `undefined` is what it never had. */
function counted(inner: IdentityAllocator): Pick<IdentityAllocator, "allocate" | "release"> & {
  readonly of: (identity: Identity) => number | undefined;
} {
  const counts = new Map<number, number>();
  return {
    of: ({ id }) => counts.get(id),
    allocate: async (labels, options) => {
      const identity = await inner.allocate(labels, options);
      counts.set(identity.id, (counts.get(identity.id) ?? 0) + 1);
      return identity;
    },
    release: async (identity) => {
      const count = counts.get(identity.id);
      if (count !== undefined && count > 0) counts.set(identity.id, count - 1);
      await inner.release(identity);
    },
  };
}

function isHeld({ labels }: Identity): boolean {
  return labels.get("app") === "held";
}
