import { isNetloomError, NetloomError, sleep, type Runtime } from "@netloom/core";
import { isOurs, withAddresses, withInterface, withoutAddresses, withoutInterface } from "./inventory.ts";
import type { Intent, Journal } from "./journal.ts";
import type { CloudAction } from "./plan.ts";
import {
  faultOf,
  type CloudCall,
  type CloudFault,
  type CloudNode,
  type CloudProvider,
  type NodeInventory,
} from "./provider.ts";
import type { Throttles, Urgency } from "./throttle.ts";

/** How often a call that certainly did nothing is sent again, and after how long at first. */
const ATTEMPTS = 4;
const FIRST_DELAY = 500;
/** How long an abandoned intent is kept, for what it left may be seen late. */
const FORGET_AFTER = 10 * 60_000;

/** What became of an action. */
export type Outcome =
  | { readonly outcome: "done"; readonly inventory: NodeInventory }
  /** Nothing was changed, or what was will be undone. */
  | { readonly outcome: "failed"; readonly fault: CloudFault; readonly error: unknown }
  /** It may have happened: the next read decides. */
  | { readonly outcome: "unknown"; readonly fault: CloudFault; readonly error: unknown };

export interface ExecutorOptions {
  readonly provider: CloudProvider;
  readonly node: CloudNode;
  readonly journal: Journal;
  readonly throttles: Throttles;
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
  /** Security groups of new interfaces. */
  readonly securityGroups?: readonly string[];
  /** Hears of each request to the cloud. */
  readonly asked: (action: string) => void;
}

/** Does what plans say, one action after the other: the intent first, then the call, then its outcome. */
export class Executor {
  readonly #options: ExecutorOptions;

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  /** What a call that changes nothing is given. */
  read(): CloudCall {
    return this.#call("", "read");
  }

  /** Rejects where the intent could not be written, or when called off: then the next life goes on. */
  async run(action: CloudAction, inventory: NodeInventory): Promise<Outcome> {
    const { journal, node, runtime } = this.#options;
    if (action.do === "finish-interface") {
      // It is the same intent as before, which may have ended when the interface was thought to be finished.
      return this.#attempt(
        { id: action.intent, node, action, step: "begun", at: runtime.clock.now() },
        inventory,
      );
    }
    const intent = await journal.begin(node, action, runtime.clock.now());
    return this.#attempt(intent, inventory, true);
  }

  /**
   * Goes on with what is open: after a restart, and after an answer that was lost.
   *
   * @param inventory - read after the last call
   */
  async resume(intent: Intent, inventory: NodeInventory): Promise<Outcome> {
    const { journal, node } = this.#options;
    const { action } = intent;
    const elsewhere = intent.node.instance !== node.instance;
    if (intent.step === "abandoned") return this.#sweep(intent, inventory);
    switch (action.do) {
      case "assign":
        // Whatever it did is in the inventory; what is missing is planned anew.
        await journal.end(intent);
        return { outcome: "done", inventory };
      case "add-interface":
      case "finish-interface":
        if (elsewhere) return this.#sweep(await journal.abandon(intent), inventory);
        break;
      case "release": {
        const there = inventory.interfaces.find(({ id }) => id === action.interface);
        if (elsewhere || there?.addresses.some(({ cidr }) => action.cidrs.includes(cidr)) !== true) {
          await journal.end(intent);
          return { outcome: "done", inventory };
        }
        break;
      }
      case "remove-interface":
        break;
    }
    return this.#attempt(intent, inventory);
  }

  async #attempt(intent: Intent, inventory: NodeInventory, fresh = false): Promise<Outcome> {
    const { journal, signal, runtime } = this.#options;
    let delay = FIRST_DELAY;
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        const after = await this.#send(intent, inventory, fresh && attempt === 1);
        await journal.end(intent);
        return { outcome: "done", inventory: after };
      } catch (error) {
        signal.throwIfAborted();
        const fault = this.#fault(error);
        if (fault.kind === "gone" && isRemoval(intent.action)) {
          await journal.end(intent);
          return { outcome: "done", inventory: without(inventory, intent.action) };
        }
        if (fault.kind === "ambiguous") return { outcome: "unknown", fault, error };
        if ((fault.kind === "throttled" || fault.kind === "transient") && attempt < ATTEMPTS) {
          await sleep(runtime.clock, delay * (0.5 + runtime.random.next() / 2), signal);
          delay *= 2;
          continue;
        }
        return this.#failed(intent, inventory, fault, error);
      }
    }
  }

  /** The cloud certainly said no: to the first step, or to a later one. */
  async #failed(
    intent: Intent,
    inventory: NodeInventory,
    fault: CloudFault,
    error: unknown,
  ): Promise<Outcome> {
    const { journal } = this.#options;
    // It may stand half made, or half removed. What may pass is gone on with; what will not is undone.
    if (intent.action.do === "remove-interface" && fault.kind !== "invalid")
      return { outcome: "unknown", fault, error };
    if (intent.action.do === "add-interface" || intent.action.do === "finish-interface") {
      const passes =
        fault.kind === "throttled" ||
        fault.kind === "transient" ||
        fault.kind === "conflict" ||
        fault.kind === "credentials";
      if (passes || intent.action.do === "finish-interface") return { outcome: "unknown", fault, error };
      await this.#sweep(await journal.abandon(intent), inventory).catch(() => undefined);
      return { outcome: "failed", fault, error };
    }
    await journal.end(intent);
    return { outcome: "failed", fault, error };
  }

  async #send(intent: Intent, inventory: NodeInventory, first: boolean): Promise<NodeInventory> {
    const { provider, node, securityGroups } = this.#options;
    const { action } = intent;
    const call = { ...this.#call(intent.id, "change"), first };
    const version = inventory.version === undefined ? {} : { version: inventory.version };
    switch (action.do) {
      case "assign": {
        const { interface: id, family, prefix, count } = action;
        const request = { node, interface: id, family, prefix, count, ...version };
        return forgetVersion(withAddresses(inventory, id, await provider.assign(request, call)));
      }
      case "add-interface":
      case "finish-interface": {
        if (provider.ensureInterface === undefined) throw this.#unsupported("ensureInterface");
        // Known already: the provider need not read them.
        const groups = securityGroups ?? inventory.interfaces.find(({ primary }) => primary)?.securityGroups;
        const made = await provider.ensureInterface(
          {
            node,
            pool: action.pool,
            want: action.do === "add-interface" ? action.want : [],
            ...(action.do === "add-interface" && action.index !== undefined ? { index: action.index } : {}),
            ...(groups === undefined ? {} : { securityGroups: groups }),
          },
          call,
        );
        return withInterface(inventory, made);
      }
      case "release":
        if (provider.unassign === undefined) throw this.#unsupported("unassign");
        await provider.unassign({ node, interface: action.interface, cidrs: action.cidrs, ...version }, call);
        return forgetVersion(without(inventory, action));
      case "remove-interface":
        if (provider.removeInterface === undefined) throw this.#unsupported("removeInterface");
        this.#assertOurs(action.interface, inventory);
        await provider.removeInterface({ node: intent.node, interface: action.interface }, call);
        return without(inventory, action);
    }
  }

  /** Removes what an abandoned intent has left; keeps the intent until nothing more can turn up. */
  async #sweep(intent: Intent, inventory: NodeInventory): Promise<Outcome> {
    const { provider, journal, runtime } = this.#options;
    const attached = inventory.interfaces.find((one) => one.intent === intent.id && one.managed);
    const left: string[] = attached === undefined ? [] : [attached.id];
    try {
      for await (const orphan of provider.orphans?.(this.#call("", "read")) ?? [])
        if (orphan.intent === intent.id) left.push(orphan.interface);
      for (const id of left)
        await provider.removeInterface?.({ interface: id }, this.#call(intent.id, "change"));
    } catch (error) {
      this.#options.signal.throwIfAborted();
      return { outcome: "unknown", fault: this.#fault(error), error };
    }
    if (left.length > 0 || runtime.clock.now() - intent.at > FORGET_AFTER) await journal.end(intent);
    const after = left.reduce((sum, id) => withoutInterface(sum, id), inventory);
    return { outcome: "done", inventory: after };
  }

  #fault(error: unknown): CloudFault {
    const { provider, node, throttles } = this.#options;
    const fault: CloudFault = isNetloomError(error) ? { kind: "invalid" } : faultOf(provider, error);
    if (fault.kind === "throttled")
      throttles.refused(provider, node.name, fault.bucket, fault.retryAfter ?? FIRST_DELAY);
    return fault;
  }

  #call(intent: string, urgency: Urgency): CloudCall {
    const { provider, node, throttles, signal, asked } = this.#options;
    return {
      signal,
      intent,
      async admit(action) {
        await throttles.admit(provider, node.name, action, urgency, signal);
        asked(action);
      },
    };
  }

  /** Before anything irrevocable, once more. */
  #assertOurs(id: string, { interfaces }: NodeInventory): void {
    const known = interfaces.find((one) => one.id === id);
    if (known === undefined || (isOurs(known) && !known.primary)) return;
    throw new NetloomError("ERR_IPAM_FOREIGN", `interface ${id} is not ours to remove`, {
      input: id,
      backend: "cloud",
    });
  }

  #unsupported(method: string): NetloomError {
    const { name } = this.#options.provider;
    return new NetloomError("ERR_UNSUPPORTED", `${name} has no ${method}`, {
      input: method,
      remedy: "declare so in its capabilities",
      backend: "cloud",
    });
  }
}

/** Takes something away from the node. */
export function isRemoval({ do: kind }: CloudAction): boolean {
  return kind === "release" || kind === "remove-interface";
}

function without(inventory: NodeInventory, action: CloudAction): NodeInventory {
  if (action.do === "release") return withoutAddresses(inventory, action.interface, action.cidrs);
  if (action.do === "remove-interface") return withoutInterface(inventory, action.interface);
  return inventory;
}

/** The answer did not tell the new one. */
function forgetVersion(inventory: NodeInventory): NodeInventory {
  const { node, interfaces } = inventory;
  return { node, interfaces };
}
