import {
  isNetloomError,
  sleep,
  type OperatorComponent,
  type OperatorContext,
  type Store,
} from "@netloom/core";
import { altered } from "./stores.ts";

const CLAIMS = "/claims/";

function withStore(component: OperatorComponent, change: (store: Store) => Store): OperatorComponent {
  return {
    name: component.name,
    run: (context, signal) => component.run({ ...context, store: change(context.store) }, signal),
  };
}

/** A claim is written, not created only if absent. */
function overwrites(store: Store): Store {
  return altered(store, {
    async create(key, value, options) {
      try {
        return await store.create(key, value, options);
      } catch (error) {
        if (!key.includes(CLAIMS) || !isNetloomError(error, "ERR_STORE_EXISTS")) throw error;
        const known = await store.get(key);
        return store.update(key, value, { revision: known?.revision ?? 0 });
      }
    },
  });
}

/** #21482, #17277: ranges are given before it is known who has which. */
export function allocatesBeforeList(component: OperatorComponent): OperatorComponent {
  return withStore(component, (store) =>
    altered(overwrites(store), {
      async list(prefix, options) {
        const listing = await store.list(prefix, options);
        return { ...listing, entries: listing.entries.filter(({ key }) => !key.includes(CLAIMS)) };
      },
    }),
  );
}

/** #17870: a lease says who leads, and the leader asks nobody. */
export function trustsItsLease(component: OperatorComponent): OperatorComponent {
  return {
    name: component.name,
    async run(context: OperatorContext, signal) {
      const { store, runtime } = context;
      while (!signal.aborted) {
        const session = await store.session({ ttl: 60 });
        try {
          await store.create("leader", {}, { session });
          const end = AbortSignal.any([signal, session.lost]);
          await component.run({ ...context, store: overwrites(store) }, end);
        } catch {
          await session[Symbol.asyncDispose]();
        }
        await sleep(runtime.clock, 20, signal);
      }
    },
  };
}

/** #41986: a pool that was deleted and made anew knows nothing of what nodes have of it. */
export function forgetsThePool(component: OperatorComponent): OperatorComponent {
  return {
    name: component.name,
    async run(context, signal) {
      const { entries } = await context.store.list(context.prefix(component.name));
      for (const { key } of entries) if (key.includes(CLAIMS)) await context.store.delete(key);
      await component.run(context, signal);
    },
  };
}

/** #17837: nodes that are gone keep their ranges. */
export function neverTakesBack(component: OperatorComponent): OperatorComponent {
  const ever = new Set<string>();
  return {
    name: component.name,
    run: (context, signal) =>
      component.run(
        {
          ...context,
          async nodes() {
            for (const node of await context.nodes()) ever.add(node);
            return [...ever];
          },
        },
        signal,
      ),
  };
}
