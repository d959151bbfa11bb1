import { sleep, type OperatorComponent, type OperatorContext } from "@netloom/core";
import { Journal, type Intent } from "./journal.ts";
import { faultOf, type CloudCall, type CloudProvider } from "./provider.ts";
import { throttlesOf, type Urgency } from "./throttle.ts";

export interface CloudIpamOperatorOptions {
  readonly provider: CloudProvider;
  /** How often it looks, in milliseconds. @defaultValue 300000 */
  readonly interval?: number;
}

/**
 * Removes what nodes that are gone have left: interfaces that bear the cluster's mark, are attached to nothing in two looks
 * one after the other, and are not being worked on by a node that is there. Any number of operators may run.
 */
export function cloudIpamOperator(options: CloudIpamOperatorOptions): OperatorComponent {
  const { provider, interval = 300_000 } = options;
  return {
    name: provider.name,
    async run(context, signal) {
      const reaper = new Reaper(provider, context, signal);
      while (!signal.aborted) {
        try {
          await reaper.look();
        } catch (error) {
          if (!signal.aborted) context.report(error);
        }
        await sleep(context.runtime.clock, interval, signal).catch(() => undefined);
      }
    },
  };
}

class Reaper {
  readonly #provider: CloudProvider;
  readonly #context: OperatorContext;
  readonly #signal: AbortSignal;
  readonly #journal: Journal;
  /** Ids of interfaces, as of the last look. */
  #seen: ReadonlySet<string> = new Set();
  /** Ids of intents whose nodes were gone at the last look. */
  #abandoned: ReadonlySet<string> = new Set();

  constructor(provider: CloudProvider, context: OperatorContext, signal: AbortSignal) {
    const { store, prefix, runtime } = context;
    this.#provider = provider;
    this.#context = context;
    this.#signal = signal;
    this.#journal = new Journal(store, prefix(provider.name), runtime.random);
  }

  async look(): Promise<void> {
    const orphans: { readonly interface: string; readonly intent?: string }[] = [];
    for await (const orphan of this.#provider.orphans?.(this.#call("", "read")) ?? []) orphans.push(orphan);
    // After the orphans: an intent is written before there is anything of it, so none of theirs is missed.
    const open = await this.#journal.open();
    const nodes = new Set(await this.#context.nodes());
    const held = new Set(open.filter(({ node }) => nodes.has(node.name)).map(({ id }) => id));
    const free = orphans.filter(({ intent }) => intent === undefined || !held.has(intent));
    for (const { interface: id } of free) if (this.#seen.has(id)) await this.#remove(id);
    this.#seen = new Set(free.map((orphan) => orphan.interface));
    await this.#forget(
      open.filter(({ node }) => !nodes.has(node.name)),
      orphans,
    );
  }

  async #remove(id: string): Promise<void> {
    try {
      await this.#provider.removeInterface?.({ interface: id }, this.#call("", "change"));
    } catch (error) {
      this.#signal.throwIfAborted();
      // One that cannot be removed keeps no other from it.
      if (faultOf(this.#provider, error).kind !== "gone") this.#context.report(error);
    }
  }

  /** Intents of nodes that are gone end when nothing of them was there in two looks. */
  async #forget(intents: readonly Intent[], orphans: readonly { readonly intent?: string }[]): Promise<void> {
    const idle = intents.filter(({ id }) => !orphans.some(({ intent }) => intent === id));
    for (const intent of idle) if (this.#abandoned.has(intent.id)) await this.#journal.end(intent);
    this.#abandoned = new Set(idle.map(({ id }) => id));
  }

  #call(intent: string, urgency: Urgency): CloudCall {
    const [provider, signal] = [this.#provider, this.#signal];
    const throttles = throttlesOf(this.#context.runtime.clock, provider.account);
    return {
      signal,
      intent,
      admit: (action) => throttles.admit(provider, "", action, urgency, signal),
    };
  }
}
