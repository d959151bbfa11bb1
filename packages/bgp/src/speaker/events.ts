import { EventEmitter } from "eventemitter3";
import type { SpeakerEvents } from "./types.ts";

/** Events are for watching: a listener that throws breaks neither a session nor the other listeners. */
export class Events {
  readonly #emitter = new EventEmitter();
  readonly #onAudience: (event: keyof SpeakerEvents, anybody: boolean) => void;

  /** @param onAudience - somebody listens to an event now, or nobody any more. */
  constructor(onAudience: (event: keyof SpeakerEvents, anybody: boolean) => void) {
    this.#onAudience = onAudience;
  }

  /** @returns what ends it; may be called twice */
  on<Name extends keyof SpeakerEvents>(
    event: Name,
    listener: (...parameters: SpeakerEvents[Name]) => void,
  ): () => void {
    const guarded = (...parameters: unknown[]): void => {
      try {
        listener(...(parameters as unknown as SpeakerEvents[Name]));
      } catch (error) {
        // A listener of `error` that throws has nobody left to tell.
        if (event !== "error") this.report(error);
      }
    };
    this.#emitter.on(event, guarded);
    if (this.#emitter.listenerCount(event) === 1) this.#onAudience(event, true);
    return () => {
      const before = this.#emitter.listenerCount(event);
      this.#emitter.off(event, guarded);
      if (before === 1 && this.#emitter.listenerCount(event) === 0) this.#onAudience(event, false);
    };
  }

  emit<Name extends keyof SpeakerEvents>(event: Name, ...parameters: SpeakerEvents[Name]): void {
    this.#emitter.emit(event, ...parameters);
  }

  report(error: unknown): void {
    this.emit("error", error);
  }

  has(event: keyof SpeakerEvents): boolean {
    return this.#emitter.listenerCount(event) > 0;
  }

  clear(): void {
    this.#emitter.removeAllListeners();
  }
}
