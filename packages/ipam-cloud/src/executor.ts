import { isNetloomError, sleep, type Runtime } from "@netloom/core";
import { podAddresses, withoutInterface, type Change } from "./inventory.ts";
import type { Intent, Journal } from "./journal.ts";
import { OrphanSearch, type Look } from "./orphan-search.ts";
import type { CloudAction } from "./planning.ts";
import {
  faultOf,
  type CloudCall,
  type CloudFault,
  type CloudInterface,
  type NodeInventory,
  type Orphan,
} from "./provider.ts";
import { send, without, type Sending } from "./send.ts";
import type { Throttles, Urgency } from "./throttle.ts";

/**
 * How often a call that certainly did nothing is sent again at once, and after how long at first. Not what takes something
 * away: somebody may soon wait for what gives.
 */
const ATTEMPTS = 4;
const FIRST_DELAY = 500;
/** How long an abandoned intent is kept, for what it left may be seen late. */
const FORGET_AFTER = 10 * 60_000;

/** What became of an action. */
export type Outcome =
  /** `open`: its intent stands in the journal still, and nothing that contradicts it may be asked for. */
  | { readonly outcome: "done"; readonly change: Change; readonly open: boolean }
  /** What an earlier attempt left is known or cleared away, or looked for again later: it was not done now. */
  | { readonly outcome: "settled"; readonly change: Change; readonly open: boolean }
  /** Nothing was changed, or what was will be undone. */
  | {
      readonly outcome: "failed";
      readonly fault: CloudFault;
      readonly error: unknown;
      readonly open: boolean;
    }
  /** It may have happened: the next read decides. */
  | { readonly outcome: "unknown"; readonly fault: CloudFault; readonly error: unknown; readonly open: true };

export interface ExecutorOptions extends Sending {
  readonly journal: Journal;
  readonly throttles: Throttles;
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
  /** Milliseconds between two searches for what abandoned intents have left. */
  readonly retryAfter: number;
  /** The node has taken it up for its pods. */
  readonly isTaken: (cidr: string) => boolean;
  /** Hears of each request to the cloud. */
  readonly asked: (action: string) => void;
}

/** Does what plans say: the intent first, then the call, then its outcome. Several at once may be under way. */
export class Executor {
  readonly #options: ExecutorOptions;
  readonly #orphans: OrphanSearch;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    const { provider, runtime, retryAfter } = options;
    this.#orphans = new OrphanSearch(provider, runtime.clock, retryAfter, () => this.read());
  }

  /** What a call that changes nothing is given. */
  read(): CloudCall {
    return this.#call("", "read");
  }

  /**
   * Rejects where the intent could not be written, or when called off: then it may stand in the journal, and whoever reads
   * that goes on.
   */
  async run(action: CloudAction, inventory: NodeInventory): Promise<Outcome> {
    const { journal, node, runtime } = this.#options;
    if (action.do === "finish-interface") {
      // It is the same intent as before, which may have ended when the interface was thought to be finished.
      const intent: Intent = { id: action.intent, node, action, step: "begun", at: runtime.clock.now() };
      return this.#attempt(intent, inventory);
    }
    const intent = await journal.begin(node, action, runtime.clock.now());
    return this.#attempt(intent, inventory, true);
  }

  /** One search for all intents that are gone on with together. */
  looking(): Look {
    return this.#orphans.shared();
  }

  /**
   * Goes on with what is open: after a restart, and after an answer that was lost.
   *
   * @param inventory - read after the last call
   * @param look - of all that are gone on with together
   */
  async resume(intent: Intent, inventory: NodeInventory, look: Look = this.looking()): Promise<Outcome> {
    const { journal, node } = this.#options;
    const { action } = intent;
    const elsewhere = intent.node.instance !== node.instance;
    if (intent.step === "abandoned") return this.#sweep(intent, inventory, look);
    switch (action.do) {
      case "assign":
        // Whatever it did is in the inventory; what is missing is planned anew.
        return this.#settled(intent);
      case "add-interface":
      case "finish-interface":
        if (elsewhere) return this.#sweep(await journal.abandon(intent), inventory, look);
        if (isMade(intent, inventory)) return this.#done(intent, (known) => known);
        break;
      case "release": {
        const there = inventory.interfaces.find(({ id }) => id === action.interface);
        if (elsewhere) return this.#settled(intent);
        if (there?.addresses.some(({ cidr }) => action.cidrs.includes(cidr)) !== true)
          return this.#done(intent, (known) => known);
        break;
      }
      case "remove-interface":
        break;
    }
    return this.#attempt(intent, inventory);
  }

  async #attempt(intent: Intent, inventory: NodeInventory, fresh = false): Promise<Outcome> {
    const { signal, runtime } = this.#options;
    const attempts = isRemoval(intent.action) ? 1 : ATTEMPTS;
    let delay = FIRST_DELAY;
    let nothingMade = fresh;
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      let requests = 0;
      const call = this.#call(intent.id, "change", () => requests++);
      try {
        const first = nothingMade;
        const change = await send(this.#options, intent, inventory, { ...call, first });
        return await this.#done(intent, change);
      } catch (error) {
        signal.throwIfAborted();
        const fault = this.#fault(error);
        if (fault.kind === "gone" && isRemoval(intent.action))
          return this.#done(intent, without(intent.action));
        if (fault.kind === "ambiguous") return { outcome: "unknown", fault, error, open: true };
        // Not where the cloud failed: some have been known to have done it all the same.
        nothingMade &&= requests <= 1 && fault.kind !== "transient";
        if ((fault.kind === "throttled" || fault.kind === "transient") && attempt < attempts) {
          await sleep(runtime.clock, delay * (0.5 + runtime.random.next() / 2), signal);
          delay *= 2;
          continue;
        }
        return this.#failed(intent, inventory, fault, error, fresh, nothingMade);
      }
    }
  }

  /** The cloud has done it, whatever becomes of its intent. */
  async #done(intent: Intent, change: Change): Promise<Outcome> {
    return { outcome: "done", change, open: !(await this.#end(intent)) };
  }

  async #settled(intent: Intent, change: Change = (known) => known): Promise<Outcome> {
    return { outcome: "settled", change, open: !(await this.#end(intent)) };
  }

  /** @returns whether its end stands in the store; where it may not, whoever reads the journal next ends it. */
  async #end(intent: Intent): Promise<boolean> {
    try {
      await this.#options.journal.end(intent);
      return true;
    } catch {
      this.#options.signal.throwIfAborted();
      return false;
    }
  }

  /**
   * The cloud certainly said no: to the first step, or to a later one.
   *
   * @param nothingMade - it was to the very first request of all
   */
  async #failed(
    intent: Intent,
    inventory: NodeInventory,
    fault: CloudFault,
    error: unknown,
    fresh: boolean,
    nothingMade: boolean,
  ): Promise<Outcome> {
    const { journal, runtime } = this.#options;
    const { do: kind } = intent.action;
    // It may be refused because an earlier attempt came through, which is not seen yet.
    if (kind === "release" && !fresh && runtime.clock.now() - intent.at < FORGET_AFTER)
      return { outcome: "unknown", fault, error, open: true };
    // It has no intent in the journal to go on with: the next plan tries again.
    if (kind === "finish-interface") return { outcome: "failed", fault, error, open: false };
    // It may stand half made, or half removed. What may pass is gone on with; what will not is undone.
    if (kind === "remove-interface" && fault.kind !== "invalid")
      return { outcome: "unknown", fault, error, open: true };
    if (kind === "add-interface") {
      const passes = fault.kind === "throttled" || fault.kind === "conflict" || fault.kind === "credentials";
      // Pods may use it already.
      if (passes || made(intent, inventory)?.state === "attached")
        return { outcome: "unknown", fault, error, open: true };
      if (!nothingMade) {
        const abandoned = await journal.abandon(intent);
        const { open } = await this.#sweep(abandoned, inventory, () => this.#orphans.look());
        return { outcome: "failed", fault, error, open };
      }
    }
    return { outcome: "failed", fault, error, open: !(await this.#end(intent)) };
  }

  /** Removes what an abandoned intent has left; keeps the intent until nothing more can turn up. */
  async #sweep(intent: Intent, inventory: NodeInventory, look: Look): Promise<Outcome> {
    const { provider, runtime } = this.#options;
    const attached = made(intent, inventory);
    // It is in use after all.
    if (attached !== undefined && podAddresses(attached).some(({ cidr }) => this.#options.isTaken(cidr)))
      return this.#settled(intent);
    const left: string[] = attached === undefined ? [] : [attached.id];
    let orphans: readonly Orphan[] | undefined;
    try {
      orphans = await look();
      for (const orphan of orphans ?? []) if (orphan.intent === intent.id) left.push(orphan.interface);
      for (const id of left)
        await provider.removeInterface?.({ interface: id }, this.#call(intent.id, "change"));
    } catch (error) {
      this.#options.signal.throwIfAborted();
      return { outcome: "unknown", fault: this.#fault(error), error, open: true };
    }
    const change: Change = (known) => left.reduce((sum, id) => withoutInterface(sum, id), known);
    const isOver = orphans !== undefined && runtime.clock.now() - intent.at > FORGET_AFTER;
    if (left.length > 0 || isOver) return this.#settled(intent, change);
    return { outcome: "settled", change, open: true };
  }

  #fault(error: unknown): CloudFault {
    const { provider, node, throttles } = this.#options;
    const fault: CloudFault = isNetloomError(error) ? { kind: "invalid" } : faultOf(provider, error);
    if (fault.kind === "throttled")
      throttles.refused(provider, node.name, fault.bucket, fault.retryAfter ?? FIRST_DELAY);
    return fault;
  }

  /** @param sent - hears of each request, too */
  #call(intent: string, urgency: Urgency, sent?: () => void): CloudCall {
    const { provider, node, throttles, signal, asked } = this.#options;
    return {
      signal,
      intent,
      async admit(action) {
        await throttles.admit(provider, node.name, action, urgency, signal);
        asked(action);
        sent?.();
      },
    };
  }
}

/** The interface of an intent, as far as it can be seen at the node. */
function made({ id }: Intent, { interfaces }: NodeInventory): CloudInterface | undefined {
  return interfaces.find((one) => one.intent === id && one.managed);
}

/** Nothing is left to be done for it. */
function isMade(intent: Intent, inventory: NodeInventory): boolean {
  const one = made(intent, inventory);
  const isThere = one?.state === "attached" || one?.state === "attaching";
  return isThere && one.deleteWithInstance;
}

/** Takes something away from the node. */
export function isRemoval({ do: kind }: CloudAction): boolean {
  return kind === "release" || kind === "remove-interface";
}
