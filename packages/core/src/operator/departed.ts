import type { Keys } from "../facts/keys.ts";
import { quietly } from "../identity/store-allocator.ts";
import type { Entry } from "../ports/store.ts";
import type { OperatorContext } from "../ports/operator.ts";

/**
 * Forgets the endpoints of nodes that were declared gone, once no datapath sends to them any more. A node that comes back
 * under its name before finds them, and gives none of their addresses to others until then.
 */
export class DepartedEndpoints {
  readonly #context: OperatorContext;
  readonly #keys: Keys;
  /** Facts that somebody waits for. */
  readonly #waiting = new Set<string>();

  constructor(context: OperatorContext, keys: Keys) {
    this.#context = context;
    this.#keys = keys;
  }

  /** Does not wait for what takes its time: a node that is down is slow to forget. */
  async pass(signal: AbortSignal): Promise<void> {
    const { store } = this.#context;
    const { entries } = await store.list(this.#keys.endpointsOf(), { signal });
    if (entries.length === 0) return;
    const registered = new Set(await this.#context.nodes());
    const gone = entries.filter(
      ({ key }) => !this.#waiting.has(key) && !registered.has(this.#keys.nodeOfEndpoint(key)),
    );
    if (gone.length === 0) return;
    for (const { key } of gone) this.#waiting.add(key);
    this.#forget(gone, signal)
      // The next pass begins anew.
      .catch((error: unknown) => {
        if (!signal.aborted) this.#context.report(error);
      })
      .finally(() => {
        for (const { key } of gone) this.#waiting.delete(key);
      });
  }

  async #forget(gone: readonly Entry[], signal: AbortSignal): Promise<void> {
    const { store, settled, nodes } = this.#context;
    await settled(signal);
    // One that has come back sees to its own.
    const registered = new Set(await nodes());
    for (const { key, revision } of gone) {
      if (registered.has(this.#keys.nodeOfEndpoint(key))) continue;
      await quietly(store.delete(key, { revision, signal }));
    }
  }
}
