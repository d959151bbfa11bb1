import { sleep, type Clock, type OperatorComponent, type OperatorContext } from "@netloom/core";
import { quietly } from "@netloom/core/backend";
import { Journal, type CorruptIntent, type Intent } from "./journal.ts";
import { checkOperatorOptions } from "./options.ts";
import { NODES } from "./node-record.ts";
import { faultOf, type CloudCall, type CloudProvider, type Orphan } from "./provider.ts";
import { throttlesOf, type Urgency } from "./throttle.ts";

export interface CloudIpamOperatorOptions {
  readonly provider: CloudProvider;
  /** How often it looks, in milliseconds. @defaultValue 300000 */
  readonly interval?: number;
}

/** Milliseconds from the first look that finds something left behind to the first that takes it away: lists lag. */
const LEFT_FOR = 60_000;

/**
 * Removes what nodes that are gone have left: interfaces that bear the cluster's mark, are attached to nothing in each look
 * of a minute or longer, and are not being worked on by a node that is there; and what the store keeps of such nodes. Any
 * number of operators may run.
 */
export function cloudIpamOperator(options: CloudIpamOperatorOptions): OperatorComponent {
  checkOperatorOptions(options);
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
  readonly #interfaces: Left;
  readonly #intents: Left;
  readonly #records: Left;
  /** Ids of corrupt intents that were told of. */
  #told: ReadonlySet<string> = new Set();

  constructor(provider: CloudProvider, context: OperatorContext, signal: AbortSignal) {
    const { store, prefix, runtime } = context;
    this.#provider = provider;
    this.#context = context;
    this.#signal = signal;
    this.#journal = new Journal(store, prefix(provider.name), runtime.random);
    this.#interfaces = new Left(runtime.clock);
    this.#intents = new Left(runtime.clock);
    this.#records = new Left(runtime.clock);
  }

  async look(): Promise<void> {
    // Before the orphans and after: an intent that ends meanwhile has its interface attached by then.
    const before = await this.#journal.read();
    const orphans = await this.#orphans();
    // An intent is written before there is anything of it, so none of theirs is missed.
    const { intents, corrupt } = await this.#journal.read();
    this.#tell(corrupt);
    const nodes = new Set(await this.#context.nodes());
    const held = new Set([
      ...[...before.intents, ...intents].filter(({ node }) => nodes.has(node.name)).map(({ id }) => id),
      ...[...before.corrupt, ...corrupt].map(({ id }) => id),
    ]);
    const free = orphans.filter(({ intent }) => intent === undefined || !held.has(intent));
    for (const id of this.#interfaces.seen(free.map((orphan) => orphan.interface))) await this.#remove(id);
    const gone = intents.filter(({ node }) => !nodes.has(node.name));
    await this.#forget(gone, orphans);
    await this.#forgetRecords(nodes);
  }

  async #orphans(): Promise<readonly Orphan[]> {
    const orphans: Orphan[] = [];
    for await (const orphan of this.#provider.orphans?.(this.#call("", "read")) ?? []) orphans.push(orphan);
    return orphans;
  }

  /** One that cannot be read keeps nobody else's from being looked after. */
  #tell(corrupt: readonly CorruptIntent[]): void {
    for (const { id, error } of corrupt) if (!this.#told.has(id)) this.#context.report(error);
    this.#told = new Set(corrupt.map(({ id }) => id));
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

  /** Intents of nodes that are gone end when nothing of them was there for a while. */
  async #forget(intents: readonly Intent[], orphans: readonly Orphan[]): Promise<void> {
    const idle = intents.filter(({ id }) => !orphans.some(({ intent }) => intent === id));
    const left = new Set(this.#intents.seen(idle.map(({ id }) => id)));
    for (const intent of idle) if (left.has(intent.id)) await this.#journal.end(intent);
  }

  /** Records of nodes that are gone, unless one of that name writes it again. */
  async #forgetRecords(nodes: ReadonlySet<string>): Promise<void> {
    const { store, prefix } = this.#context;
    const start = `${prefix(this.#provider.name)}${NODES}`;
    const { entries } = await store.list(start);
    const gone = entries.filter(({ key }) => !nodes.has(key.slice(start.length)));
    const left = new Set(this.#records.seen(gone.map(({ key }) => key)));
    for (const { key, revision } of gone) if (left.has(key)) await quietly(store.delete(key, { revision }));
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

/** What was left behind in each look for a while. */
class Left {
  readonly #clock: Clock;
  /** In monotonic milliseconds. */
  #since: ReadonlyMap<string, number> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param ids - all that were seen in this look @returns those that were seen long enough */
  seen(ids: readonly string[]): readonly string[] {
    const now = this.#clock.monotonic();
    this.#since = new Map(ids.map((id) => [id, this.#since.get(id) ?? now]));
    return ids.filter((id) => now - this.#since.get(id)! >= LEFT_FOR);
  }
}
