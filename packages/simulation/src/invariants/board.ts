import type { Change, Revision } from "@netloom/core";
import type { PolicyKey } from "@netloom/core/backend";
import type { Scheduler } from "../kernel/scheduler.ts";
import type { Machine, MachineWatcher } from "../node/machine.ts";
import type { Check, Violation } from "./invariant.ts";

/** All checks together: tells each what it is about, and keeps the first violation. */
export class Board implements MachineWatcher {
  readonly #checks: Check[] = [];
  readonly #scheduler: Scheduler;
  #violation: Violation | undefined;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  get violation(): Violation | undefined {
    return this.#violation;
  }

  add(...checks: readonly Check[]): void {
    this.#checks.push(...checks);
  }

  fail(invariant: string, message: string): void {
    this.#violation ??= { invariant, message, step: this.#scheduler.steps, time: this.#scheduler.now };
  }

  changed(change: Change): void {
    this.#each((check) => check.onChange?.(change));
  }

  endpointWritten(machine: Machine, address: string): void {
    this.#each((check) => check.onEndpoint?.(machine, address));
  }

  addressWritten(machine: Machine, address: string): void {
    this.#each((check) => check.onAddress?.(machine, address));
  }

  prefixWritten(machine: Machine): void {
    this.#each((check) => check.onPrefix?.(machine));
  }

  policyWritten(machine: Machine, key: PolicyKey): void {
    this.#each((check) => check.onPolicy?.(machine, key));
  }

  applied(machine: Machine, before: Revision, revision: Revision): void {
    this.#each((check) => check.onApplied?.(machine, before, revision));
  }

  settled(revision: Revision): void {
    this.#each((check) => check.onSettled?.(revision));
  }

  stepped(machine: Machine): void {
    this.#each((check) => check.onStep?.(machine));
  }

  /** What has not come true yet. */
  pending(): { readonly invariant: string; readonly message: string } | undefined {
    for (const check of this.#checks) {
      const message = check.eventually?.();
      if (message !== undefined) return { invariant: check.name, message };
    }
    return undefined;
  }

  #each(ask: (check: Check) => string | undefined): void {
    if (this.#violation !== undefined) return;
    for (const check of this.#checks) {
      const message = ask(check);
      if (message !== undefined) return this.fail(check.name, message);
    }
  }
}
