import { EventEmitter } from "eventemitter3";

/** Names to the parameters of their listeners: `{ "lease:released": [lease: Lease] }`. */
export type EventMap<Events> = { readonly [Name in keyof Events]: readonly unknown[] };

/** A promise that a listener returns is watched for rejection, not waited for. */
export type Listener<Parameters extends readonly unknown[]> = (...parameters: Parameters) => unknown;

/** Hears of what a listener threw, or rejected with. What the hook itself throws is dropped. */
export type ListenerErrorHook = (error: unknown, event: string) => void;

/**
 * Tells listeners that something happened, in the order they were added, at once. Events are for watching: a
 * listener that throws breaks neither the emitter nor the other listeners. Use one per object that has events;
 * who only watches is given it as {@link Emits}.
 *
 * @example
 * const events = new TypedEmitter<{ "lease:released": [address: string] }>((error, event) => log(event, error));
 * const stop = events.on("lease:released", (address) => forget(address));
 * events.emit("lease:released", "10.0.0.7");
 * stop();
 */
export class TypedEmitter<Events extends EventMap<Events>> {
  readonly #emitter = new EventEmitter();
  readonly #onError: ListenerErrorHook;

  constructor(onError: ListenerErrorHook) {
    this.#onError = onError;
  }

  /**
   * Calls `listener` on every `event` from now on.
   *
   * @returns a function that ends this subscription; it may be called twice.
   */
  on<Name extends keyof Events & string>(event: Name, listener: Listener<Events[Name]>): () => void {
    const guarded = this.#guard(event, listener);
    this.#emitter.on(event, guarded);
    return () => void this.#emitter.off(event, guarded);
  }

  /** As {@link TypedEmitter.on}, for the next `event` only. */
  once<Name extends keyof Events & string>(event: Name, listener: Listener<Events[Name]>): () => void {
    const guarded = this.#guard(event, listener);
    this.#emitter.once(event, guarded);
    return () => void this.#emitter.off(event, guarded);
  }

  /** @returns whether anybody listened. A listener added meanwhile hears from the next event on. */
  emit<Name extends keyof Events & string>(event: Name, ...parameters: Events[Name]): boolean {
    return this.#emitter.emit(event, ...parameters);
  }

  listenerCount(event: keyof Events & string): number {
    return this.#emitter.listenerCount(event);
  }

  /** Ends every subscription, for good measure at the end of the owner's life. */
  clear(): void {
    this.#emitter.removeAllListeners();
  }

  #guard<Name extends keyof Events & string>(
    event: Name,
    listener: Listener<Events[Name]>,
  ): (...parameters: unknown[]) => void {
    return (...parameters) => {
      try {
        const result = listener(...(parameters as unknown as Events[Name]));
        if (result instanceof Promise) result.catch((error: unknown) => this.#report(error, event));
      } catch (error) {
        this.#report(error, event);
      }
    };
  }

  #report(error: unknown, event: string): void {
    try {
      this.#onError(error, event);
    } catch {
      // The hook is the last resort: a listener's failure must not spread to whoever emitted.
    }
  }
}

/** The watching half of a {@link TypedEmitter}. */
export type Emits<Events extends EventMap<Events>> = Pick<TypedEmitter<Events>, "on" | "once">;
